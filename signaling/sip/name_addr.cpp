// name-addr and addr-spec: From, To, Contact, Route and their kin. RFC 3261 20.10, 25.1, RFC 8217.
#include "signaling/sip/fields.h"
#include "signaling/sip/in_place.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parameters.h"
#include "signaling/sip/uri_scan.h"

namespace sallyport::sip {
namespace {

// Words before "<" without quotes. The grammar wants tokens; UTF-8 and dots are met in practice and harm nobody, a
// comma or semicolon would (RFC 4475 3.1.2.15).
bool is_bare_display_name(std::string_view text) {
    for (const char c : text)
        if (!scan::is(c, scan::value | scan::lws)) return false;
    return true;
}

std::optional<FieldErrc> read_rest(std::string_view uri, scan::Cursor& cursor, NameAddrView& out) {
    if (read_uri(uri, out.uri)) return FieldErrc::bad_uri;
    if (const auto error = view_parameters(cursor, out.parameters, "tag", out.tag)) return error;
    return cursor.at_end() ? std::nullopt : std::optional(FieldErrc::malformed);
}

// RFC 3261 20: without < > a comma, question mark or semicolon ends the URI, so what follows is the header's.
std::optional<FieldErrc> read_addr_spec(std::string_view text, NameAddrView& out) {
    const std::size_t end = std::min(text.find(';'), text.size());
    const std::string_view uri = scan::trim(text.substr(0, end));
    if (uri.find_first_of("?,") != std::string_view::npos) return FieldErrc::bad_uri;
    scan::Cursor cursor(text.substr(end));
    return read_rest(uri, cursor, out);
}

}  // namespace

std::optional<FieldErrc> read_name_addr(std::string_view value, NameAddrView& out) {
    value = scan::trim(value);
    if (value.empty()) return FieldErrc::empty;
    if (value.size() > limits::field_bytes) return FieldErrc::out_of_range;
    scan::Cursor cursor(value);
    if (cursor.next_is('"')) {
        const auto quoted = cursor.take_quoted();
        if (!quoted) return FieldErrc::bad_quoting;
        out.display = *quoted;
        out.quoted = true;
        cursor.skip_lws();
        if (!cursor.next_is('<')) return FieldErrc::malformed;
    } else if (!cursor.next_is('<')) {
        const auto words = cursor.take_until('<');
        const std::size_t before_parameters = value.find(';');
        if (!words || words->size() > before_parameters) return read_addr_spec(value, out);
        if (!is_bare_display_name(*words)) return FieldErrc::malformed;
        out.display = scan::trim(*words);
    }
    cursor.skip(1);
    const auto uri = cursor.take_until('>');
    if (!uri) return FieldErrc::bad_quoting;
    cursor.skip(1);
    return read_rest(*uri, cursor, out);
}

FieldResult<NameAddrView> view_name_addr(std::string_view value) {
    NameAddrView out;
    if (const auto error = read_name_addr(value, out)) return *error;
    return out;
}

FieldResult<NameAddr> parse_name_addr(std::string_view value) {
    NameAddrView out;
    if (const auto error = read_name_addr(value, out)) return *error;
    return own(out);
}

NameAddr own(const NameAddrView& party) { return {party.display_name(), own(party.uri), own(party.parameters)}; }

std::string NameAddrView::display_name() const { return quoted ? scan::unquoted(display) : std::string(display); }

std::string_view NameAddr::tag() const { return parameters.value("tag").value_or(std::string_view()); }

std::string name_addr_text(std::string_view display_name, std::string_view uri) {
    std::string out;
    out.reserve(display_name.size() + uri.size() + 8);
    if (!display_name.empty()) {
        append_quoted(out, display_name);
        out.push_back(' ');
    }
    return out.append(1, '<').append(uri).append(1, '>');
}

std::string NameAddr::text() const { return name_addr_text(display_name, uri.text()).append(parameters.text()); }

}  // namespace sallyport::sip

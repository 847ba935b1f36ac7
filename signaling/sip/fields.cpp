// The small structured fields: lists, numbers, CSeq, RAck, media types. RFC 3261 7.3.1, 20.16, 20.15, 25.1; RFC
// 3262 10.
#include "signaling/sip/fields.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "signaling/sip/in_place.h"
#include "signaling/sip/parameters.h"

namespace sallyport::sip {
namespace {

constexpr std::uint32_t cseq_bound = 0x7fff'ffff;  // RFC 3261 8.1.1.5: below 2^31

// Digits, LWS, method: CSeq itself and the tail of RAck.
std::optional<FieldErrc> scan_cseq(scan::Cursor& cursor, CSeq& out) {
    cursor.skip_lws();
    const std::string_view digits = cursor.take_while(scan::digit);
    if (digits.empty()) return FieldErrc::bad_number;
    const auto number = scan::number<std::uint32_t>(digits, cseq_bound);
    if (!number) return FieldErrc::out_of_range;
    const std::size_t before = cursor.rest().size();
    cursor.skip_lws();
    if (cursor.rest().size() == before) return FieldErrc::malformed;
    const std::string_view method = cursor.take_while(scan::token);
    cursor.skip_lws();
    if (method.empty() || !cursor.at_end()) return FieldErrc::malformed;
    out.number = *number;
    out.method = method_from(method);
    out.method_text = method;
    return std::nullopt;
}

}  // namespace

std::string_view take_from_list(std::string_view& rest) { return scan::take_element(rest); }

std::optional<FieldErrc> read_cseq(std::string_view value, CSeq& out) {
    scan::Cursor cursor(value);
    cursor.skip_lws();
    if (cursor.at_end()) return FieldErrc::empty;
    return scan_cseq(cursor, out);
}

FieldResult<CSeq> parse_cseq(std::string_view value) {
    CSeq out;
    if (const auto error = read_cseq(value, out)) return *error;
    return out;
}

FieldResult<RAck> parse_rack(std::string_view value) {
    scan::Cursor cursor(value);
    cursor.skip_lws();
    if (cursor.at_end()) return FieldErrc::empty;
    const std::string_view digits = cursor.take_while(scan::digit);
    const auto rseq = scan::number<std::uint32_t>(digits);
    if (!rseq) return digits.empty() ? FieldErrc::bad_number : FieldErrc::out_of_range;
    if (!cursor.next_is(' ') && !cursor.next_is('\t')) return FieldErrc::malformed;
    CSeq cseq;
    if (const auto error = scan_cseq(cursor, cseq)) return *error;
    return RAck{*rseq, cseq.number, cseq.method};
}

// RFC 3261 20.33: "18000;duration=3600", "120 (I'm in a meeting)".
double q_of(const NameAddr& contact) {
    const auto text = contact.parameters.value("q");
    if (!text) return 1.0;
    double q = 1.0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), q, std::chars_format::fixed);
    const bool sound = error == std::errc{} && end == text->data() + text->size() && q >= 0.0 && q <= 1.0;
    return sound ? q : 1.0;
}

std::string q_text(double q) {
    const long thousandths = std::lround(q * 1000);
    if (thousandths >= 1000) return "1";
    const std::string digits = std::to_string(std::max(0L, thousandths));
    return "0." + std::string(3 - digits.size(), '0') + digits;
}

FieldResult<std::uint32_t> parse_retry_after(std::string_view value) {
    return parse_number(value.substr(0, value.find_first_of(";(")));
}

FieldResult<std::uint32_t> parse_number(std::string_view value) {
    value = scan::trim(value);
    if (value.empty()) return FieldErrc::empty;
    if (!scan::all(value, scan::digit)) return FieldErrc::bad_number;
    const auto number = scan::number<std::uint32_t>(value);
    if (!number) return FieldErrc::out_of_range;
    return *number;
}

FieldResult<MediaTypeView> view_media_type(std::string_view value) {
    scan::Cursor cursor(value);
    cursor.skip_lws();
    if (cursor.at_end()) return FieldErrc::empty;
    MediaTypeView out;
    out.type = cursor.take_while(scan::token);
    cursor.skip_lws();
    if (out.type.empty() || !cursor.take('/')) return FieldErrc::malformed;
    cursor.skip_lws();
    out.subtype = cursor.take_while(scan::token);
    if (out.subtype.empty()) return FieldErrc::malformed;
    std::string_view wanted;
    if (const auto error = view_parameters(cursor, out.parameters, {}, wanted)) return *error;
    if (!cursor.at_end()) return FieldErrc::malformed;
    return out;
}

FieldResult<MediaType> parse_media_type(std::string_view value) {
    const auto view = view_media_type(value);
    if (!view) return view.error();
    return MediaType{scan::lowered(view->type), scan::lowered(view->subtype), own(view->parameters)};
}

bool MediaTypeView::is(std::string_view full) const {
    const std::size_t slash = full.find('/');
    return slash != std::string_view::npos && equal_ignoring_case(full.substr(0, slash), type) &&
           equal_ignoring_case(full.substr(slash + 1), subtype);
}

bool MediaType::is(std::string_view full) const { return MediaTypeView{type, subtype, {}}.is(full); }

std::vector<std::string_view> split_list(std::string_view value) {
    std::vector<std::string_view> out;
    split_list(value, out);
    return out;
}

void split_list(std::string_view value, std::vector<std::string_view>& out) {
    while (!value.empty())
        if (const auto one = take_from_list(value); !one.empty()) out.push_back(one);
}

std::string_view first_of_list(std::string_view value) {
    std::string_view one;
    while (one.empty() && !value.empty()) one = take_from_list(value);
    return one;
}

std::string quote(std::string_view text) {
    if (is_token(text)) return std::string(text);
    std::string out;
    append_quoted(out, text);
    return out;
}

bool is_token(std::string_view text) { return !text.empty() && scan::all(text, scan::token); }

bool are_same_letters(const char* a, const char* b, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        if (a[i] != b[i] && scan::lower(a[i]) != scan::lower(b[i])) return false;
    return true;
}

std::string_view to_string(FieldErrc e) {
    switch (e) {
        case FieldErrc::empty: return "empty";
        case FieldErrc::malformed: return "malformed";
        case FieldErrc::bad_number: return "bad number";
        case FieldErrc::bad_uri: return "bad URI";
        case FieldErrc::bad_parameter: return "bad parameter";
        case FieldErrc::bad_quoting: return "unbalanced quotes or brackets";
        case FieldErrc::bad_version: return "unknown version";
        case FieldErrc::out_of_range: return "out of range";
    }
    return "malformed";
}

}  // namespace sallyport::sip

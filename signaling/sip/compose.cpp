// Writing messages, RFC 3261 7 and 8.2.6.
#include "signaling/sip/compose.h"

#include "signaling/sip/refusal.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {
namespace {

void append_line_text(std::string& out, std::string_view value) {
    const std::size_t begin = out.size();
    out.append(value);
    for (char* c = out.data() + begin; c != out.data() + out.size(); ++c)
        if (*c == '\r' || *c == '\n' || *c == '\0') *c = ' ';
}

void append_name(std::string& out, std::string_view name) {  // a name that is no token could smuggle a field as well
    const std::size_t begin = out.size();
    out.append(name);
    for (char* c = out.data() + begin; c != out.data() + out.size(); ++c)
        if (!scan::is(*c, scan::token)) *c = '-';
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    append_name(out, name);
    out.append(": ");
    append_line_text(out, value);
    out.append("\r\n");
}

}  // namespace

Composer Composer::request(std::string_view method, std::string_view uri) {
    Composer composer;
    composer.text_.reserve(1024);
    append_name(composer.text_, method);
    composer.text_.push_back(' ');
    append_line_text(composer.text_, uri);
    composer.text_.append(" SIP/2.0\r\n");
    return composer;
}

Composer Composer::response(std::uint16_t status, std::string_view reason) {
    Composer composer;
    composer.text_.reserve(1024);
    composer.text_.append("SIP/2.0 ").append(std::to_string(status)).push_back(' ');
    append_line_text(composer.text_, reason.empty() ? reason_phrase(status) : reason);
    composer.text_.append("\r\n");
    return composer;
}

Composer& Composer::add(HeaderName name, std::string_view value) {
    if (name != HeaderName::content_length) append(to_string(name), value);  // finish() knows better
    return *this;
}

Composer& Composer::add(std::string_view name, std::string_view value) {
    if (header_name_from(name) != HeaderName::content_length)
        append_field(text_, name, value);  // finish() knows better
    return *this;
}

// One of our own table: a token.
void Composer::append(std::string_view canonical_name, std::string_view value) {
    text_.append(canonical_name).append(": ");
    append_line_text(text_, value);
    text_.append("\r\n");
}

Composer& Composer::copy(const Message& from, HeaderName name) {
    for (std::size_t i = 0; i < from.field_count(); ++i)
        if (const Field field = from.field(i); field.name == name) add(name, field.value);
    return *this;
}

std::string Composer::finish(std::string_view content_type, std::string_view body) {
    if (!content_type.empty()) add(HeaderName::content_type, content_type);
    append(to_string(HeaderName::content_length), std::to_string(body.size()));
    text_.append("\r\n").append(body);
    return std::move(text_);
}

Composer respond(const Message& request, std::uint16_t status, std::string_view to_tag, const Endpoint* source,
                 std::string_view reason) {
    Composer composer = Composer::response(status, reason);
    bool is_top = true;
    for (std::size_t i = 0; i < request.field_count(); ++i) {
        const Field field = request.field(i);
        if (field.name != HeaderName::via) continue;
        std::optional<std::string> top;
        if (is_top) top = answered_via(field.value, source);
        composer.add(HeaderName::via, top ? std::string_view(*top) : field.value);
        is_top = false;
    }
    composer.copy(request, HeaderName::from);
    std::string to(request.first(HeaderName::to).value_or(""));
    if (status != 100 && !to_tag.empty() && request.to_tag().empty()) to = tagged(to, request.to(), to_tag);
    composer.add(HeaderName::to, to);
    composer.add(HeaderName::call_id, request.call_id());
    composer.copy(request, HeaderName::cseq);
    if (status == 100) composer.copy(request, HeaderName::timestamp);
    return composer;
}

}  // namespace sallyport::sip

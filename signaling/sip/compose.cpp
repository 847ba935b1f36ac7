// Writing messages, RFC 3261 7 and 8.2.6.
#include "signaling/sip/compose.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <charconv>

#include "signaling/sip/refusal.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {
namespace {

// CR, LF or NUL: hardly any value has one.
bool has_line_end(std::string_view value) {
    std::size_t i = 0;
#ifdef __SSE2__
    const __m128i cr = _mm_set1_epi8('\r'), lf = _mm_set1_epi8('\n'), nul = _mm_setzero_si128();
    for (; i + 16 <= value.size(); i += 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(value.data() + i));
        const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(bytes, nul),
                                           _mm_or_si128(_mm_cmpeq_epi8(bytes, cr), _mm_cmpeq_epi8(bytes, lf)));
        if (_mm_movemask_epi8(found) != 0) return true;
    }
#endif
    for (; i < value.size(); ++i)
        if (value[i] == '\r' || value[i] == '\n' || value[i] == '\0') return true;
    return false;
}

void append_line_text(std::string& out, std::string_view value) {
    const std::size_t begin = out.size();
    out.append(value);
    if (!has_line_end(value)) return;
    for (char* c = out.data() + begin; c != out.data() + out.size(); ++c)
        if (*c == '\r' || *c == '\n' || *c == '\0') *c = ' ';
}

void append_name(std::string& out, std::string_view name) {  // a name that is no token could smuggle a field as well
    const std::size_t begin = out.size();
    out.append(name);
    for (char* c = out.data() + begin; c != out.data() + out.size(); ++c)
        if (!scan::is(*c, scan::token)) *c = '-';
}

void append_number(std::string& out, std::size_t number) {
    std::array<char, 20> digits;
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
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
    composer.text_.append("SIP/2.0 ");
    append_number(composer.text_, status);
    composer.text_.push_back(' ');
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
    if (!from.has(name)) return *this;
    for (std::size_t i = 0; i < from.field_count(); ++i)
        if (const Field field = from.field(i); field.name == name) add(name, field.value);
    return *this;
}

std::string Composer::finish(std::string_view content_type, std::string_view body) {
    if (!content_type.empty()) add(HeaderName::content_type, content_type);
    text_.append("Content-Length: ");
    append_number(text_, body.size());
    text_.append("\r\n");
    text_.append("\r\n").append(body);
    return std::move(text_);
}

std::string_view own_field(std::string_view message, std::string_view name) {
    while (!message.empty()) {
        const std::size_t end = std::min(message.find('\r'), message.size());
        const std::string_view line = message.substr(0, end);
        if (line.empty()) return {};
        if (line.starts_with(name) && line.substr(name.size()).starts_with(": ")) return line.substr(name.size() + 2);
        message.remove_prefix(std::min(end + 2, message.size()));
    }
    return {};
}

std::string_view own_uri(std::string_view request) {
    request.remove_prefix(std::min(request.find(' ') + 1, request.size()));
    return request.substr(0, request.find(' '));
}

Composer respond(const Message& request, std::uint16_t status, std::string_view to_tag, const Endpoint* source,
                 std::string_view reason) {
    Composer composer = Composer::response(status, reason);
    bool is_top = true;
    std::string_view from, to, cseq;
    for (std::size_t i = 0; i < request.field_count(); ++i) {
        const Field field = request.field(i);
        switch (field.name) {
            case HeaderName::via:
                if (is_top)
                    composer.add(HeaderName::via, answered_via(request.top_via(), field.value, source));
                else
                    composer.add(HeaderName::via, field.value);
                is_top = false;
                break;
            case HeaderName::from: from = field.value; break;  // each of these stands once, or twice the same
            case HeaderName::to: to = field.value; break;
            case HeaderName::cseq: cseq = field.value; break;
            default: break;
        }
    }
    composer.add(HeaderName::from, from);
    if (status != 100 && !to_tag.empty() && request.to_tag().empty())
        composer.add(HeaderName::to, tagged(to, request.to(), to_tag));
    else
        composer.add(HeaderName::to, to);
    composer.add(HeaderName::call_id, request.call_id()).add(HeaderName::cseq, cseq);
    if (status == 100) composer.copy(request, HeaderName::timestamp);
    return composer;
}

}  // namespace sallyport::sip

// rooms: sip
// A REGISTER with a few bytes changed, put in or left out: when it fits the stencil of the first one it parses, has the
// same fields, and says in the holes what the parser finds there.
#include <cstdint>
#include <string>

#include "control/base/check.h"
#include "signaling/sip/digest.h"
#include "signaling/sip/parser.h"
#include "signaling/sip/stencil.h"

namespace {

using namespace sallyport;
using namespace sallyport::sip;

const std::string first =
    "REGISTER sip:sp.example SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK1;rport\r\nVia: SIP/2.0/UDP "
    "q;branch=z9hG4bK2\r\n"
    "Authorization: Digest username=\"acme\", realm=\"sp.example\", nonce=\"0123\", uri=\"sip:sp.example\", "
    "response=\"0123456789abcdef0123456789abcdef\", qop=auth, nc=00000001, cnonce=\"c\", algorithm=MD5\r\n"
    "From: \"A \\\" C\" <sip:acme@sp.example>;tag=p\r\nTo: <sip:acme@sp.example>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n"
    "Contact: <sip:192.0.2.7;bnc>;expires=60\r\nContent-Length: 3\r\n\r\nabc";

std::string_view cseq_digits(const Message& message) {
    const auto value = *message.first(HeaderName::cseq);
    return value.substr(0, value.find_first_not_of("0123456789"));
}
std::string_view proof(const Message& message, std::string_view name) {
    return auth_parameter(*message.first(HeaderName::authorization), name).value_or("");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Message message = std::move(*Parser::parse(first));
    static const auto stencil = Stencil::cut(message.text(), {{HoleName::branch, message.top_via().branch},
                                                              {HoleName::from_tag, message.from_tag()},
                                                              {HoleName::cseq, cseq_digits(message)},
                                                              {HoleName::nonce, proof(message, "nonce")},
                                                              {HoleName::nonce_count, proof(message, "nc")},
                                                              {HoleName::cnonce, proof(message, "cnonce")},
                                                              {HoleName::response, proof(message, "response")}});
    SALLYPORT_CHECK(stencil.has_value());
    std::string text = first;
    for (std::size_t i = 0; i + 3 < size && i < 4 * 16; i += 4) {  // what, where (two bytes), which
        const std::size_t at = (std::size_t{data[i + 1]} << 8 | data[i + 2]) % text.size();
        const char c = static_cast<char>(data[i + 3]);
        switch (data[i] % 3) {
            case 0: text[at] = c; break;
            case 1: text.insert(at, 1 + data[i] / 3 % 4, c); break;
            default: text.erase(at, 1);
        }
    }
    HoleValues values;
    if (!stencil->read(text, values)) return 0;
    SALLYPORT_CHECK(stencil->write(values) == text);
    const auto parsed = Parser::parse(text);
    SALLYPORT_CHECK(parsed.has_value() && parsed->text() == text && parsed->field_count() == message.field_count());
    for (std::size_t i = 0; i < message.field_count(); ++i)
        SALLYPORT_CHECK(parsed->field(i).name_text == message.field(i).name_text);
    SALLYPORT_CHECK(parsed->top_via().branch == values[HoleName::branch]);
    SALLYPORT_CHECK(parsed->from_tag() == values[HoleName::from_tag]);
    SALLYPORT_CHECK(parsed->from().display_name() == message.from().display_name());
    SALLYPORT_CHECK(cseq_digits(*parsed) == values[HoleName::cseq]);
    SALLYPORT_CHECK(proof(*parsed, "nonce") == values[HoleName::nonce]);
    SALLYPORT_CHECK(proof(*parsed, "nc") == values[HoleName::nonce_count]);
    SALLYPORT_CHECK(proof(*parsed, "cnonce") == values[HoleName::cnonce]);
    SALLYPORT_CHECK(proof(*parsed, "response") == values[HoleName::response]);
    return 0;
}

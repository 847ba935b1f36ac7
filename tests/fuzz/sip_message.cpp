// rooms: sip
// corpora: corpus torture fuzz/advisories fuzz/pjsip/seed/fuzz-sip fuzz/profuzzbench fuzz/sip-fuzzed-capture fuzz/sipgo
// Any bytes are one message or one error; a message composed anew from its fields reads back equal; an error response
// is itself sane and never larger than the request allows.
#include <string>

#include "control/base/check.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parser.h"
#include "signaling/sip/privacy.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

std::string recomposed(const Message& m) {
    Composer composer = m.is_request() ? Composer::request(m.method_text(), m.request_uri())
                                       : Composer::response(m.status(), m.reason().empty() ? " " : m.reason());
    for (std::size_t i = 0; i < m.field_count(); ++i) {
        const Field f = m.field(i);
        if (f.name != HeaderName::content_length)
            composer.add(f.name == HeaderName::other ? f.name_text : to_string(f.name), f.value);
    }
    return composer.finish({}, m.body());
}

void check_message(const Message& m) {
    SALLYPORT_CHECK(m.field_count() <= limits::header_fields);
    SALLYPORT_CHECK(!m.call_id().empty() && !m.top_via().host.empty() && !m.method_text().empty());
    SALLYPORT_CHECK(m.is_request() != m.request_uri().empty());
    for (std::size_t i = 0; i < m.field_count(); ++i) {
        const Field f = m.field(i);
        SALLYPORT_CHECK(f.value.find_first_of("\r\n") == std::string_view::npos);
        SALLYPORT_CHECK(is_token(f.name_text));
        SALLYPORT_CHECK(m.values(f.name).size() <= limits::list_values || !is_list(f.name));
        SALLYPORT_CHECK(m.first(f.name_text).has_value());
    }
    // Content-Length is added and a message may stand at the limits already: those two errors are fair.
    const std::string text = recomposed(m);
    const auto again = Parser::parse(text, Framing::stream);
    if (again.has_error()) {
        const auto code = again.error().code;
        SALLYPORT_CHECK(code == ParseErrc::too_large || code == ParseErrc::too_many_fields);
        return;
    }
    SALLYPORT_CHECK(again->request_uri() == m.request_uri() && again->status() == m.status());
    SALLYPORT_CHECK(again->body() == m.body() && again->cseq().method_text == m.cseq().method_text);
    SALLYPORT_CHECK(own(again->top_via()).text() == own(m.top_via()).text());
    // NUL became a space on the way, and a space at an end is trimmed.
    if (m.text().find('\0') == std::string_view::npos) SALLYPORT_CHECK(recomposed(*again) == text);
}

void check_answer(const Message& m) {
    const Endpoint source{IpAddress::v4(192, 0, 2, 9), 5099};
    const std::string text = respond(m, 486, "tag", &source).finish();
    const auto response = Parser::parse(text, Framing::stream);
    if (response.has_error()) {  // at the limit of a field, what we add exceeds it
        SALLYPORT_CHECK(response.error().code == ParseErrc::too_large);
        return;
    }
    SALLYPORT_CHECK(response->status() == 486 && response->call_id() == m.call_id());
    SALLYPORT_CHECK(response->cseq().number == m.cseq().number && !response->to_tag().empty());
    SALLYPORT_CHECK(response->values(HeaderName::via).size() == m.values(HeaderName::via).size());
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    return {
        "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h:5061;branch=z9hG4bK1;rport, SIP/2.0/TCP "
        "[::1]\r\nMax-Forwards: 70\r\n"
        "From: \"A \\\" B\" <sip:a@b;lr>;tag=1\r\nTo: sip:c@d\r\nCall-ID: x@y\r\nCSeq: 1 INVITE\r\nSubject: a\r\n "
        "b\r\nk: timer\r\n"
        "l: 4\r\n\r\nv=0\n",
        "SIP/2.0 200 OK\r\nv:SIP/2.0/TLS h\r\nf:<sip:a@b>;tag=1\r\nt:<sip:c@d>;tag=2\r\ni:x\r\nCSeq:1 "
        "BYE\r\nl:0\r\n\r\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const auto framing : {Framing::datagram, Framing::stream}) {
        const auto parsed = Parser::parse(bytes, framing);
        if (parsed.has_value()) {
            check_message(*parsed);
            SALLYPORT_CHECK(privacy_of(*parsed).text().size() < 64);
            if (parsed->is_request()) check_answer(*parsed);
            continue;
        }
        const ParseError& error = parsed.error();
        SALLYPORT_CHECK(!to_string(error.code).empty());
        if (!error.response) continue;
        SALLYPORT_CHECK(error.response->starts_with("SIP/2.0 4") || error.response->starts_with("SIP/2.0 5"));
        SALLYPORT_CHECK(error.response->size() <= 3 * size && parse_via(error.response_via).has_value());
        SALLYPORT_CHECK(error.response->find("\r\n\r\n") == error.response->size() - 4);
    }
    return 0;
}

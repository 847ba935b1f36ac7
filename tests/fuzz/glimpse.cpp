// rooms: sip
// corpora: corpus torture/rfc4475 fuzz/advisories fuzz/profuzzbench
// Whatever the octets, a glimpse ends, and a refusal made from a message that parses is a response to it that parses.
#include "signaling/sip/glimpse.h"

#include <string>

#include "control/base/check.h"
#include "signaling/sip/parser.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

std::vector<std::string> test::fuzz_seeds() {
    return {
        "INVITE sip:+493010@h SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKa;rport\r\nv: SIP/2.0/TCP "
        "h;branch=z9hG4bKb\r\nMax-Forwards: 70\r\nf: <sip:a@h>;tag=f\r\nt:\r\n <sip:b@h>\r\ni: c\r\nCSeq: 1 "
        "INVITE\r\nResource-Priority: esnet.0\r\nContent-Length: 0\r\n\r\n",
        "REGISTER sip:h SIP/2.0\nAuthorization: Digest\nTo: <sip:a@h>;tag = x ;y\n\n", "SIP/2.0 200 OK\r\n\r\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto seen = glimpse(bytes);
    const auto source = Endpoint::parse("198.51.100.7:5090").value();
    const auto refused = refuse_briefly(seen, source, "mark", "7");
    if (!refused) return 0;
    SALLYPORT_CHECK(refused->text.size() < bytes.size() + 400);
    SALLYPORT_CHECK(refused->text.find('\0') == std::string::npos);
    const auto request = Parser::parse(bytes);
    if (!request.has_value() || !request->is_request()) return 0;
    const auto response = Parser::parse(refused->text);
    SALLYPORT_CHECK(response.has_value() && response->status() == 503);
    SALLYPORT_CHECK(response->call_id() == request->call_id());
    SALLYPORT_CHECK(!response->to_tag().empty());
    return 0;
}

// rooms: registrar
// Any REGISTER, authenticated or not: a composed answer that parses, bindings within their bounds, nobody let in
// without the password.
#include <string>

#include "control/base/check.h"
#include "signaling/registrar/authenticator.h"
#include "signaling/registrar/registrar.h"
#include "signaling/sip/parser.h"

namespace {

using namespace sallyport;
using namespace sallyport::registrar;

const std::string_view head =
    "REGISTER sip:sp.example SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK1\r\nFrom: <sip:acme@sp.example>;tag=p\r\n"
    "To: <sip:acme@sp.example>\r\nCall-ID: r\r\nCSeq: 1 REGISTER\r\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    // Either the whole message is the fuzzer's, or it fills in fields below a head that parses.
    const std::string bytes =
        (data[0] & 1) != 0 ? std::string(text) : std::string(head) + std::string(text) + "\r\n\r\n";
    const auto request = sip::Parser::parse(bytes);
    if (!request.has_value() || !request->is_request()) return 0;

    SeededRandom random(1);
    const TimePoint now = TimePoint{} + 1'000'000s;
    NonceCounts counts;
    Authenticator authenticator(std::string(32, 'k'), 300s, random, counts);
    const auto lookup = [](std::string_view, std::string_view) { return CredentialSecret{"acme", "", ""}; };
    const auto who = authenticator.check(*request, (data[0] & 2) != 0, "sp.example", lookup, now);
    SALLYPORT_CHECK(who.outcome != Authentication::Outcome::authenticated);

    LocationStore locations;
    Registrar registrar(locations);
    RegistrarPolicy policy{"acme", "acme", "sp.example", (data[0] & 4) != 0, data[1] % 4u};
    Flow flow;
    flow.remote = {IpAddress::v4(192, 0, 2, 7), 5060};
    for (int round = 0; round < 2; ++round) {
        const auto outcome = registrar.handle(*request, flow, policy, "ours", now);
        const auto response = sip::Parser::parse(outcome.response);
        // What the request brought along and is copied back may make the response longer than any message may be.
        const bool too_large = outcome.response.size() > 60'000 || request->field_count() > 200;
        SALLYPORT_CHECK(too_large || (response.has_value() && response->status() == outcome.status));
        SALLYPORT_CHECK(locations.size() <= policy.max_contacts);
    }
    for (const Binding& b : locations.usable("acme", now)) SALLYPORT_CHECK(!target_uri(b, "+4930").empty());
    locations.expire(now + 2h);
    SALLYPORT_CHECK(locations.size() == 0);
    return 0;
}

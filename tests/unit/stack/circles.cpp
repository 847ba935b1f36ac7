// Calls that go in a circle through a PBX that proxies them back: the Session-ID tells, long before Max-Forwards does.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

struct Circle : Bench {
    Circle() {
        auto trunk = default_trunk();
        trunk.on_net = config::OnNet::node;
        trunk.identity.screening = config::Screening::pass;
        trunk.numbering.dial_plan.emergency_numbers = {"112"};
        bind();
        configure(trunk, default_carrier());
        sent.clear();
    }
    // What a proxy makes of an INVITE that it has had: one hop less, its own Via on top, and another Request-URI.
    std::string proxied(const sip::Message& invite, std::string_view uri, int hops = 1, std::string_view branch = "") {
        std::string text(invite.text());
        const auto left = static_cast<int>(*invite.max_forwards());
        const auto field = "Max-Forwards: " + std::to_string(left);
        text.replace(text.find(field), field.size(), "Max-Forwards: " + std::to_string(left - hops));
        text.replace(7, text.find(" SIP/2.0") - 7, uri);
        const std::string description = secure_sdp("198.51.100.10", 5004, "A");  // a PBX stays in the media path
        const auto length = text.find("Content-Length: ") + 16;
        text.replace(length, text.find("\r\n", length) - length, std::to_string(description.size()));
        text.replace(text.find("\r\n\r\n") + 4, text.npos, description);
        return with(std::move(text), "Via: SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKturn" +
                                         std::to_string(++proxies) + std::string(branch) + "\r\n");
    }
    std::uint16_t final_status() {
        std::uint16_t status = 0;
        while (!sent.empty()) {
            const auto message = next();
            if (!message.is_request() && message.status() >= 200) status = message.status();
        }
        return status;
    }
    int proxies = 0;
};

const std::string itself = "sip:+4930101@sip.example.net";

}  // namespace

TEST_CASE(
    "A PBX that proxies a call back to itself is told 482 at the third turn, not 483 at the thirty-fifth [E-36]") {
    Circle b;
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    int turns = 0;
    std::uint16_t status = 0;
    for (auto to_pbx = b.find("INVITE"); status == 0; to_pbx = b.find("INVITE")) {
        REQUIRE(b.last.flow == b.pbx_flow());
        b.receive(b.pbx_flow(), b.proxied(to_pbx, itself));
        ++turns;
        REQUIRE(turns < 35);
        bool goes_on = false;
        for (const auto& t : b.sent) goes_on |= t.bytes->starts_with("INVITE ");
        if (goes_on) continue;
        status = b.final_status();
        break;
    }
    CHECK(status == 482);
    CHECK(turns == 3);
}

TEST_CASE("A call that is sent on, tried again, forked or made to another number is no circle [E-36]") {
    Circle b;
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    const auto to_pbx = b.find("INVITE");
    int calls = 0;
    const auto sends = [&](std::string_view uri, int hops) {
        auto text = b.proxied(to_pbx, uri, hops);
        const std::string id(to_pbx.call_id());
        for (auto at = text.find(id); at != text.npos; at = text.find(id, at + id.size() + 3))
            text.replace(at, id.size(), std::to_string(100 + ++calls) + id);
        b.receive(b.pbx_flow(), text);
        const bool goes_on = b.find("INVITE").is_request();
        b.sent.clear();
        return goes_on;
    };
    b.sent.clear();
    for (int again = 0; again < 5; ++again) CHECK(sends("sip:+442055501@sip.example.net", 1));
    for (int number = 10; number < 20; ++number)
        CHECK(sends("sip:+4420555" + std::to_string(number) + "@sip.example.net", number - 9));
    for (int hops = 1; hops < 10; ++hops) CHECK(sends("sip:112@sip.example.net", hops));
}

}  // namespace sallyport::stack

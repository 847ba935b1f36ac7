// What a trunk leaves behind that is deleted, or is another one under the same name: no registration of it is called or
// believed, and no connection that it has proved.
#include <algorithm>

#include "tests/unit/stack/digest_client.h"

namespace sallyport::stack {
namespace {

struct Registered : Bench {
    Registered() {
        const std::string uri = "sip:sip.example.net";
        const auto request = [&](std::uint32_t cseq, std::string_view authorization) {
            auto c = sip::Composer::request("REGISTER", uri);
            c.add("Via", "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKreg" + std::to_string(cseq))
                .add("Max-Forwards", "70")
                .add("From", "<sip:acme@sip.example.net>;tag=r")
                .add("To", "<sip:acme@sip.example.net>")
                .add("Call-ID", "register@pbx")
                .add("CSeq", std::to_string(cseq) + " REGISTER")
                .add("Require", "gin")
                .add("Proxy-Require", "gin")
                .add("Supported", "path")
                .add("Contact", "<sip:198.51.100.10:5061;transport=tls;bnc>");
            if (!authorization.empty()) c.add("Authorization", authorization);
            return c.finish();
        };
        receive(pbx_flow(), request(1, {}));
        const auto challenge = next("401");
        receive(pbx_flow(),
                request(2, credentials(challenge, sip::HeaderName::www_authenticate, "REGISTER", uri, "secret")));
        next("200");
        sent.clear();
        REQUIRE(shared.locations.size() == 1);
        shared.locations.remember_changes();
    }
    // What becomes of a call to its number, and of one from where it has registered.
    std::uint16_t to_it() {
        receive(core_flow(),
                core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000), std::to_string(++calls) + "@core"));
        return answered();
    }
    std::uint16_t from_it() {
        receive(pbx_flow(), invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"),
                                   std::to_string(++calls) + "@pbx"));
        return answered();
    }
    std::uint16_t answered() {
        std::uint16_t status = 0;
        while (!sent.empty()) {
            const auto message = next();
            if (!message.is_request()) status = message.status();
            if (message.is_request() && message.method() == sip::Method::invite) status = 0;  // it goes on
        }
        return status;
    }
    int calls = 0;
};

config::Trunk anew(std::string aor = "sip:acme@sip.example.net") {
    auto trunk = Bench::default_trunk();
    trunk.registration_aor = std::move(aor);
    return trunk;
}

}  // namespace

TEST_CASE("A trunk that is deleted leaves no registration behind, and made anew under its name it has none") {
    Registered b;
    CHECK(b.to_it() == 0);
    CHECK(b.from_it() == 0);
    config::Trunk other = Bench::default_trunk();
    other.id = "other";
    other.numbers = {{"+4940100", "+4940199"}};
    other.registration_aor = "sip:other@sip.example.net";
    other.credentials.clear();
    b.configure(other, Bench::default_carrier());
    CHECK(b.shared.locations.size() == 0);
    const auto changes = b.shared.locations.take_changes();
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].first == "acme");
    CHECK(changes[0].second.empty());
    b.configure(anew(), Bench::default_carrier());
    CHECK(b.shared.locations.all().empty());
    b.sent.clear();
    CHECK(b.to_it() == 480);
    CHECK(b.from_it() == 407);
    CHECK(b.stack.statistics().registrations.read() == 0);
}

TEST_CASE("A trunk that has another AOR, or registers no more, is not met where the one before it had registered") {
    {
        Registered b;
        b.configure(anew("sip:globex@sip.example.net"), Bench::default_carrier());
        CHECK(b.shared.locations.size() == 0);
        b.sent.clear();
        CHECK(b.to_it() == 480);
        CHECK(b.from_it() == 407);
    }
    {
        Registered b;
        auto trunk = Bench::default_trunk();
        trunk.mode = config::TrunkMode::static_;
        trunk.sources = {config::AddressBlock::parse("198.51.100.99").value()};
        trunk.targets = {{"198.51.100.99", 5061, config::Transport::tls, 0, 0}};
        b.configure(trunk, Bench::default_carrier());
        CHECK(b.shared.locations.size() == 0);
    }
}

TEST_CASE("Whatever else of a trunk is changed, it stays registered") {
    Registered b;
    auto trunk = anew("sip:acme@SIP.example.net");
    trunk.numbers.push_back({"+4940100", "+4940199"});
    trunk.limits.concurrent_calls = 7;
    trunk.display_name = "Acme";
    b.configure(trunk, Bench::default_carrier());
    CHECK(b.shared.locations.size() == 1);
    b.sent.clear();
    CHECK(b.to_it() == 0);
    CHECK(b.from_it() == 0);
}

TEST_CASE("A connection that a trunk has proved by Digest proves nothing any more once its credential is gone") {
    Bench b;
    auto trunk = Bench::default_trunk();
    trunk.mode = config::TrunkMode::static_;
    trunk.sources = {config::AddressBlock::parse("198.51.100.10").value()};
    trunk.targets = {{"198.51.100.10", 5061, config::Transport::tls, 0, 0}};
    b.configure(trunk, Bench::default_carrier());
    b.shared.proven.add(b.pbx_flow(), "acme", "acme");
    b.configure(trunk, Bench::default_carrier());
    CHECK(b.shared.proven.has(b.pbx_flow(), "acme"));
    trunk.credentials.front().username = "somebody-else";
    b.configure(trunk, Bench::default_carrier());
    CHECK_FALSE(b.shared.proven.has(b.pbx_flow(), "acme"));
    b.shared.proven.add(b.pbx_flow(), "acme", "somebody-else");
    trunk.id = "other";
    b.configure(trunk, Bench::default_carrier());
    CHECK(b.shared.proven.size() == 0);
}

}  // namespace sallyport::stack

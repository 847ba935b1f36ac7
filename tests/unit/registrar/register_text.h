// REGISTER requests of the PBX "acme" and what the registrar makes of them.
#pragma once

#include <string>
#include <vector>

#include "signaling/registrar/registrar.h"
#include "tests/support/message_text.h"

namespace sallyport::test {

struct Register {
    std::string contact = "<sip:198.51.100.7:5070;bnc>";
    std::string extensions = "Require: gin\nProxy-Require: gin\nSupported: path\n";
    std::string expires;  // header
    std::string to = "<sip:acme@sp.example>", from = "<sip:acme@sp.example>;tag=p";
    std::string call_id = "r1@pbx";
    int number = 1;

    std::string text() const {
        return "REGISTER sip:sp.example SIP/2.0\n"
               "Via: SIP/2.0/TLS 198.51.100.7;branch=z9hG4bK" +
               call_id + std::to_string(number) + "\nMax-Forwards: 70\nFrom: " + from + "\nTo: " + to +
               "\nCall-ID: " + call_id + "\nCSeq: " + std::to_string(number) + " REGISTER\n" + extensions +
               (contact.empty() ? "" : "Contact: " + contact + "\n") +
               (expires.empty() ? "" : "Expires: " + expires + "\n");
    }
};

inline Flow pbx_flow(std::uint64_t connection, std::uint16_t port = 40'000) {
    Flow flow;
    flow.transport = Transport::tls;
    flow.local = {IpAddress::v4(192, 0, 2, 1), 5061};
    flow.remote = {IpAddress::v4(198, 51, 100, 7), port};
    flow.connection = connection;
    return flow;
}

struct RegistrarBench {
    registrar::LocationStore locations;
    registrar::Registrar registrar{locations};
    registrar::RegistrarPolicy policy{"acme-hq", "acme", "sp.example", false, 4, 60, 3600, 3600};
    TimePoint now = TimePoint{} + 1'000'000'000s;
    Flow flow = pbx_flow(1);
    registrar::RegisterOutcome last;

    std::uint16_t handle(const Register& r) {
        last = registrar.handle(message(r.text()), flow, policy, "ours", now);
        INFO(last.response);
        const auto parsed = sip::Parser::parse(last.response);
        REQUIRE(parsed.has_value());
        CHECK(parsed->status() == last.status);
        CHECK(parsed->to_tag() == "ours");
        CHECK(last.reason.empty() == (last.status == 200));
        return last.status;
    }
    std::vector<std::string> contacts() const {
        const auto parsed = sip::Parser::parse(last.response);
        std::vector<std::string> out;
        for (const auto value : parsed->values(sip::HeaderName::contact)) out.emplace_back(value);
        return out;
    }
    std::vector<registrar::Binding> usable() const { return locations.usable("acme-hq", now); }
};

}  // namespace sallyport::test

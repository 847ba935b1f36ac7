#include "signaling/registrar/binding_text.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using registrar::Binding;
using registrar::read_bindings;
using registrar::write_bindings;

namespace {

constexpr TimePoint start = TimePoint{} + 1'700'000'000s;

RealmTable realms() {
    return {{"access",
             "access",
             false,
             {{Transport::udp, *Endpoint::parse("192.0.2.1:5060"), "192.0.2.1", 5060},
              {Transport::tls, *Endpoint::parse("192.0.2.1:5061"), "192.0.2.1", 5061}}},
            {"core", "core", true, {}}};
}
Binding udp() {
    Binding b;
    b.trunk = "acme";
    b.contact = "sip:10.0.0.5:5060;x=1";
    b.bulk = true;
    b.flow = {Transport::udp, 0, *Endpoint::parse("192.0.2.1:5060"), *Endpoint::parse("198.51.100.7:40001"), 0};
    b.call_id = "a\\b=c";
    b.cseq = 4'000'000'000;
    b.q = 0.7;
    b.path = {"<sip:p1.example;lr>", "<sip:p2.example;lr>"};
    b.instance = "<urn:uuid:1>";
    b.user_agent = "a PBX";
    b.registered_at = start;
    b.expires_at = start + 600s;
    return b;
}

}  // namespace

TEST_CASE("a binding over UDP comes back as it was") {
    const std::vector<Binding> kept{udp()};
    CHECK(read_bindings(write_bindings(kept, realms()), "acme", realms(), start + 1s) == kept);
}

TEST_CASE("one over TLS comes back known, but not to be called: its connection is gone") {
    auto b = udp();
    b.flow.transport = Transport::tls;
    b.flow.connection = 7;
    const auto back = read_bindings(write_bindings({b}, realms()), "acme", realms(), start + 1s);
    REQUIRE(back);
    REQUIRE(back->size() == 1);
    CHECK(back->front().flow_closed);
    CHECK(back->front().flow.connection == 0);
    CHECK(back->front().cseq == b.cseq);
}

TEST_CASE("what has expired, or whose realm or listener is gone, is not called") {
    const auto text = write_bindings({udp()}, realms());
    CHECK(read_bindings(text, "acme", realms(), start + 600s)->empty());
    CHECK(read_bindings(text, "acme", {}, start)->empty());
    auto other = realms();
    other[0].listeners[0].bind.port = 5062;
    CHECK(read_bindings(text, "acme", other, start)->front().flow_closed);
    std::swap(other[0], other[1]);
    CHECK(read_bindings(text, "acme", other, start)->front().flow.realm == 1);
}

TEST_CASE("damaged text is refused as a whole; names of a later version are passed over [reliability 28]") {
    const auto text = write_bindings({udp()}, realms());
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        const auto back = read_bindings(text.substr(0, length), "acme", realms(), start);
        CHECK((!back || back->empty()));
    }
    auto bad = text;
    bad.replace(bad.find("cseq=4"), 6, "cseq=x");
    CHECK_FALSE(read_bindings(bad, "acme", realms(), start));
    CHECK(read_bindings(text + "colour=blue\n", "acme", realms(), start)->size() == 1);
    std::string many = "sallyport-bindings 1\n";
    for (int i = 0; i < 65; ++i) many += "binding=x\n";
    CHECK_FALSE(read_bindings(many, "acme", realms(), start));
}

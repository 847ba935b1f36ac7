#include "signaling/locate/locator.h"

#include "signaling/locate/host_name.h"
#include "tests/unit/locate/zone.h"

using namespace sallyport;
using namespace sallyport::test;
using locate::DnsStatus;
using locate::RecordType;
using locate::Wanted;
using Texts = std::vector<std::string>;

namespace {

Wanted want(const std::string& host, std::uint16_t port = 0, std::optional<Transport> transport = {}) {
    Wanted w;
    w.host = host;
    w.port = port;
    w.transport = transport;
    return w;
}
Texts found(Wanted wanted, Zone& zone) {
    SeededRandom random(1);
    return texts(resolve(std::move(wanted), zone, random));
}
Texts found(Wanted wanted) {
    Zone empty;
    return found(std::move(wanted), empty);
}

}  // namespace

TEST_CASE("an address needs no DNS; the default is UDP and 5060, for sips TLS and 5061") {
    CHECK(found(want("192.0.2.1")) == Texts{"UDP 192.0.2.1:5060"});
    CHECK(found(want("[2001:db8::1]", 5070)) == Texts{"UDP [2001:db8::1]:5070"});
    CHECK(found(want("2001:db8::1", 0, Transport::tcp)) == Texts{"TCP [2001:db8::1]:5060"});
    CHECK(found(want("192.0.2.1", 0, Transport::tls)) == Texts{"TLS 192.0.2.1:5061 (192.0.2.1)"});
    Wanted sips = want("192.0.2.1");
    sips.sips = true;
    CHECK(found(sips) == Texts{"TLS 192.0.2.1:5061 (192.0.2.1)"});
    Wanted v6 = want("192.0.2.1");
    v6.family = Family::v6;
    CHECK(found(v6) == Texts{"unsupported"});
    CHECK(found(want("0.0.0.0")) == Texts{"bad host"});
    CHECK(found(want("224.0.0.1")) == Texts{"bad host"});
}

TEST_CASE("NAPTR, then SRV, then addresses, in the zone's order (RFC 3263 4.1) [SC-17.1.2.2-03]") {
    Zone zone;
    zone.naptr("example.com", {{90, 50, "s", "SIP+D2T", "", "_sip._tcp.example.com"},
                               {50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.com"},
                               {90, 40, "S", "sip+d2u", "", "_sip._udp.other.example"}})
        .srv("_sips._tcp.example.com", {{0, 1, 5061, "t.example.com"}})
        .srv("_sip._tcp.example.com", {{0, 1, 5062, "t.example.com"}})
        .srv("_sip._udp.other.example", {{0, 1, 5063, "u.example.com."}})
        .address("t.example.com", {"192.0.2.1", "2001:db8::1"})
        .address("u.example.com", {"192.0.2.2"});
    CHECK(found(want("Example.COM."), zone) == Texts{"TLS 192.0.2.1:5061 (example.com)",
                                                     "TLS [2001:db8::1]:5061 (example.com)", "UDP 192.0.2.2:5063",
                                                     "TCP 192.0.2.1:5062", "TCP [2001:db8::1]:5062"});
    CHECK(zone.asked.front() == "naptr example.com");
    CHECK(std::count(zone.asked.begin(), zone.asked.end(), "a t.example.com") == 1);  // asked once, used twice
}

TEST_CASE("NAPTR records of other services, flags, rules or transports we lack are passed over") {
    Zone zone;
    zone.naptr("example.com", {{1, 1, "u", "E2U+sip", "!^.*$!sip:x@example.com!", ""},
                               {2, 1, "a", "SIP+D2U", "", "host.example.com"},
                               {3, 1, "s", "SIP+D2U", "!a!b!", ""},
                               {4, 1, "s", "SIP+D2W", "", "_ws._tcp.example.com"},
                               {5, 1, "s", "SIP+D2U", "", "not a name"},
                               {6, 1, "s", "SIP+D2U", "", "_sip._udp.example.com"},
                               {7, 1, "s", "SIP+D2T", "", "_sip._tcp.example.com"}})
        .srv("_sip._tcp.example.com", {{0, 1, 5060, "t.example.com"}})
        .address("t.example.com", {"192.0.2.1"});
    Wanted tcp_only = want("example.com");
    tcp_only.supported = {Transport::tcp};
    CHECK(found(tcp_only, zone) == Texts{"TCP 192.0.2.1:5060"});
    CHECK(std::find(zone.asked.begin(), zone.asked.end(), "srv _sip._udp.example.com") == zone.asked.end());
}

TEST_CASE("without NAPTR one SRV question per transport is asked, in our own order of preference") {
    Zone zone;
    zone.srv("_sip._udp.example.com", {{0, 1, 5080, "u.example.com"}})
        .srv("_sips._tcp.example.com", {{0, 1, 5081, "t.example.com"}})
        .address("u.example.com", {"192.0.2.1"})
        .address("t.example.com", {"192.0.2.2"});
    Wanted tls_first = want("example.com");
    tls_first.supported = {Transport::tls, Transport::tcp, Transport::udp};
    CHECK(found(tls_first, zone) == Texts{"TLS 192.0.2.2:5081 (example.com)", "UDP 192.0.2.1:5080"});
}

TEST_CASE("a failing NAPTR lookup does not stop the search for SRV") {
    Zone zone;
    zone.failing(RecordType::naptr, "example.com", DnsStatus::timeout)
        .srv("_sip._udp.example.com", {{0, 1, 5060, "u.example.com"}})
        .address("u.example.com", {"192.0.2.1"});
    CHECK(found(want("example.com"), zone) == Texts{"UDP 192.0.2.1:5060"});
}

TEST_CASE("without SRV the domain's own addresses are used with the default transport and port") {
    Zone zone;
    zone.address("example.com", {"192.0.2.9"});
    CHECK(found(want("example.com"), zone) == Texts{"UDP 192.0.2.9:5060"});
    CHECK(found(want("example.com", 0, Transport::tcp), zone) == Texts{"TCP 192.0.2.9:5060"});
    Wanted sips = want("example.com");
    sips.sips = true;
    CHECK(found(sips, zone) == Texts{"TLS 192.0.2.9:5061 (example.com)"});
}

TEST_CASE("a port means addresses only; an explicit transport means its SRV only (RFC 3263 4.2)") {
    Zone zone;
    zone.srv("_sip._tcp.example.com", {{0, 1, 5099, "t.example.com"}})
        .address("t.example.com", {"192.0.2.1"})
        .address("example.com", {"192.0.2.9"});
    CHECK(found(want("example.com", 5070), zone) == Texts{"UDP 192.0.2.9:5070"});
    CHECK(zone.asked == Texts{"a example.com", "aaaa example.com"});
    zone.asked.clear();
    CHECK(found(want("example.com", 0, Transport::tcp), zone) == Texts{"TCP 192.0.2.1:5099"});
    CHECK(zone.asked.front() == "srv _sip._tcp.example.com");
}

TEST_CASE("sips reaches TLS and nothing else, whatever the zone offers") {
    Zone zone;
    zone.naptr("example.com", {{1, 1, "s", "SIP+D2U", "", "_sip._udp.example.com"},
                               {2, 1, "s", "SIPS+D2T", "", "_sips._tcp.example.com"}})
        .srv("_sip._udp.example.com", {{0, 1, 5060, "h.example.com"}})
        .srv("_sips._tcp.example.com", {{0, 1, 5061, "h.example.com"}})
        .address("h.example.com", {"192.0.2.1"});
    Wanted sips = want("example.com");
    sips.sips = true;
    CHECK(found(sips, zone) == Texts{"TLS 192.0.2.1:5061 (example.com)"});
    sips.transport = Transport::tcp;  // sips over TCP is TLS over TCP
    CHECK(found(sips, zone) == Texts{"TLS 192.0.2.1:5061 (example.com)"});
    sips.transport = Transport::udp;
    CHECK(found(sips, zone) == Texts{"unsupported"});
    sips.transport.reset();
    sips.supported = {Transport::udp, Transport::tcp};
    CHECK(found(sips, zone) == Texts{"unsupported"});
}

TEST_CASE("the SRV target \".\" says no, and the domain's address is not tried instead (RFC 2782)") {
    Zone zone;
    zone.srv("_sip._tcp.example.com", {{0, 0, 0, "."}}).address("example.com", {"192.0.2.9"});
    CHECK(found(want("example.com", 0, Transport::tcp), zone) == Texts{"nothing found"});
}

TEST_CASE("a domain whose NAPTR leads nowhere is not tried at its own address") {
    Zone zone;
    zone.naptr("example.com", {{1, 1, "s", "SIP+D2U", "", "_sip._udp.gone.example"}})
        .srv("_sip._udp.example.com", {{0, 1, 5060, "example.com"}})
        .address("example.com", {"192.0.2.9"});
    CHECK(found(want("example.com"), zone) == Texts{"nothing found"});
}

TEST_CASE("the wanted family decides which addresses are asked for") {
    Zone zone;
    zone.address("example.com", {"192.0.2.9", "2001:db8::9"});
    Wanted w = want("example.com", 5060);
    CHECK(found(w, zone) == Texts{"UDP 192.0.2.9:5060", "UDP [2001:db8::9]:5060"});
    w.family = Family::v6;
    zone.asked.clear();
    CHECK(found(w, zone) == Texts{"UDP [2001:db8::9]:5060"});
    CHECK(zone.asked == Texts{"aaaa example.com"});
    w.family = Family::v4;
    CHECK(found(w, zone) == Texts{"UDP 192.0.2.9:5060"});
}

TEST_CASE("DNS that fails is told apart from DNS that says no") {
    Zone zone;
    CHECK(found(want("example.com"), zone) == Texts{"nothing found"});
    zone.failing(RecordType::srv, "_sip._tcp.example.com", DnsStatus::failure).address("example.com", {"192.0.2.9"});
    // The records may exist: the domain's own address could be a web server.
    CHECK(found(want("example.com", 0, Transport::tcp), zone) == Texts{"dns failure"});
    Zone half;
    half.failing(RecordType::aaaa, "example.com", DnsStatus::timeout).address("example.com", {"192.0.2.9"});
    CHECK(found(want("example.com", 5060), half) == Texts{"UDP 192.0.2.9:5060"});
}

TEST_CASE("names that cannot be are refused before anybody is asked") {
    for (const std::string bad : {"", ".", "a..b", ".a", "a b", "a/b", "ex\xc3\xa4mple.com", "[::1", "1.2.3.4.5 "})
        CHECK(found(want(bad)) == Texts{"bad host"});
    CHECK(found(want(std::string(64, 'a') + ".com")) == Texts{"bad host"});
    CHECK(found(want(std::string(300, 'a'))) == Texts{"bad host"});
    CHECK(locate::host_name("Ex-1.EXAMPLE.") == "ex-1.example");
    CHECK_FALSE(locate::host_name("192.0.2.1"));
}

TEST_CASE("a hostile zone cannot make the answer large, or lead to nowhere addresses [reliability 21]") {
    Zone zone;
    std::vector<locate::NaptrRecord> naptr;
    for (int i = 0; i < 300; ++i)
        naptr.push_back({static_cast<std::uint16_t>(i), 0, "s", "SIP+D2U", "", "s" + std::to_string(i) + ".example"});
    zone.naptr("example.com", naptr);
    for (int i = 0; i < 300; ++i) {
        std::vector<locate::SrvRecord> srv;
        for (int j = 0; j < 300; ++j)
            srv.push_back({0, 65'535, 5060, "h" + std::to_string(i) + "-" + std::to_string(j) + ".example"});
        zone.srv("s" + std::to_string(i) + ".example", srv);
    }
    std::vector<std::string> many;
    for (int i = 0; i < 200; ++i) many.push_back("198.51.100." + std::to_string(i));
    many.insert(many.begin(), {"0.0.0.0", "::", "239.1.1.1", "ff02::1", "255.255.255.255", "::ffff:127.0.0.1"});
    for (int i = 0; i < 10; ++i)
        for (int j = 0; j < 300; ++j)
            zone.address("h" + std::to_string(i) + "-" + std::to_string(j) + ".example", many);
    const auto result = found(want("example.com"), zone);
    CHECK(result.size() <= locate::limits::located);
    CHECK(result.size() >= locate::limits::addresses);
    CHECK(zone.asked.size() <= 1 + locate::limits::services + 2 * locate::limits::hosts);
    for (const auto& text : result) CHECK(text.substr(0, 15) == "UDP 198.51.100.");
}

TEST_CASE("SRV records with port 0 or an address as target are passed over") {
    Zone zone;
    zone.srv("_sip._udp.example.com",
             {{0, 1, 0, "a.example.com"}, {1, 1, 5060, "10.0.0.1"}, {2, 1, 5060, "a.example.com"}})
        .address("a.example.com", {"192.0.2.1"});
    CHECK(found(want("example.com", 0, Transport::udp), zone) == Texts{"UDP 192.0.2.1:5060"});
}

TEST_CASE("answers nobody asked for, asked twice or come late are ignored") {
    SeededRandom random(1);
    locate::Locator locator(want("example.com", 5060), random);
    locator.start();
    Zone zone;
    zone.address("example.com", {"192.0.2.1", "2001:db8::1"}).address("evil.example", {"203.0.113.66"});
    auto pending = [&](const locate::Answer& a) {
        const auto step = locator.resume(a);
        return std::holds_alternative<std::vector<locate::Question>>(step);
    };
    CHECK(pending(zone.answer({RecordType::a, "evil.example"})));
    CHECK(pending(zone.answer({RecordType::a, "example.com"})));
    CHECK(pending(zone.answer({RecordType::a, "example.com"})));
    const auto done = locator.resume(zone.answer({RecordType::aaaa, "example.com"}));
    CHECK(texts(done) == Texts{"UDP 192.0.2.1:5060", "UDP [2001:db8::1]:5060"});
    CHECK(pending(zone.answer({RecordType::aaaa, "example.com"})));
}

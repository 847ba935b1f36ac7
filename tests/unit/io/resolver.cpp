// The resolver over libunbound: local zone data, deadlines, one cache, one question for all who ask it.
#include "signaling/io/resolver.h"

#include <catch2/catch.hpp>
#include <optional>

#include "loopback.h"

using namespace sallyport;
using namespace sallyport::io;
using locate::DnsStatus;
using locate::RecordType;

namespace {

struct Bench {
    explicit Bench(ResolverOptions options) {
        auto created = Resolver::create(context, clock, options);
        REQUIRE(created.has_value());
        resolver = std::move(*created);
    }
    locate::Answer ask(RecordType type, const std::string& name) {
        std::optional<locate::Answer> got;
        resolver->ask({type, name}, [&](const locate::Answer& a) { got = a; });
        REQUIRE(loopback::run_until(context, [&] { return got.has_value(); }));
        return *got;
    }
    asio::io_context context{1};
    Clock clock;
    std::unique_ptr<Resolver> resolver;
};

ResolverOptions zone() {
    ResolverOptions options;
    options.servers = {"127.0.0.1@9"};  // nobody: everything is answered from the records
    options.records = {
        "example.net. 600 IN NAPTR 10 50 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.example.net.",
        "_sips._tcp.example.net. 300 IN SRV 1 10 5061 a.example.net.",
        "_sips._tcp.example.net. 300 IN SRV 2 20 5062 B.example.net.",
        "a.example.net. 7200 IN A 192.0.2.1",
        "a.example.net. 7200 IN AAAA 2001:db8::1",
        "long.example.net. 2000000 IN A 192.0.2.2",
    };
    return options;
}

}  // namespace

TEST_CASE("the four record types of RFC 3263 come back with their TTL") {
    Bench b(zone());
    const auto naptr = b.ask(RecordType::naptr, "example.net");
    CHECK(naptr.status == DnsStatus::ok);
    REQUIRE(naptr.naptr.size() == 1);
    CHECK(naptr.naptr[0].replacement == "_sips._tcp.example.net");
    CHECK(naptr.ttl == 600s);
    const auto srv = b.ask(RecordType::srv, "_sips._tcp.example.net");
    CHECK(srv.srv.size() == 2);
    CHECK(b.ask(RecordType::a, "a.example.net").addresses == std::vector{IpAddress::v4(192, 0, 2, 1)});
    CHECK(b.ask(RecordType::aaaa, "a.example.net").addresses.at(0).to_string() == "2001:db8::1");
    CHECK(b.ask(RecordType::a, "long.example.net").ttl == 24h);  // clamped
}

TEST_CASE("a name that is not there and a type that is not there are told apart from failure") {
    auto options = zone();
    options.timeout = 2s;
    Bench b(options);
    CHECK(b.ask(RecordType::srv, "a.example.net").status == DnsStatus::no_data);
    const auto elsewhere = b.ask(RecordType::a, "unreachable.example.org").status;
    CHECK((elsewhere == DnsStatus::failure || elsewhere == DnsStatus::timeout));
}

TEST_CASE("a second question is answered from the cache, with what is left of its TTL") {
    Bench b(zone());
    b.ask(RecordType::a, "a.example.net");
    const auto again = b.ask(RecordType::a, "a.example.net");
    CHECK(again.status == DnsStatus::ok);
    CHECK(again.ttl < 7200s);
    CHECK(again.ttl > 7190s);
    CHECK(b.resolver->statistics().queries.read() == 1);
    CHECK(b.resolver->statistics().cache_hits.read() == 1);
}

TEST_CASE("a server that never answers costs the deadline and no more; all who asked are told") {
    const loopback::Socket silent(SOCK_DGRAM, loopback::any_port());
    ResolverOptions options;
    options.servers = {"127.0.0.1@" + std::to_string(silent.local().port)};
    options.timeout = 100ms;
    Bench b(options);
    std::vector<DnsStatus> got;
    const auto note = [&](const locate::Answer& a) { got.push_back(a.status); };
    b.resolver->ask({RecordType::a, "www.example.com"}, note);
    b.resolver->ask({RecordType::a, "www.example.com"}, note);
    REQUIRE(loopback::run_until(b.context, [&] { return got.size() == 2; }));
    CHECK(got == std::vector{DnsStatus::timeout, DnsStatus::timeout});
    CHECK(b.resolver->statistics().queries.read() == 1);
    CHECK(b.resolver->statistics().timeouts.read() == 1);
    CHECK(b.ask(RecordType::a, "www.example.com").status == DnsStatus::timeout);  // asked anew, cancelled anew
}

TEST_CASE("a resolver that goes while questions are open calls nobody (answer after cancel) [reliability 21]") {
    const loopback::Socket silent(SOCK_DGRAM, loopback::any_port());
    ResolverOptions options;
    options.servers = {"127.0.0.1@" + std::to_string(silent.local().port)};
    bool called = false;
    {
        Bench b(options);
        for (int i = 0; i < 50; ++i)
            b.resolver->ask({RecordType::srv, std::to_string(i) + ".example.com"},
                            [&](const locate::Answer&) { called = true; });
        b.context.poll();
        b.resolver.reset();
        b.context.restart();
        b.context.poll();
    }
    CHECK_FALSE(called);
}

TEST_CASE("options that unbound refuses are told by their name") {
    asio::io_context context;
    const Clock clock;
    ResolverOptions options;
    options.servers = {"not an address"};
    const auto refused = Resolver::create(context, clock, options);
    REQUIRE(refused.has_error());
    CHECK(refused.error().starts_with("dns.servers: not an address: "));
    options.servers.clear();
    options.records = {"this is no record"};
    CHECK(Resolver::create(context, clock, options).error().starts_with("dns.records: this is no record: "));
}

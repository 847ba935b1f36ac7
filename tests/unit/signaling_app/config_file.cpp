// The node's file: what is right, and what an operator reads when it is not.
#include "signaling/app/config_file.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "signaling/app/certificate_alarm.h"

using namespace sallyport;
using namespace sallyport::app;

namespace {

constexpr const char* least = R"(node: edge-1
realms:
  - name: access
    listeners:
      - {transport: udp, bind: 192.0.2.1:5060}
)";

std::vector<std::string> problems_of(const std::string& text) {
    const auto config = read_config(text, 4);
    std::vector<std::string> lines;
    if (config.has_error())
        for (const auto& problem : config.error()) lines.push_back(yaml::to_string(problem, "f"));
    return lines;
}
std::string problem_of(const std::string& text) {
    const auto lines = problems_of(text);
    INFO(text);
    REQUIRE(lines.size() == 1);
    return lines[0];
}
std::string realm(const std::string& more, const std::string& listener = "{transport: udp, bind: 192.0.2.1:5060}") {
    return "node: edge-1\nrealms:\n  - name: access\n" + more + "    listeners:\n      - " + listener + "\n";
}

}  // namespace

TEST_CASE("the least file that will do has sensible defaults everywhere else") {
    const auto config = read_config(least, 4);
    REQUIRE(config.has_value());
    CHECK(config->shards == 3);
    CHECK(read_config(least, 1)->shards == 1);
    REQUIRE(config->realms.size() == 1);
    CHECK(config->realms[0].media_port == "access");
    CHECK(config->realms[0].listeners[0].advertised_host == "192.0.2.1");
    CHECK(config->realms[0].listeners[0].advertised_port == 5060);
    CHECK_FALSE(config->tls[0].has_value());
    CHECK(config->media.target == "unix:/run/sallyport/media.sock");
    CHECK(config->metrics_listen == "127.0.0.1:9101");
    CHECK(config->timers.t1 == 500ms);
}

TEST_CASE("SIP of each realm is marked as its own line says, and as CS3 without one [SC-5-05]") {
    const auto plain = read_config(least, 4);
    REQUIRE(plain.has_value());
    CHECK(plain->dscp == std::vector<std::uint8_t>{24});
    const auto config =
        read_config(realm("    dscp: af31\n") +
                        "  - {name: core, dscp: 0, listeners: [{transport: udp, bind: 192.0.2.9:5060}]}\n"
                        "  - {name: other, listeners: [{transport: udp, bind: 192.0.2.10:5060}]}\n",
                    4);
    REQUIRE(config.has_value());
    CHECK(config->dscp == std::vector<std::uint8_t>{26, 0, 24});
    CHECK(
        problem_of(realm("    dscp: 64\n")) ==
        "f:4:11: realms[0].dscp: '64' is neither 0 to 63 nor one of CS0 to CS7, AF11 to AF43, EF; example: dscp: CS3");
}

TEST_CASE("what REGISTER is answered while registrations cannot be written is one of four") {
    CHECK(read_config(least, 4)->unwritable_registrations == 0);
    const std::string file = least;
    CHECK(read_config(file + "registrations: {unwritable: accept}\n", 4)->unwritable_registrations == 0);
    CHECK(read_config(file + "registrations: {unwritable: 480}\n", 4)->unwritable_registrations == 480);
    CHECK(read_config(file + "registrations: {unwritable: 503}\n", 4)->unwritable_registrations == 503);
    CHECK(problem_of(file + "registrations: {unwritable: 403}\n").find("unwritable") != std::string::npos);
}

TEST_CASE("a node behind a 1:1 NAT says its public media addresses, one of each IP version") {
    const auto config = read_config(realm("    media_advertised: [203.0.113.9, \"2001:db8::9\"]\n"), 4);
    REQUIRE(config.has_value());
    CHECK(config->realms[0].advertised_media ==
          std::vector<IpAddress>{*IpAddress::parse("203.0.113.9"), *IpAddress::parse("2001:db8::9")});
    CHECK(problem_of(realm("    media_advertised: [nowhere]\n")).find("'nowhere' is nobody's address") !=
          std::string::npos);
    CHECK(problem_of(realm("    media_advertised: [203.0.113.9, 203.0.113.10]\n")).find("second address") !=
          std::string::npos);
}

TEST_CASE("the example of the documentation is good, and its values are the defaults it says they are") {
    std::ifstream file(SALLYPORT_SOURCE "/deploy/examples/signaling.yaml");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto example = read_config(text, 4);
    REQUIRE(example.has_value());
    const auto bare = read_config(least, 4);
    CHECK(example->streams.idle == bare->streams.idle);
    CHECK(example->streams.message == bare->streams.message);
    CHECK(example->streams.handshake == bare->streams.handshake);
    CHECK(example->streams.connect == bare->streams.connect);
    CHECK(example->streams.write_queue_bytes == bare->streams.write_queue_bytes);
    CHECK(example->streams.handshakes == bare->streams.handshakes);
    CHECK(example->connections.total == bare->connections.total);
    CHECK(example->connections.per_source == bare->connections.per_source);
    CHECK(example->connections.rate_per_source == bare->connections.rate_per_source);
    CHECK(example->dns.timeout == bare->dns.timeout);
    CHECK(example->timers.t2 == bare->timers.t2);
    CHECK(example->timers.t4 == bare->timers.t4);
    CHECK(example->max_calls == bare->max_calls);
    CHECK(example->recent_calls == bare->recent_calls);
    CHECK(example->nonce_life == bare->nonce_life);
    CHECK(example->media.target == bare->media.target);
    CHECK(example->media_lease_seconds == bare->media_lease_seconds);
    CHECK_FALSE(bare->show_digits);
    CHECK_FALSE(example->show_digits);
    CHECK(example->control.target == bare->control.target);
    CHECK(example->config_cache == bare->config_cache);
    CHECK(example->grpc_listen == bare->grpc_listen);
    CHECK(example->metrics_listen == bare->metrics_listen);
    CHECK(example->records.directory == bare->records.directory);
    CHECK(example->records.total_bytes == bare->records.total_bytes);
    CHECK(example->records.segment_bytes == bare->records.segment_bytes);
    CHECK(example->records.segment_age == bare->records.segment_age);
    CHECK(example->drain == bare->drain);
}

TEST_CASE("an address that is none is named with its place and an example of right") {
    CHECK(problem_of(realm("", "{transport: udp, bind: x}")) ==
          "f:5:32: realms[0].listeners[0].bind: 'x' is not host:port; example: 192.0.2.1:5061");
    for (const char* bad : {"192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "sbc.example.net:5060", "2001:db8::1:5060"})
        CHECK(problem_of(realm("", "{transport: udp, bind: \"" + std::string(bad) + "\"}"))
                  .find("is not host:port; example: 192.0.2.1:5061") != std::string::npos);
    CHECK(problem_of(std::string(least) + "metrics: {listen: nowhere}\n") ==
          "f:6:19: metrics.listen: 'nowhere' is neither HOST:PORT nor none; example: 127.0.0.1:9101");
    CHECK(problem_of(std::string(least) + "grpc: {listen: 'unix:relative'}\n").find("example: unix:/run/") !=
          std::string::npos);
    CHECK(problem_of(std::string(least) + "dns: {servers: [resolver.example]}\n")
              .find("is not ADDRESS or ADDRESS@PORT") != std::string::npos);
}

TEST_CASE("gRPC leaves this host with TLS only") {
    const std::string tls = "tls: {certificate: c, key: k, ca: a}";
    for (const std::string section : {"control", "media"}) {
        for (const std::string remote :
             {"10.0.0.5:7443", "'[2001:db8::1]:7443'", "control.example.net:7443", "0.0.0.0:7443"}) {
            const auto said = problem_of(std::string(least) + section + ": {target: " + remote + "}\n");
            CHECK(said.find(section + ".target: ") != said.npos);
            CHECK(said.find("add a section tls") != said.npos);
            CHECK(problems_of(std::string(least) + section + ": {target: " + remote + ", " + tls + "}\n").empty());
        }
        for (const std::string here : {"127.0.0.1:7443", "'[::1]:7443'", "localhost:7443", "'unix:/run/x.sock'"})
            CHECK(problems_of(std::string(least) + section + ": {target: " + here + "}\n").empty());
    }
    CHECK(
        problem_of(std::string(least) + "grpc: {listen: 0.0.0.0:7445}\n").find("grpc.listen: '0.0.0.0:7445' can be") !=
        std::string::npos);
    CHECK(problems_of(std::string(least) + "grpc: {listen: 127.0.0.1:7445}\n").empty());
}

TEST_CASE("IPv6 listeners; names and ports that we advertise") {
    const auto v6 = read_config(realm("", "{transport: tcp, bind: '[2001:db8::1]:5060'}"), 4);
    REQUIRE(v6.has_value());
    CHECK(v6->realms[0].listeners[0].advertised_host == "[2001:db8::1]");
    const auto named = read_config(realm("", "{transport: udp, bind: 192.0.2.1:5060, advertised: sbc.example.net}"), 4);
    REQUIRE(named.has_value());
    CHECK(named->realms[0].listeners[0].advertised_host == "sbc.example.net");
    CHECK(named->realms[0].listeners[0].advertised_port == 5060);
    const auto mapped =
        read_config(realm("", "{transport: udp, bind: 0.0.0.0:5060, advertised: '[2001:db8::9]:6060'}"), 4);
    REQUIRE(mapped.has_value());
    CHECK(mapped->realms[0].listeners[0].advertised_host == "[2001:db8::9]");
    CHECK(mapped->realms[0].listeners[0].advertised_port == 6060);
    CHECK(problem_of(realm("", "{transport: udp, bind: 0.0.0.0:5060}")).find("advertised: is missing") !=
          std::string::npos);
    for (const char* bad : {"a b", "sbc:0", "sbc:99999", "-x", "2001:db8::1"})
        CHECK(problem_of(realm("", "{transport: udp, bind: 192.0.2.1:5060, advertised: '" + std::string(bad) + "'}"))
                  .find("is neither host nor host:port") != std::string::npos);
}

TEST_CASE("keys that nobody knows are refused with the one that was meant") {
    CHECK(problem_of(std::string(least) + "shrads: 2\n") ==
          "f:6:1: shrads: there is no such field; did you mean \"shards\"?");
    CHECK(problem_of(std::string(least) + "streams: {idle: 5}\n")
              .starts_with("f:6:11: streams.idle: there is no such field"));
    CHECK(problem_of(realm("    trust: true\n")).find("did you mean \"trusted\"?") != std::string::npos);
}

TEST_CASE("a TLS listener needs its files; a realm without one may have them too") {
    const std::string listener = "{transport: tls, bind: 192.0.2.1:5061}";
    CHECK(
        problem_of(realm("", listener)).find("realms[0].tls: is missing: a listener of this realm has transport tls") !=
        std::string::npos);
    CHECK(problems_of(realm("    tls: {}\n", listener)).size() == 2);
    const auto config = read_config(
        realm("    tls: {certificate: /c, key: /k, client_certificate: required, rsa_suites: [aes128-gcm]}\n",
              listener),
        4);
    REQUIRE(config.has_value());
    CHECK(config->tls[0]->client_certificate == io::ClientCertificate::required);
    CHECK(config->tls[0]->rsa_gcm);
    CHECK_FALSE(config->tls[0]->rsa_cbc);
    CHECK(read_config(realm("    tls: {certificate: /c, key: /k}\n"), 4)->tls[0].has_value());
}

TEST_CASE("TLS 1.0 without its only suite is refused [SC-8.1.1-13]") {
    CHECK(problem_of(realm("    tls: {certificate: /c, key: /k, tls_1_0: true}\n"))
              .find("needs rsa_suites: [aes128-cbc]") != std::string::npos);
    CHECK(problem_of(realm("    tls: {certificate: /c, key: /k, rsa_suites: [rc4]}\n")).find("'rc4' is not one of") !=
          std::string::npos);
    CHECK(problems_of(realm("    tls: {certificate: /c, key: /k, tls_1_0: true, rsa_suites: [aes128-cbc]}\n")).empty());
}

TEST_CASE("TLS 1.3 is on unless a realm says otherwise, and that is told [SC-8.1.1-02]") {
    const auto tls = [](const std::string& more) {
        return *read_config(realm("    tls: {certificate: /c, key: /k" + more + "}\n"), 4)->tls[0];
    };
    CHECK(tls("").tls_1_3);
    CHECK(tls(", tls_1_3: true").tls_1_3);
    CHECK(legacy_warnings("access", tls("")).empty());
    CHECK_FALSE(tls(", tls_1_3: false").tls_1_3);
    const auto warnings = legacy_warnings("access", tls(", tls_1_3: false"));
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0].starts_with("realm access: TLS 1.3 is off (tls_1_3)"));
    CHECK(problem_of(realm("    tls: {certificate: /c, key: /k, tls_1_3: maybe}\n")).find("tls.tls_1_3") !=
          std::string::npos);
}

TEST_CASE("two listeners on one address, two realms of one name: the second is told") {
    const std::string two = realm("", "{transport: tcp, bind: 192.0.2.1:5060}") +
                            "      - {transport: udp, bind: 192.0.2.1:5060}\n"
                            "      - {transport: tcp, bind: 192.0.2.1:5060}\n";
    CHECK(problem_of(two) ==
          "f:7:32: realms[0].listeners[2].bind: 192.0.2.1:5060 is the address of an earlier listener");
    CHECK(problem_of(realm("") + "  - name: access\n    listeners: [{transport: udp, bind: 192.0.2.2:5060}]\n")
              .find("'access' is the name of an earlier realm") != std::string::npos);
}

TEST_CASE("numbers out of range, missing parts and a file without realms are all told at once") {
    const auto lines =
        problems_of("shards: 257\nstreams: {idle_seconds: 5}\ntimers: {t1_ms: 5000, t2_ms: 4000}\nrealms: []\n");
    CHECK(lines.size() == 5);
    CHECK_FALSE(problems_of("").empty());
    CHECK(problems_of("a: 1\n---\nb: 2\n").size() == 1);
}

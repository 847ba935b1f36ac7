// The node's file: what is accepted, and how each mistake is reported.
#include "media-plane/app/config_file.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::app;

namespace {

template <class T>
auto taken(T result) {
    REQUIRE(result.has_value());
    return std::move(*result);
}
const std::vector<unsigned> four_cpus{0, 1, 2, 3};
const std::string good = R"(node: edge-1
ports:
  - name: access
    device: "net_af_packet0,iface=med0"
    addresses: [192.0.2.2/24, "2001:db8::2/64"]
    gateways: [192.0.2.1]
)";

std::vector<std::string> problems(const std::string& text) {
    const auto config = read_config(text, four_cpus);
    std::vector<std::string> lines;
    if (!config)
        for (const auto& problem : config.error()) lines.push_back(yaml::to_string(problem, "media.yaml"));
    return lines;
}
std::string only(const std::string& text) {
    const auto lines = problems(text);
    std::string joined;
    for (const auto& line : lines) joined += (joined.empty() ? "" : "\n") + line;
    return joined;
}
std::string replaced(const std::string& what, const std::string& with) {
    std::string text = good;
    text.replace(text.find(what), what.size(), with);
    return text;
}

}  // namespace

TEST_CASE("the shortest file gets the documented defaults") {
    const Config c = taken(read_config(good, four_cpus));
    CHECK(c.driver.node == "edge-1");
    CHECK(c.grpc_listen == "unix:/run/sallyport/media.sock");
    CHECK(c.metrics_listen == "127.0.0.1:9102");
    CHECK(c.lease == 30s);
    CHECK(c.driver.cpus == std::vector<unsigned>{3});
    CHECK_FALSE(c.driver.poll_always);
    CHECK(c.driver.hugepages == dpdk::Hugepages::automatic);
    CHECK(c.driver.memory_mb == 0);
    CHECK(c.driver.max_sessions == 20'000);
    CHECK(c.driver.max_packets_per_second == 500);
    CHECK(c.driver.srtp_engine == srtp::EngineChoice::fastest);
    REQUIRE(c.driver.ports.size() == 1);
    const auto& port = c.driver.ports[0];
    CHECK(port.mtu == 1500);
    CHECK(port.vlan == 0);
    CHECK(port.dscp == all_marked(46));
    CHECK_FALSE(port.vlan_priority);
    CHECK(port.first_udp_port == 16384);
    CHECK(port.last_udp_port == 32767);
    CHECK(port.verify_checksums == dpdk::VerifyChecksums::automatic);
    CHECK(port.addresses.size() == 2);
    CHECK(port.gateway_v4->to_string() == "192.0.2.1");
    CHECK_FALSE(port.gateway_v6);
}

TEST_CASE("the example file is accepted as it stands") {
    std::ifstream file(SALLYPORT_SOURCE "/deploy/examples/media.yaml");
    std::ostringstream text;
    text << file.rdbuf();
    CHECK(only(text.str()) == "");
}

TEST_CASE("every key is read") {
    const Config c = taken(read_config(R"(node: edge-2
grpc: {listen: "127.0.0.1:7102"}
metrics: {listen: none}
log: {level: debug, format: json, file: /tmp/x.log}
eal: {hugepages: "off", memory_mb: 256}
cpus: [2, 0]
poll: always
ports:
  - name: core
    device: 0000:03:00.1
    addresses: ["2001:db8::2/64"]
    gateways: ["fe80::1"]
    mtu: 9000
    vlan: 100
    mac: "02:00:00:00:00:01"
    udp_ports: 20000-29999
    dscp: 0
    verify_checksums: false
limits: {max_sessions: 5, max_packets_per_second: 0}
srtp: {engine: libsrtp}
lease_seconds: 3600
)",
                                       four_cpus));
    CHECK(c.grpc_listen == "127.0.0.1:7102");
    CHECK(c.metrics_listen.empty());
    CHECK(c.log.level == observe::Level::debug);
    CHECK(c.log.format == observe::LogFormat::json);
    CHECK(c.log.file == "/tmp/x.log");
    CHECK(c.driver.hugepages == dpdk::Hugepages::off);
    CHECK(c.driver.memory_mb == 256);
    CHECK(c.driver.cpus == std::vector<unsigned>{2, 0});
    CHECK(c.driver.poll_always);
    const auto& port = c.driver.ports.at(0);
    CHECK(port.device == "0000:03:00.1");
    CHECK(port.gateway_v6->to_string() == "fe80::1");
    CHECK(port.mtu == 9000);
    CHECK(port.vlan == 100);
    CHECK(port.link_address->to_string() == "02:00:00:00:00:01");
    CHECK(port.first_udp_port == 20'000);
    CHECK(port.last_udp_port == 29'999);
    CHECK(port.dscp == all_marked(0));
    CHECK(port.verify_checksums == dpdk::VerifyChecksums::never);
    CHECK(c.driver.max_sessions == 5);
    CHECK(c.driver.max_packets_per_second == 0);
    CHECK(c.driver.srtp_engine == srtp::EngineChoice::libsrtp);
    CHECK(c.lease == 3600s);
}

TEST_CASE("a wrong value is refused with its line, what is wrong and an example of right") {
    CHECK(only(replaced("addresses:", "dscp: AF14\n    addresses:")) ==
          "media.yaml:5:11: ports[0].dscp: 'AF14' is neither 0 to 63 nor one of CS0 to CS7, AF11 to AF43, EF; example: "
          "dscp: EF");
    CHECK(only(replaced("192.0.2.2/24", "x")) ==
          "media.yaml:5:17: ports[0].addresses[0]: 'x' is not an IP address; example: 192.0.2.2/24");
    CHECK(only(replaced("192.0.2.2/24", "192.0.2.2")) ==
          "media.yaml:5:17: ports[0].addresses[0]: '192.0.2.2' has no prefix length from 1 to 32; example: "
          "192.0.2.2/24");
    CHECK(only(replaced("192.0.2.2/24", "224.0.0.1/24")).find("is not a unicast address of a link") !=
          std::string::npos);
    CHECK(only(replaced("2001:db8::2/64", "192.0.2.3/24")).find("second of its family") != std::string::npos);
    CHECK(only(replaced("[192.0.2.1]", "[198.51.100.1]")) ==
          "media.yaml:6:16: ports[0].gateways[0]: '198.51.100.1' is not a neighbour in a subnet of this port's "
          "addresses");
    CHECK(only(replaced("net_af_packet0,iface=med0", "eth0")) ==
          "media.yaml:4:13: ports[0].device: 'eth0' is neither a PCI address nor a virtual device; example: "
          "\"net_af_packet0,iface=eth1\" or 0000:03:00.0");
    CHECK(only(replaced("node: edge-1", "nodes: edge-1")).find("did you mean \"node\"") != std::string::npos);
}

TEST_CASE("UDP ranges that tear a pair or have too few for the lcores are refused") {
    for (const char* range : {"16385-32767", "16384-32766", "32767-16384", "80-99", "x", "16384", "16384-99999"}) {
        INFO(range);
        CHECK(only(good + "    udp_ports: " + range + "\n").find("ports[0].udp_ports: ") != std::string::npos);
    }
    CHECK(only("lcores: 3\n" + good + "    udp_ports: 20000-20003\n").find("fewer pairs than there are lcores") !=
          std::string::npos);
}

TEST_CASE("ports of one name, ports on one device, and a missing list are refused") {
    const std::string second = R"(  - name: access
    device: "net_af_packet0,iface=med1"
    addresses: [198.51.100.2/24]
)";
    const auto lines = problems(good + second);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == "media.yaml:7:11: ports[1].name: 'access' is the name of an earlier port");
    CHECK(lines[1] == "media.yaml:8:13: ports[1].device: 'net_af_packet0' is an earlier port's device");
    CHECK(only("node: edge-1\n").find("ports: is missing") != std::string::npos);
}

TEST_CASE("CPUs are checked against those the process may use") {
    CHECK(only("lcores: 5\n" + good).find("may run on 4 CPUs only") != std::string::npos);
    CHECK(only("cpus: [1, 9]\n" + good).find("cpus[1]: '9' is not a CPU this process may run on") != std::string::npos);
    CHECK(only("cpus: [1, 1]\n" + good).find("cpus[1]: CPU 1 is named twice") != std::string::npos);
    CHECK(only("cpus: [1]\nlcores: 1\n" + good).find("one of the two") != std::string::npos);
    CHECK(taken(read_config("lcores: 2\n" + good, four_cpus)).driver.cpus == std::vector<unsigned>{2, 3});
}

TEST_CASE("a key given twice, an empty file and two documents are refused") {
    CHECK(only("node: a\n" + good).find("media.yaml:2:") == 0);
    CHECK(only("") != "");
    CHECK(only(good + "---\n" + good).find("exactly one YAML document") != std::string::npos);
    CHECK(only("[1, 2]").find("media.yaml:1:1:") == 0);
}

TEST_CASE("listen addresses are checked") {
    CHECK(only("grpc: {listen: media.sock}\n" + good).find("grpc.listen: 'media.sock' is neither") !=
          std::string::npos);
    CHECK(only("grpc: {listen: \"unix:/" + std::string(108, 'x') + "\"}\n" + good).find("at most 107 bytes") !=
          std::string::npos);
    CHECK(only("metrics: {listen: \"127.0.0.1\"}\n" + good).find("metrics.listen: '127.0.0.1' is neither") !=
          std::string::npos);
    CHECK(only("metrics: {listen: \"127.0.0.1:99999\"}\n" + good) != "");
}

TEST_CASE("all problems are reported at once, by line") {
    const auto lines = problems("node: edge-1\npoll: never\nports:\n  - name: a b\n    mtu: 5\nlease_seconds: 0\n");
    REQUIRE(lines.size() == 6);
    CHECK(lines[0].find("media.yaml:2:") == 0);
    CHECK(lines[5].find("media.yaml:6:") == 0);
}

TEST_CASE("a plane that other hosts can reach wants mutual TLS and the names of who may command it") {
    const std::string files = "certificate: /c.pem, key: /k.pem, ca: /ca.pem";
    const auto grpc = [&](const std::string& listen, const std::string& more) {
        return good + "grpc: {listen: \"" + listen + "\"" + more + "}\n";
    };
    for (const auto* remote : {"192.0.2.9:7444", "media.example.net:7444", "[::]:7444"}) {
        CHECK(only(grpc(remote, "")).find("can be reached from other hosts") != std::string::npos);
        CHECK(only(grpc(remote, ", tls: {" + files + ", clients: [edge-1.example.net]}")) == "");
    }
    CHECK(only(grpc("127.0.0.1:7444", "")) == "");
    CHECK(only(grpc("192.0.2.9:7444", ", tls: {" + files + "}")).find("grpc.tls.clients: is missing: the names") !=
          std::string::npos);
    CHECK(only(grpc("192.0.2.9:7444", ", tls: {clients: [x]}")).find("grpc.tls.certificate") != std::string::npos);
    CHECK(only(grpc("unix:/run/media.sock", ", tls: {" + files + ", clients: [x]}")).find("is for HOST:PORT") !=
          std::string::npos);
    const Config c = taken(read_config(grpc("192.0.2.9:7444", ", tls: {" + files + ", clients: [a, b]}"), four_cpus));
    REQUIRE(c.grpc_tls.has_value());
    CHECK(c.grpc_tls->certificate == "/c.pem");
    CHECK(c.grpc_tls->clients == std::vector<std::string>{"a", "b"});
    CHECK(c.grpc_tls->decrypt_clients.empty());
    const std::string named = ", tls: {" + files + ", clients: [a, b], decrypt_clients: [";
    CHECK(taken(read_config(grpc("192.0.2.9:7444", named + "b]}"), four_cpus)).grpc_tls->decrypt_clients ==
          std::vector<std::string>{"b"});
    CHECK(only(grpc("192.0.2.9:7444", named + "c]}")).find("grpc.tls.decrypt_clients: 'c' is not in clients") !=
          std::string::npos);
}

TEST_CASE("networks where no media may go are read, and each that is none is told by its place") {
    const auto config = taken(
        read_config(good + "forbidden_networks: [10.255.0.0/16, \"2001:db8:ffff::/48\", 192.0.2.5/32]\n", four_cpus));
    REQUIRE(config.driver.forbidden_networks.size() == 3);
    CHECK(config.driver.forbidden_networks[0].to_string() == "10.255.0.0/16");
    CHECK(config.driver.forbidden_networks[1].to_string() == "2001:db8:ffff::/48");
    for (const std::string bad : {"10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8 ", "ten/8", "[::1]/8"})
        CHECK_THAT(
            only(good + "forbidden_networks: [10.0.0.0/8, \"" + bad + "\"]\n"),
            Catch::Contains("forbidden_networks[1]") && Catch::Contains("'" + bad + "' is not a network; example"));
}

TEST_CASE("each class of packets may have a mark of its own; one that has none has the port's") {
    const auto port_with = [](const std::string& lines) {
        return taken(read_config(replaced("addresses:", lines + "\n    addresses:"), four_cpus)).driver.ports.front();
    };
    const auto some = port_with("dscp: CS5\n    dscp_video: AF41\n    dscp_emergency: 44");
    CHECK(some.dscp == Marks{40, 34, 40, 44});
    CHECK(port_with("dscp_rtcp: AF31").dscp == Marks{46, 46, 26, 46});
    CHECK(dpdk::vlan_priority_of(some, Service::video) == 4);
    CHECK(dpdk::vlan_priority_of(some, Service::emergency) == 5);
    const auto tagged = port_with("vlan: 7\n    vlan_priority: 6");
    CHECK(tagged.vlan_priority == 6);
    CHECK(dpdk::vlan_priority_of(tagged, Service::voice) == 6);
    CHECK_FALSE(port_with("vlan: 7\n    vlan_priority: auto").vlan_priority);
    CHECK(only(replaced("addresses:", "vlan: 7\n    vlan_priority: 8\n    addresses:")) ==
          "media.yaml:6:20: ports[0].vlan_priority: '8' is neither auto nor a number from 0 to 7; example: auto");
    CHECK(only(replaced("addresses:", "vlan_priority: 5\n    addresses:")) ==
          "media.yaml:5:20: ports[0].vlan_priority: is given without vlan: an untagged frame has no place for it");
}

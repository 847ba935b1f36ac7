#include "media-plane/app/config_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "control/base/service_address.h"
#include "control/yaml/fields.h"
#include "media-plane/app/port_fields.h"

namespace sallyport::media::app {
namespace {

using yaml::Fields;

void read_tls(Fields& grpc, Config& config) {
    if (!grpc.has("tls")) {
        if (is_host_and_port(config.grpc_listen) && !stays_on_host(config.grpc_listen))
            grpc.wrong("listen",
                       "'" + config.grpc_listen +
                           "' can be reached from other hosts, and whoever commands here hears every call: add "
                           "a section tls; example: tls: {certificate: /etc/sallyport/tls/media.pem, key: "
                           "/etc/sallyport/tls/media.key, ca: /etc/sallyport/tls/ca.pem, clients: "
                           "[edge-1.example.net]}");
        return;
    }
    Fields tls = grpc.section("tls");
    rpc::ServerTls& files = config.grpc_tls.emplace();
    files.certificate = tls.text("certificate", Fields::Required::yes, "/etc/sallyport/tls/media.pem");
    files.key = tls.text("key", Fields::Required::yes, "/etc/sallyport/tls/media.key");
    files.ca = tls.text("ca", Fields::Required::yes, "/etc/sallyport/tls/ca.pem");
    files.clients = tls.texts("clients", "edge-1.example.net");
    if (files.clients.empty())
        tls.wrong("clients",
                  "is missing: the names in the certificates of signaling and control, which may command "
                  "this plane; example: clients: [edge-1.example.net]");
    files.decrypt_clients = tls.texts("decrypt_clients", "control-1.example.net");
    for (const auto& name : files.decrypt_clients)
        if (std::find(files.clients.begin(), files.clients.end(), name) == files.clients.end())
            tls.wrong("decrypt_clients", "'" + name +
                                             "' is not in clients, and so may not call at all; name those of clients "
                                             "that may have calls in clear (control's), or leave it out");
    tls.finish();
    if (config.grpc_listen.starts_with("unix:"))
        grpc.wrong("tls", "is for HOST:PORT; a socket of this host has its permissions instead");
}

void read_listen(Fields& root, Config& config) {
    Fields grpc = root.section("grpc");
    config.grpc_listen = grpc.text("listen", Fields::Required::no, "unix:/run/sallyport/media.sock");
    if (config.grpc_listen.empty()) config.grpc_listen = "unix:/run/sallyport/media.sock";
    const bool is_socket = config.grpc_listen.starts_with("unix:/");
    if (is_socket && config.grpc_listen.size() > 5 + socket_path_bytes)
        grpc.wrong("listen", "a socket's path has at most 107 bytes; example: unix:/run/sallyport/media.sock");
    if (!is_socket && !is_host_and_port(config.grpc_listen))
        grpc.wrong("listen", "'" + config.grpc_listen +
                                 "' is neither unix:/PATH nor HOST:PORT; example: unix:/run/sallyport/media.sock");
    read_tls(grpc, config);
    grpc.finish();

    Fields metrics = root.section("metrics");
    config.metrics_listen = metrics.text("listen", Fields::Required::no, "127.0.0.1:9102");
    if (config.metrics_listen.empty()) config.metrics_listen = "127.0.0.1:9102";
    if (config.metrics_listen == "none")
        config.metrics_listen.clear();
    else if (!is_host_and_port(config.metrics_listen))
        metrics.wrong("listen",
                      "'" + config.metrics_listen + "' is neither HOST:PORT nor none; example: 127.0.0.1:9102");
    metrics.finish();
}

void read_log(Fields& root, Config& config) {
    Fields log = root.section("log");
    config.log.daemon = "sallyport-media";
    config.log.level = *observe::parse_level(log.choice("level", {"debug", "info", "warning", "error"}, "info"));
    const bool json = log.choice("format", {"key_value", "json"}, "key_value") == "json";
    config.log.format = json ? observe::LogFormat::json : observe::LogFormat::key_value;
    config.log.file = log.text("file", Fields::Required::no, "/var/log/sallyport/media.log");
    log.finish();
}

void read_memory(Fields& root, dpdk::DriverConfig& driver) {
    Fields eal = root.section("eal");
    const auto hugepages = eal.choice("hugepages", {"auto", "on", "off"}, "auto");
    driver.hugepages = hugepages == "on"    ? dpdk::Hugepages::on
                       : hugepages == "off" ? dpdk::Hugepages::off
                                            : dpdk::Hugepages::automatic;
    driver.memory_mb = static_cast<std::uint32_t>(eal.integer("memory_mb", 0, 65'536, 0));
    eal.finish();
}

// Either CPUs by number, or how many of those the process may use: the last ones, since CPU 0 has the interrupts.
void read_cpus(Fields& root, const std::vector<unsigned>& allowed, dpdk::DriverConfig& driver) {
    const auto count = static_cast<std::size_t>(root.integer("lcores", 1, dpdk::limits::worker_lcores, 1));
    if (root.has("cpus") && root.has("lcores")) root.wrong("lcores", "is given beside cpus; one of the two");
    if (!root.has("cpus")) {
        if (count > allowed.size())
            return root.wrong("lcores", "this process may run on " + std::to_string(allowed.size()) + " CPUs only");
        driver.cpus.assign(allowed.end() - static_cast<std::ptrdiff_t>(count), allowed.end());
        return;
    }
    const auto texts = root.texts("cpus", "1, 2");
    if (texts.empty() || texts.size() > dpdk::limits::worker_lcores)
        root.wrong("cpus", "is not a list of 1 to 64 CPUs; example: [1, 2]");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string field = "cpus[" + std::to_string(i) + "]";
        unsigned cpu = 0;
        const auto [end, error] = std::from_chars(texts[i].data(), texts[i].data() + texts[i].size(), cpu);
        const bool number = error == std::errc{} && end == texts[i].data() + texts[i].size();
        if (!number || std::find(allowed.begin(), allowed.end(), cpu) == allowed.end())
            root.wrong(field, "'" + texts[i] + "' is not a CPU this process may run on; example: 1");
        else if (std::find(driver.cpus.begin(), driver.cpus.end(), cpu) != driver.cpus.end())
            root.wrong(field, "CPU " + texts[i] + " is named twice");
        else
            driver.cpus.push_back(cpu);
    }
}

void read_ports(Fields& root, dpdk::DriverConfig& driver) {
    std::set<std::string, std::less<>> names, devices;
    auto list = root.list("ports", Fields::Required::yes);
    if (list.size() > dpdk::limits::media_ports) root.wrong("ports", "has more than 16 entries");
    for (auto& fields : list) {
        dpdk::PortConfig port = read_port(fields);
        if (!port.name.empty() && !names.insert(port.name).second)
            fields.wrong("name", "'" + port.name + "' is the name of an earlier port");
        if (!port.device.empty() && !devices.emplace(dpdk::device_name(port.device)).second)
            fields.wrong("device", "'" + std::string(dpdk::device_name(port.device)) + "' is an earlier port's device");
        const std::size_t pairs = (port.last_udp_port - port.first_udp_port + 1u) / 2u;
        if (pairs < driver.cpus.size())
            fields.wrong("udp_ports", "has fewer pairs than there are lcores; example: 16384-32767");
        driver.ports.push_back(std::move(port));
    }
}

// Where no media goes, whatever SDP says: what only this node reaches, as signaling's and the operator's own networks.
void read_forbidden(Fields& root, dpdk::DriverConfig& driver) {
    constexpr std::size_t most = 256;
    constexpr const char* example = "\"10.0.0.0/8\", \"192.0.2.5/32\"";
    const auto texts = root.texts("forbidden_networks", example);
    if (texts.size() > most) root.wrong("forbidden_networks", "has more than 256 entries");
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string& text = texts[i];
        const auto slash = text.find('/');
        const auto address = IpAddress::parse(std::string_view(text).substr(0, slash));
        unsigned prefix = 0;
        const char* last = text.data() + text.size();
        const auto [end, error] = slash == text.npos ? std::from_chars_result{nullptr, std::errc::invalid_argument}
                                                     : std::from_chars(text.data() + slash + 1, last, prefix);
        const unsigned longest = address && address->family == Family::v6 ? 128 : 32;
        if (!address || text.starts_with('[') || error != std::errc{} || end != last || prefix > longest)
            root.wrong("forbidden_networks[" + std::to_string(i) + "]",
                       "'" + text + "' is not a network; example: [" + example + "]");
        else
            driver.forbidden_networks.push_back({*address, static_cast<std::uint8_t>(prefix)});
    }
}

}  // namespace

Result<Config, std::vector<yaml::Problem>> read_config(std::string_view text, const std::vector<unsigned>& cpus) {
    auto documents = yaml::parse(text);
    if (!documents) return std::vector<yaml::Problem>{documents.error()};
    if (documents->size() != 1)
        return std::vector<yaml::Problem>{
            {{}, "", "exactly one YAML document is expected; see media.yaml of the examples"}};
    std::vector<yaml::Problem> problems;
    Config config;
    dpdk::DriverConfig& driver = config.driver;
    Fields root(documents->front(), "", problems);
    driver.node = root.text("node", Fields::Required::yes, "edge-1");
    read_listen(root, config);
    read_log(root, config);
    read_memory(root, driver);
    read_cpus(root, cpus, driver);
    driver.poll_always = root.choice("poll", {"adaptive", "always"}, "adaptive") == "always";
    read_ports(root, driver);
    read_forbidden(root, driver);
    Fields bounds = root.section("limits");
    driver.max_sessions = static_cast<std::size_t>(bounds.integer("max_sessions", 1, 1'000'000, 20'000));
    driver.emergency_sessions = static_cast<std::size_t>(bounds.integer("emergency_sessions", 0, 100'000, 1'000));
    driver.max_packets_per_second =
        static_cast<std::uint32_t>(bounds.integer("max_packets_per_second", 0, 1'000'000, 500));
    bounds.finish();
    Fields srtp = root.section("srtp");
    driver.srtp_engine = srtp.choice("engine", {"fastest", "libsrtp"}, "fastest") == "libsrtp"
                             ? srtp::EngineChoice::libsrtp
                             : srtp::EngineChoice::fastest;
    srtp.finish();
    config.lease = std::chrono::seconds(root.integer("lease_seconds", 1, 3600, 30));
    root.finish();
    std::stable_sort(problems.begin(), problems.end(),
                     [](const auto& a, const auto& b) { return a.place.line < b.place.line; });
    if (!problems.empty()) return problems;
    return config;
}

}  // namespace sallyport::media::app

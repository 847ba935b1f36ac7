#include "signaling/app/config_file.h"

#include <algorithm>

#include "control/base/service_address.h"
#include "control/yaml/fields.h"
#include "signaling/app/realm_fields.h"
#include "signaling/io/stream_pool.h"

namespace sallyport::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using yaml::Fields;

std::string text_or(Fields& fields, std::string_view key, const std::string& otherwise) {
    auto text = fields.text(key, Fields::Required::no, otherwise);
    return text.empty() ? otherwise : text;
}

template <class Unit>
Duration time_of(Fields& fields, std::string_view key, std::int64_t low, std::int64_t high, std::int64_t otherwise) {
    return Unit(fields.integer(key, low, high, otherwise));
}

std::size_t size_of(Fields& fields, std::string_view key, std::int64_t low, std::int64_t high, std::int64_t otherwise) {
    return static_cast<std::size_t>(fields.integer(key, low, high, otherwise));
}

// "unix:/PATH" or HOST:PORT.
std::string rpc_address(Fields& fields, std::string_view key, const std::string& otherwise) {
    auto text = text_or(fields, key, otherwise);
    const bool is_socket = text.starts_with("unix:/");
    if (is_socket && text.size() > 5 + socket_path_bytes)
        fields.wrong(key, "a socket's path has at most 107 bytes; example: " + otherwise);
    if (!is_socket && !is_host_and_port(text))
        fields.wrong(key, "'" + text + "' is neither unix:/PATH nor HOST:PORT; example: " + otherwise);
    return text;
}

rpc::RpcPeer read_peer(Fields& fields, const std::string& otherwise) {
    rpc::RpcPeer peer;
    peer.target = rpc_address(fields, "target", otherwise);
    if (!fields.has("tls")) {
        if (is_host_and_port(peer.target) && !stays_on_host(peer.target))
            fields.wrong("target", "'" + peer.target +
                                       "' is another host, and keys and configuration would go there in the clear: "
                                       "add a section tls; example: tls: {certificate: /etc/sallyport/tls/node.pem, "
                                       "key: /etc/sallyport/tls/node.key, ca: /etc/sallyport/tls/ca.pem}");
        return peer;
    }
    Fields tls = fields.section("tls");
    peer.certificate = tls.text("certificate", Fields::Required::yes, "/etc/sallyport/tls/node.pem");
    peer.key = tls.text("key", Fields::Required::yes, "/etc/sallyport/tls/node.key");
    peer.ca = tls.text("ca", Fields::Required::yes, "/etc/sallyport/tls/ca.pem");
    peer.tls_name = tls.text("name", Fields::Required::no, "control.example.net");
    tls.finish();
    return peer;
}

void read_neighbours(Fields& root, Config& config) {
    Fields media = root.section("media");
    config.media = read_peer(media, "unix:/run/sallyport/media.sock");
    config.media_lease_seconds = static_cast<std::uint32_t>(media.integer("lease_seconds", 1, 3'600, 30));
    config.show_digits = media.boolean("show_digits", false);
    media.finish();
    Fields control = root.section("control");
    config.control = read_peer(control, "unix:/run/sallyport/control.sock");
    config.config_cache = text_or(control, "cache", "/var/lib/sallyport/signaling/snapshot");
    if (config.config_cache == "none") config.config_cache.clear();
    control.finish();
    Fields grpc = root.section("grpc");
    config.grpc_listen = rpc_address(grpc, "listen", "unix:/run/sallyport/signaling.sock");
    if (is_host_and_port(config.grpc_listen) && !stays_on_host(config.grpc_listen))
        grpc.wrong("listen", "'" + config.grpc_listen +
                                 "' can be reached from other hosts, and this service asks nobody who he is; example: "
                                 "unix:/run/sallyport/signaling.sock");
    grpc.finish();
    Fields metrics = root.section("metrics");
    config.metrics_listen = text_or(metrics, "listen", "127.0.0.1:9101");
    if (config.metrics_listen == "none")
        config.metrics_listen.clear();
    else if (!is_host_and_port(config.metrics_listen))
        metrics.wrong("listen",
                      "'" + config.metrics_listen + "' is neither HOST:PORT nor none; example: 127.0.0.1:9101");
    metrics.finish();
}

void read_log(Fields& root, Config& config) {
    Fields log = root.section("log");
    config.log.daemon = "sallyport-signaling";
    config.log.level = *observe::parse_level(log.choice("level", {"debug", "info", "warning", "error"}, "info"));
    const bool json = log.choice("format", {"key_value", "json"}, "key_value") == "json";
    config.log.format = json ? observe::LogFormat::json : observe::LogFormat::key_value;
    config.log.file = log.text("file", Fields::Required::no, "/var/log/sallyport/signaling.log");
    log.finish();
}

void read_streams(Fields& root, Config& config) {
    Fields streams = root.section("streams");
    config.streams.idle = time_of<seconds>(streams, "idle_seconds", 10, 86'400, 300);
    config.streams.keep_alive = time_of<seconds>(streams, "keep_alive_seconds", 2, 600, 30);
    config.streams.message = time_of<seconds>(streams, "message_seconds", 1, 300, 30);
    config.streams.handshake = time_of<seconds>(streams, "handshake_seconds", 1, 60, 10);
    config.streams.connect = time_of<seconds>(streams, "connect_seconds", 1, 32, 4);
    config.streams.write_queue_bytes = size_of(streams, "write_queue_bytes", 65'536, 64 << 20, 1 << 20);
    config.streams.handshakes = size_of(streams, "handshakes_at_a_time", 1, 100'000, 1'000);
    config.connections.total = size_of(streams, "max_connections", 1, 1'000'000, 20'000);
    config.connections.per_source = size_of(streams, "max_connections_per_source", 1, 1'000'000, 2'000);
    config.connections.rate_per_source = streams.number("connections_per_second_per_source", 1, 100'000, 200);
    streams.finish();
}

void read_dns(Fields& root, Config& config) {
    Fields dns = root.section("dns");
    config.dns.servers = dns.texts("servers", "192.0.2.53");
    for (std::size_t i = 0; i < config.dns.servers.size(); ++i) {
        const std::string& server = config.dns.servers[i];
        const auto at = server.find('@');
        const bool port = at == server.npos || is_host_and_port("x:" + server.substr(at + 1));
        if (!port || !IpAddress::parse(server.substr(0, at)))
            dns.wrong("servers",
                      "'" + server + "' is not ADDRESS or ADDRESS@PORT; example: [192.0.2.53, 192.0.2.54@5353]");
    }
    config.dns.hosts_file = dns.text("hosts_file", Fields::Required::no, "/etc/hosts");
    config.dns.records = dns.texts("records", "\"sip.example.net. 300 IN A 192.0.2.9\"");
    config.dns.timeout = time_of<milliseconds>(dns, "timeout_ms", 100, 30'000, 3'000);
    dns.finish();
}

void read_records(Fields& root, Config& config) {
    Fields records = root.section("records");
    config.records.directory = text_or(records, "directory", "/var/spool/sallyport/records");
    config.records.segment_bytes = size_of(records, "segment_mb", 1, 4'096, 64) << 20;
    config.records.segment_age = seconds(records.integer("segment_seconds", 10, 604'800, 3'600));
    config.records.total_bytes = size_of(records, "total_mb", 16, 16 << 20, 4'096) << 20;
    records.finish();
}

void read_lockout(Fields& digest, Config& config) {
    Fields lockout = digest.section("lockout");
    config.lockout.failures = static_cast<std::uint32_t>(lockout.integer("failures", 0, 1'000, 20));
    config.lockout.window = time_of<seconds>(lockout, "window_seconds", 1, 86'400, 300);
    config.lockout.lasts = time_of<seconds>(lockout, "seconds", 1, 86'400, 300);
    config.lockout.silent = lockout.choice("action", {"refuse", "drop"}, "refuse") == "drop";
    lockout.finish();
}

void read_sip(Fields& root, Config& config) {
    Fields timers = root.section("timers");
    config.timers.t1 = time_of<milliseconds>(timers, "t1_ms", 50, 10'000, 500);
    config.timers.t2 = time_of<milliseconds>(timers, "t2_ms", 100, 60'000, 4'000);
    config.timers.t4 = time_of<milliseconds>(timers, "t4_ms", 100, 60'000, 5'000);
    if (config.timers.t2 < config.timers.t1) timers.wrong("t2_ms", "is below t1_ms; example: t2_ms: 4000");
    timers.finish();
    Fields digest = root.section("digest");
    config.nonce_secret_file = digest.text("nonce_secret_file", Fields::Required::no, "/etc/sallyport/nonce.secret");
    config.nonce_life = time_of<seconds>(digest, "nonce_seconds", 1, 3'600, 300);
    read_lockout(digest, config);
    digest.finish();
    Fields registrations = root.section("registrations");
    config.registrations = text_or(registrations, "file", "/var/lib/sallyport/signaling/registrations.db");
    if (config.registrations == "none") config.registrations.clear();
    const auto unwritable = registrations.choice("unwritable", {"accept", "480", "500", "503"}, "accept");
    if (unwritable != "accept") config.unwritable_registrations = static_cast<std::uint16_t>(std::stoi(unwritable));
    registrations.finish();
    Fields limits = root.section("limits");
    config.max_calls = size_of(limits, "calls", 1, 1'000'000, 50'000);
    config.emergency_calls = size_of(limits, "emergency_calls", 0, 100'000, 1'000);
    config.recent_calls = size_of(limits, "recent_calls", 0, 100'000, 1'000);
    config.source_transactions = size_of(limits, "transactions_per_source", 100, 1'000'000, 20'000);
    limits.finish();
}

void read_overload(Fields& root, Config& config) {
    Fields overload = root.section("overload");
    config.tolerated_busy = time_of<milliseconds>(overload, "busy_ms", 1, 10'000, 20);
    auto& window = config.retry_window;
    window.from_seconds = static_cast<std::uint32_t>(overload.integer("retry_after_from_seconds", 1, 3'600, 1));
    window.to_seconds = static_cast<std::uint32_t>(
        overload.integer("retry_after_to_seconds", 1, 3'600, std::max<std::int64_t>(32, window.from_seconds)));
    if (window.to_seconds < window.from_seconds)
        overload.wrong("retry_after_to_seconds",
                       "is below retry_after_from_seconds; example: retry_after_to_seconds: 32");
    overload.finish();
}

}  // namespace

Result<Config, std::vector<yaml::Problem>> read_config(std::string_view text, unsigned cores) {
    auto documents = yaml::parse(text);
    if (!documents) return std::vector<yaml::Problem>{documents.error()};
    if (documents->size() != 1)
        return std::vector<yaml::Problem>{
            {{}, "", "exactly one YAML document is expected; see signaling.yaml of the examples"}};
    std::vector<yaml::Problem> problems;
    Config config;
    Fields root(documents->front(), "", problems);
    config.node = root.text("node", Fields::Required::yes, "edge-1");
    if (config.node.size() > 64 || config.node.find_first_of(" \t\"\\/") != std::string::npos)
        root.wrong("node",
                   "'" + config.node + "' is not 1 to 64 characters without space, quote or slash; example: edge-1");
    const auto shards = static_cast<std::uint32_t>(root.integer("shards", 0, io::max_shards, 0));
    config.shards = shards != 0 ? shards : std::clamp(cores, 2u, io::max_shards + 1) - 1;
    read_realms(root, config.realms, config.tls, config.dscp);
    read_neighbours(root, config);
    read_log(root, config);
    read_streams(root, config);
    read_dns(root, config);
    read_records(root, config);
    read_sip(root, config);
    read_overload(root, config);
    config.drain = time_of<seconds>(root, "drain_seconds", 0, 3'600, 5);
    root.finish();
    std::stable_sort(problems.begin(), problems.end(),
                     [](const auto& a, const auto& b) { return a.place.line < b.place.line; });
    if (!problems.empty()) return problems;
    return config;
}

}  // namespace sallyport::app

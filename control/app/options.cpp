#include "control/app/options.h"

#include "control/api/authorization.h"
#include "control/base/endpoint.h"
#include "control/base/service_address.h"

namespace sallyport::app {
namespace {

using yaml::Fields;
using Required = yaml::Fields::Required;

std::string endpoint(Fields& fields, std::string_view key, Required required, std::string_view example) {
    auto text = fields.text(key, required, example);
    if (!text.empty() && text != "none" && !Endpoint::parse(text))
        fields.wrong(key, '"' + text + "\" is no ADDRESS:PORT, e.g. " + std::string(key) + ": " + std::string(example));
    return text;
}

std::string target(Fields& fields, std::string_view key, std::string_view otherwise) {
    auto text = fields.text(key, Required::no, otherwise);
    if (text.empty()) return std::string(otherwise);
    const bool is_socket = text.starts_with("unix:/");
    if (!is_socket && !is_host_and_port(text))
        fields.wrong(key, '"' + text + "\" is neither unix:/PATH nor HOST:PORT, e.g. " + std::string(otherwise));
    if (is_socket && text.size() - 5 > socket_path_bytes)
        fields.wrong(key, "a socket's path has at most 107 bytes, e.g. " + std::string(otherwise));
    return text;
}

tls::TlsFiles read_tls(Fields& section) {
    tls::TlsFiles files;
    files.ca = section.text("ca", Required::yes, "/etc/sallyport/tls/ca.pem");
    files.certificate = section.text("certificate", Required::yes, "/etc/sallyport/tls/control.pem");
    files.key = section.text("key", Required::yes, "/etc/sallyport/tls/control.key");
    return files;
}

void read_oss(Fields oss, api::ControlServerOptions& server) {
    server.listen = endpoint(oss, "listen", Required::yes, "127.0.0.1:7443");
    auto section = oss.section("tls");
    server.tls = read_tls(section);
    section.finish();
    server.default_role = oss.choice("default_role", {"viewer", "provisioner", "billing", "admin"}, "viewer");
    oss.finish();
}

// Keys of SRTP pass between signaling and the media plane; control only reads there, but by the same service.
void read_media(Fields& planes, api::PlanePeer& media) {
    media.target = target(planes, "media", "unix:/run/sallyport/media.sock");
    if (!planes.has("media_tls")) {
        if (is_host_and_port(media.target) && !stays_on_host(media.target))
            planes.wrong("media", '"' + media.target +
                                      "\" is another host: add media_tls, e.g. media_tls: {ca: "
                                      "/etc/sallyport/tls/ca.pem, certificate: /etc/sallyport/tls/control.pem, key: "
                                      "/etc/sallyport/tls/control.key}");
        return;
    }
    auto section = planes.section("media_tls");
    media.files = read_tls(section);
    media.tls_name = section.text("name", Required::no, "media.example.net");
    section.finish();
    if (media.target.starts_with("unix:"))
        planes.wrong("media_tls", "is for HOST:PORT; a socket of this host has its permissions instead");
}

void read_planes(Fields planes, api::ControlServerOptions& server) {
    constexpr std::string_view standard = "unix:/run/sallyport/control.sock";
    server.planes_listen = planes.text("listen", Required::no, standard);
    if (server.planes_listen.empty()) server.planes_listen = standard;
    if (!server.planes_listen.starts_with("unix:/") || server.planes_listen.size() - 5 > socket_path_bytes)
        planes.wrong("listen",
                     "the configuration feed carries digest hashes and is served on a local socket only, e.g. "
                     "listen: unix:/run/sallyport/control.sock (at most 107 bytes of path)");
    server.signaling = target(planes, "signaling", "unix:/run/sallyport/signaling.sock");
    if (is_host_and_port(server.signaling) && !stays_on_host(server.signaling))
        planes.wrong("signaling", '"' + server.signaling +
                                      "\" is another host; signaling works beside control, e.g. signaling: "
                                      "unix:/run/sallyport/signaling.sock");
    read_media(planes, server.media);
    planes.finish();
}

void read_log(Fields log, observe::LogOptions& options) {
    const auto level = observe::parse_level(log.choice("level", {"debug", "info", "warning", "error"}, "info"));
    options.level = level.value_or(observe::Level::info);
    options.format = log.choice("format", {"key_value", "json"}, "key_value") == "json" ? observe::LogFormat::json
                                                                                        : observe::LogFormat::key_value;
    options.file = log.text("file", Required::no, "/var/log/sallyport/control.log");
    log.finish();
}

}  // namespace

Options parse_options(std::string_view text, yaml::Problems& problems) {
    Options options;
    const auto documents = yaml::parse(text);
    if (!documents) {
        problems.push_back(documents.error());
        return options;
    }
    if (documents->size() != 1) {
        problems.push_back({{}, "", "expected one YAML document with the fields of the node file"});
        return options;
    }
    Fields root(documents->front(), "", problems);
    options.server.node = root.text("node", Required::yes, "edge-1");
    if (options.server.node.size() > 63) root.wrong("node", "is too long: at most 63 bytes, e.g. node: edge-1");
    read_oss(root.section("oss"), options.server);
    read_planes(root.section("planes"), options.server);
    auto store = root.section("store");
    options.store = store.text("file", Required::yes, "/var/lib/sallyport/control/store.db");
    store.finish();
    auto records = root.section("records");
    options.server.records = records.text("directory", Required::yes, "/var/lib/sallyport/records");
    records.finish();
    auto metrics = root.section("metrics");
    options.metrics_listen = endpoint(metrics, "listen", Required::no, "127.0.0.1:9101");
    if (options.metrics_listen.empty()) options.metrics_listen = "127.0.0.1:9101";
    if (options.metrics_listen == "none") options.metrics_listen.clear();
    metrics.finish();
    read_log(root.section("log"), options.log);
    options.log.daemon = "sallyport-control";
    root.finish();
    return options;
}

}  // namespace sallyport::app

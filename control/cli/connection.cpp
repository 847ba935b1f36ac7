#include "control/cli/connection.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/yaml/fields.h"
#include "sallyport/provisioning/v1/violations.pb.h"

namespace sallyport::cli {
namespace {

constexpr int detail_bytes = 4 << 20;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

void fill(std::string& value, const std::string& otherwise) {
    if (value.empty()) value = otherwise;
}

std::vector<std::string> config_files() {
    if (const auto given = environment("SALLYPORT_CLI_CONFIG"); !given.empty()) return {given};
    std::vector<std::string> files;
    if (const auto home = environment("HOME"); !home.empty()) files.push_back(home + "/.config/sallyport/cli.yaml");
    files.emplace_back("/etc/sallyport/cli.yaml");
    return files;
}

void fill_from_file(Connection& connection, const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw Failure{"cannot read " + path};
    const auto documents = yaml::parse(text.str());
    if (!documents) throw Failure{yaml::to_string(documents.error(), path)};
    if (documents->empty()) return;
    yaml::Problems problems;
    yaml::Fields fields(documents->front(), "", problems);
    const auto no = yaml::Fields::Required::no;
    fill(connection.server, fields.text("server", no, "127.0.0.1:7443"));
    fill(connection.ca, fields.text("ca", no, "/etc/sallyport/tls/ca.pem"));
    fill(connection.cert, fields.text("cert", no, "/etc/sallyport/tls/oss.pem"));
    fill(connection.key, fields.text("key", no, "/etc/sallyport/tls/oss.key"));
    fill(connection.server_name, fields.text("server_name", no, "edge-1.example.com"));
    fields.finish();
    if (!problems.empty()) throw Failure{yaml::to_string(problems.front(), path)};
}

std::string pem(const std::string& path, const std::string& option) {
    if (path.empty())
        throw Failure{"no " + option + " is given: control takes calls over mutual TLS only; use --" + option +
                      " FILE, SALLYPORT_" +
                      (option == "ca"     ? "CA"
                       : option == "cert" ? "CERT"
                                          : "KEY") +
                      ", or a line in ~/.config/sallyport/cli.yaml"};
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw Failure{"cannot read --" + option + " " + path};
    if (text.str().find("-----BEGIN ") == std::string::npos)
        throw Failure{"--" + option + " " + path + " is no PEM file"};
    return text.str();
}

// gRPC's words for a connection that did not come about hold OpenSSL's or the kernel's somewhere inside.
std::string unreachable(const std::string& words, const std::string& server) {
    const auto has = [&](std::string_view part) { return words.find(part) != std::string::npos; };
    const auto prefix = "cannot reach sallyport-control at " + server + ": ";
    if (has("Connection refused")) return prefix + "nobody listens there (is it running?)";
    if (has("CERTIFICATE_VERIFY_FAILED") || has("certificate verify failed"))
        return prefix + "its certificate is not signed by the CA given with --ca";
    if (has("Hostname Verification") || has("Peer name"))
        return prefix + "its certificate is for another name (see --server-name)";
    if (has("CERTIFICATE_REQUIRED") || has("certificate required") || has("UNKNOWN_CA") || has("unknown ca") ||
        has("BAD_CERTIFICATE") || has("Socket closed") || has("Connection reset") || has("recvmsg"))
        return prefix +
               "it ended the connection; is the client certificate (--cert) signed by the CA that control trusts?";
    if (has("SSL") || has("handshak")) return prefix + "the TLS handshake failed (is this control's port?)";
    if (has("DNS") || has("name resolution") || has("Name or service")) return prefix + "the name is not known";
    const auto cause = words.rfind(": ");
    return prefix + (cause == std::string::npos ? words : words.substr(cause + 2));
}

}  // namespace

void Connection::complete() {
    fill(server, environment("SALLYPORT_SERVER"));
    fill(ca, environment("SALLYPORT_CA"));
    fill(cert, environment("SALLYPORT_CERT"));
    fill(key, environment("SALLYPORT_KEY"));
    fill(server_name, environment("SALLYPORT_SERVER_NAME"));
    std::error_code error;
    for (const auto& path : config_files()) {
        if (!std::filesystem::exists(path, error)) continue;
        fill_from_file(*this, path);
        break;
    }
    fill(server, "127.0.0.1:7443");
}

Client::Client(Connection connection) : connection_(std::move(connection)) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = pem(connection_.ca, "ca");
    tls.pem_cert_chain = pem(connection_.cert, "cert");
    tls.pem_private_key = pem(connection_.key, "key");
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, detail_bytes + (1 << 16));  // faults of a large file come in a trailer
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    if (!connection_.server_name.empty()) arguments.SetSslTargetNameOverride(connection_.server_name);
    const auto channel = grpc::CreateCustomChannel(connection_.server, grpc::SslCredentials(tls), arguments);
    provisioning_ = pv1::Provisioning::NewStub(channel);
    operations_ = ov1::Operations::NewStub(channel);
}

void Client::prepare(grpc::ClientContext& context, double more_seconds) const {
    const std::chrono::duration<double> patience(connection_.timeout_seconds + more_seconds);
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(patience));
    context.AddMetadata("sallyport-detail-bytes", std::to_string(detail_bytes / 2));  // base64 on the way
}

void Client::check(const grpc::Status& status) const {
    if (!status.ok()) throw to_failure(status, connection_.server);
}

Failure to_failure(const grpc::Status& status, const std::string& server) {
    Failure failure{status.error_message()};
    failure.may_pass = status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED ||
                       status.error_code() == grpc::RESOURCE_EXHAUSTED;
    google::rpc::Status details;
    if (!status.error_details().empty() && details.ParseFromString(status.error_details()))
        for (const auto& any : details.details()) {
            google::rpc::BadRequest bad;
            if (!any.UnpackTo(&bad)) continue;
            for (const auto& v : bad.field_violations()) failure.violations.emplace_back(v.field(), v.description());
        }
    // What control itself says is unavailable (a daemon, its store) it says in a sentence; a channel's words are
    // gRPC's.
    const bool from_channel =
        failure.sentence.find("connect") != std::string::npos || failure.sentence.find("ocket") != std::string::npos ||
        failure.sentence.find("DNS") != std::string::npos || failure.sentence.find("recvmsg") != std::string::npos;
    const bool from_control = failure.sentence.starts_with("sallyport-") || failure.sentence.starts_with("cannot ");
    if (status.error_code() == grpc::UNAVAILABLE && from_channel && !from_control)
        failure.sentence = unreachable(failure.sentence, server);
    if (status.error_code() == grpc::DEADLINE_EXCEEDED)
        failure.sentence = "sallyport-control at " + server + " does not answer";
    if (status.error_code() == grpc::UNIMPLEMENTED)
        failure.sentence = "sallyport-control at " + server + " does not know this command; is it of an older version?";
    return failure;
}

}  // namespace sallyport::cli

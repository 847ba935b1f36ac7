#include "control/cli/connection.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/yaml/fields.h"
#include "sallyport/provisioning/v1/violations.pb.h"

namespace sallyport::cli {
namespace {

constexpr const char* default_server = "127.0.0.1:7443";
constexpr int detail_bytes = 1'000'000;  // violations of a large file, in the trailer

std::string read_file(const std::string& path, const char* what) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Failure(refused, std::string(what) + ": '" + path + "' cannot be read");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string default_file() {
    if (const char* home = std::getenv("HOME")) {
        const std::string own = std::string(home) + "/.config/sallyport/cli.yaml";
        if (std::filesystem::exists(own)) return own;
    }
    const std::string shared = "/etc/sallyport/cli.yaml";
    return std::filesystem::exists(shared) ? shared : "";
}

void fill(std::string& value, const std::string& from_file) {
    if (value.empty()) value = from_file;
}

}  // namespace

void complete_from_file(ConnectionOptions& options) {
    const std::string path = options.file.empty() ? default_file() : options.file;
    if (!path.empty()) {
        const auto documents = yaml::parse(read_file(path, "--config"));
        if (!documents) throw Failure(wrong_usage, yaml::to_string(documents.error(), path));
        yaml::Problems problems;
        const yaml::Node empty;
        yaml::Fields fields(documents->empty() ? empty : documents->front(), "", problems);
        const auto optional = yaml::Fields::Required::no;
        fill(options.server, fields.text("server", optional, "127.0.0.1:7443"));
        fill(options.server_name, fields.text("server_name", optional, "control.example.net"));
        fill(options.ca, fields.text("ca", optional, "/etc/sallyport/ca.pem"));
        fill(options.cert, fields.text("cert", optional, "/etc/sallyport/operator.pem"));
        fill(options.key, fields.text("key", optional, "/etc/sallyport/operator.key"));
        fields.finish();
        std::string text;
        for (const auto& problem : problems) text += (text.empty() ? "" : "\n") + yaml::to_string(problem, path);
        if (!text.empty()) throw Failure(wrong_usage, text);
    }
    fill(options.server, default_server);
}

std::vector<FieldProblem> field_problems(const grpc::Status& status) {
    std::vector<FieldProblem> problems;
    google::rpc::Status details;
    if (!details.ParseFromString(status.error_details())) return problems;
    for (const auto& any : details.details()) {
        google::rpc::BadRequest bad;
        if (!any.Is<google::rpc::BadRequest>() || !any.UnpackTo(&bad)) continue;
        for (const auto& violation : bad.field_violations())
            problems.push_back({violation.field(), violation.description()});
    }
    return problems;
}

Connection::Connection(ConnectionOptions options) : options_(std::move(options)) {
    if (options_.ca.empty() || options_.cert.empty() || options_.key.empty())
        throw Failure(
            wrong_usage,
            "control is reached over mutual TLS: give --ca, --cert and --key, set SALLYPORT_CA, SALLYPORT_CERT "
            "and SALLYPORT_KEY, or write them into ~/.config/sallyport/cli.yaml");
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = read_file(options_.ca, "--ca");
    tls.pem_cert_chain = read_file(options_.cert, "--cert");
    tls.pem_private_key = read_file(options_.key, "--key");
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, detail_bytes + 4096);
    arguments.SetMaxReceiveMessageSize(256 << 20);
    if (!options_.server_name.empty()) arguments.SetSslTargetNameOverride(options_.server_name);
    channel_ = grpc::CreateCustomChannel(options_.server, grpc::SslCredentials(tls), arguments);
}

void Connection::prepare(grpc::ClientContext& context) const {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(options_.timeout_seconds));
    context.AddMetadata("sallyport-detail-bytes", std::to_string(detail_bytes));
}

Failure Connection::failure(const grpc::Status& status) const {
    switch (status.error_code()) {
        case grpc::UNAVAILABLE:
            return {refused, "sallyport-control at " + options_.server +
                                 " cannot be reached: " + status.error_message() +
                                 "\nIs it running, is the address right (--server), and do "
                                 "the certificates belong to it (--ca, --cert, --key)?"};
        case grpc::DEADLINE_EXCEEDED:
            return {refused, "sallyport-control at " + options_.server + " did not answer within " +
                                 std::to_string(options_.timeout_seconds) + " s (--timeout)"};
        default: break;
    }
    std::string text;
    for (const auto& problem : field_problems(status))
        text += (text.empty() ? "" : "\n") + (problem.field.empty() ? "" : problem.field + ": ") + problem.text;
    return {refused, text.empty() ? status.error_message() : text};
}

}  // namespace sallyport::cli

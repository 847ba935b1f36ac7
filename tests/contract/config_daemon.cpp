#include "config_daemon.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/eventually.h"

namespace sallyport::test {
namespace {

constexpr const char* make_ca = R"(set -e
cd "$1"
new_key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new_key -days 2 -subj "/CN=test CA" -keyout ca.key -out ca.pem
leaf() {
  openssl req $new_key -subj "$2" -keyout $1.key -out $1.csr
  echo "$3" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $1.pem -extfile $1.ext
}
leaf control "/CN=control" "subjectAltName=IP:127.0.0.1"
leaf oss "/O=Test/OU=provisioner/CN=oss" "extendedKeyUsage=clientAuth"
leaf noc "/O=Test/OU=viewer/CN=noc" "extendedKeyUsage=clientAuth"
leaf plain "/O=Test/CN=nobody in particular" "extendedKeyUsage=clientAuth"
leaf billing "/O=Test/OU=billing/CN=bill" "extendedKeyUsage=clientAuth"
leaf tracer "/O=Test/OU=capture/CN=tracer" "extendedKeyUsage=clientAuth"
leaf listener "/O=Test/OU=decrypt/CN=listener" "extendedKeyUsage=clientAuth"
leaf boss "/O=Test/OU=admin/CN=boss" "extendedKeyUsage=clientAuth"
openssl req -x509 $new_key -days 2 -subj "/OU=admin/CN=stranger" -keyout stranger.key -out stranger.pem
)";

int wait_for(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

pid_t spawn(const std::vector<std::string>& arguments, const std::string& output) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const int file = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(file, 1);
    dup2(file, 2);
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
}

// The last value of a key in the log, e.g. of "metrics_port=".
std::uint16_t logged_number(const std::string& log, const std::string& key) {
    const auto at = log.rfind(' ' + key);
    return at == log.npos ? 0 : static_cast<std::uint16_t>(std::stoi(log.substr(at + 1 + key.size())));
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, int seconds) {
    return eventually(condition, std::chrono::seconds(seconds));
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_file(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

ControlDaemon::ControlDaemon() {
    char name[] = "/tmp/sallyport-control-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    directory_ = name;
    make_certificates();
    write_file(path("control.yaml"), node_file());
    start();
}

ControlDaemon::~ControlDaemon() {
    if (pid_ > 0) stop(SIGKILL);
    std::filesystem::remove_all(directory_);
}

std::string ControlDaemon::node_file() const {
    return "node: edge-1\n"
           "oss:\n"
           "  listen: 127.0.0.1:0\n"
           "  tls: {ca: " +
           path("ca.pem") + ", certificate: " + path("control.pem") + ", key: " + path("control.key") +
           "}\n"
           "planes:\n"
           "  listen: unix:" +
           path("control.sock") +
           "\n"
           "  signaling: unix:" +
           path("signaling.sock") +
           "\n"
           "  media: unix:" +
           path("media.sock") +
           "\n"
           "store: {file: " +
           path("store.db") +
           "}\n"
           "records: {directory: " +
           path("records") +
           "}\n"
           "metrics: {listen: \"127.0.0.1:0\"}\n";
}

void ControlDaemon::make_certificates() const {
    write_file(path("make-ca"), make_ca);
    const pid_t pid = spawn({"/bin/sh", path("make-ca"), directory_}, path("make-ca.log"));
    if (wait_for(pid) != 0) FAIL("no certificates:\n" << read_file(path("make-ca.log")));
}

void ControlDaemon::start() {
    REQUIRE(pid_ < 0);
    const auto before = log().size();
    pid_ = spawn({SALLYPORT_CONTROL, "--config", path("control.yaml")}, path("log"));
    const bool serving = wait_until([&] { return log().find("msg=serving", before) != std::string::npos; });
    if (!serving) FAIL("sallyport-control does not serve:\n" << log());
    port_ = logged_number(log(), "port=");
    metrics_port_ = logged_number(log(), "metrics_port=");
}

void ControlDaemon::signal(int number) const { kill(pid_, number); }

int ControlDaemon::stop(int signal) {
    kill(pid_, signal);
    const int code = wait_for(pid_);
    pid_ = -1;
    return code;
}

int ControlDaemon::run_to_end(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{SALLYPORT_CONTROL};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::filesystem::remove(path("output"));
    return wait_for(spawn(all, path("output")));
}

std::string ControlDaemon::scrape() const {
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(metrics_port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string text;
    if (connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
        const std::string request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        if (send(s, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
            char chunk[4'096];
            for (ssize_t n; (n = recv(s, chunk, sizeof chunk, 0)) > 0;) text.append(chunk, static_cast<std::size_t>(n));
        }
    }
    close(s);
    return text;
}

double ControlDaemon::metric(const std::string& series) const {
    const auto text = scrape();
    const auto at = text.find('\n' + series + ' ');
    return at == text.npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

std::shared_ptr<grpc::Channel> ControlDaemon::channel(const std::string& client) const {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = read_file(path("ca.pem"));
    if (!client.empty()) {
        tls.pem_cert_chain = read_file(path(client + ".pem"));
        tls.pem_private_key = read_file(path(client + ".key"));
    }
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // each channel its own connection and certificate
    return grpc::CreateCustomChannel(server(), grpc::SslCredentials(tls), arguments);
}

std::shared_ptr<grpc::Channel> ControlDaemon::local_channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + path("control.sock"), grpc::InsecureChannelCredentials(), arguments);
}

pv1::Trunk sample_trunk(const std::string& id, const std::string& first, const std::string& last) {
    pv1::Trunk trunk;
    trunk.set_name("trunks/" + id);
    trunk.set_mode(pv1::TRUNK_MODE_REGISTRATION);
    trunk.set_realm("access");
    trunk.set_registration_aor("sip:" + id + "@sip.example.com");
    auto& credential = *trunk.add_credentials();
    credential.set_username(id);
    credential.set_password("correct-horse-battery");
    auto& range = *trunk.add_numbers();
    range.set_first(first);
    range.set_last(last);
    return trunk;
}

pv1::Carrier sample_carrier() {
    pv1::Carrier carrier;
    carrier.set_name("carriers/core");
    carrier.set_realm("core");
    auto& target = *carrier.add_targets();
    target.set_host("192.0.2.9");
    target.set_port(5060);
    target.set_transport(pv1::TRANSPORT_UDP);
    return carrier;
}

pv1::Route sample_route() {
    pv1::Route route;
    route.set_name("routes/default");
    route.add_carriers("carriers/core");
    return route;
}

std::vector<std::string> violated_fields(const grpc::Status& status) {
    google::rpc::Status details;
    google::rpc::BadRequest bad;
    std::vector<std::string> fields;
    if (!details.ParseFromString(status.error_details()) || details.details_size() != 1 ||
        !details.details(0).UnpackTo(&bad))
        return fields;
    for (const auto& violation : bad.field_violations()) fields.push_back(violation.field());
    return fields;
}

}  // namespace sallyport::test

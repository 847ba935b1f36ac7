#include "media_daemon.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace sallyport::test {
namespace {

pid_t spawn(const std::vector<std::string>& arguments, const std::string& errors) {
    std::vector<char*> argv;
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t process = fork();
    REQUIRE(process >= 0);
    if (process != 0) return process;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test program that is killed leaves nothing running
    const int fd = open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    dup2(fd, STDOUT_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
}

std::string contents(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string temporary_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "sallyport-media-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    return name;
}

std::string free_port() {  // as the kernel gives them out; nobody else asks for it by number
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0);
    REQUIRE(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    close(fd);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

}  // namespace

MediaDaemon::MediaDaemon(const MediaSettings& settings)
    : directory_(temporary_directory()), target_(settings.at_port ? free_port() : std::string()) {
    std::ofstream(config_path()) << "node: test-node\n"
                                    "grpc: {listen: \""
                                 << target()
                                 << "\"}\n"
                                    "metrics: {listen: none}\n"
                                    "eal: {hugepages: \"off\"}\n"
                                    "lcores: "
                                 << settings.lcores
                                 << "\n"
                                    "lease_seconds: "
                                 << settings.lease_seconds
                                 << "\n"
                                    "ports:\n"
                                    "  - name: access\n"
                                    "    device: net_ring0\n"
                                    "    addresses: [192.0.2.2/24, \"2001:db8:1::2/64\"]\n"
                                    "    udp_ports: "
                                 << settings.udp_ports
                                 << "\n"
                                    "  - name: core\n"
                                    "    device: net_ring1\n"
                                    "    addresses: [198.51.100.2/24]\n"
                                    "    udp_ports: "
                                 << settings.udp_ports << "\n"
                                 << settings.more;
    start();
}

MediaDaemon::~MediaDaemon() {
    if (process_ > 0) kill();
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
}

void MediaDaemon::start() {
    process_ = spawn({SALLYPORT_MEDIA, "--config", config_path()}, directory_ + "/log");
    grpc::ChannelArguments arguments;  // its socket is not there yet when we first look
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(target(), grpc::InsecureChannelCredentials(), arguments);
    const bool answers = channel->WaitForConnected(std::chrono::system_clock::now() + patience);
    INFO(log());
    REQUIRE(answers);
}

void MediaDaemon::kill() {
    ::kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
    process_ = -1;
}

int MediaDaemon::stop() {
    ::kill(process_, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + patience;
    int status = 0;
    while (waitpid(process_, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) {
            kill();
            return -1;
        }
        std::this_thread::yield();
    }
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool MediaDaemon::running() {
    if (process_ < 0 || waitpid(process_, nullptr, WNOHANG) == 0) return process_ > 0;
    process_ = -1;
    return false;
}

std::string MediaDaemon::log() const { return contents(directory_ + "/log"); }

Ended run_media(const std::string& arguments) {
    const std::string directory = temporary_directory();
    std::vector<std::string> words{SALLYPORT_MEDIA};
    for (std::size_t at = 0; at < arguments.size();) {
        const auto space = std::min(arguments.find(' ', at), arguments.size());
        words.push_back(arguments.substr(at, space - at));
        at = space + 1;
    }
    const pid_t process = spawn(words, directory + "/errors");
    int status = 0;
    waitpid(process, &status, 0);
    const Ended ended{WIFEXITED(status) ? WEXITSTATUS(status) : -1, contents(directory + "/errors")};
    std::filesystem::remove_all(directory);
    return ended;
}

}  // namespace sallyport::test

#include "control/observe/health.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace sallyport::observe {
namespace {

std::optional<Duration> read_interval() {
    const char* pid = std::getenv("WATCHDOG_PID");
    if (pid != nullptr && std::string_view(pid) != std::to_string(getpid())) return std::nullopt;  // meant for another
    const char* text = std::getenv("WATCHDOG_USEC");
    if (text == nullptr) return std::nullopt;
    long long microseconds = 0;
    std::from_chars(text, text + std::strlen(text), microseconds);
    if (microseconds <= 0) return std::nullopt;
    return std::chrono::microseconds(microseconds) / 2;
}

std::string one_line(std::string_view text) {
    std::string line(text);
    for (auto& c : line)
        if (c == '\n' || c == '\r') c = ' ';  // a new line would start another assignment
    return line;
}

}  // namespace

ServiceManager::ServiceManager() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@') || std::strlen(path) >= sizeof(sockaddr_un::sun_path))
        return;
    address_ = path;
    if (address_[0] == '@') address_[0] = '\0';  // abstract name space
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ >= 0) interval_ = read_interval();
}

ServiceManager::~ServiceManager() {
    if (socket_ >= 0) close(socket_);
}

void ServiceManager::send(std::string_view datagram) {
    if (socket_ < 0) return;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::memcpy(to.sun_path, address_.data(), address_.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
    // Never blocks: a service manager that does not read must not stop a daemon that works.
    sendto(socket_, datagram.data(), datagram.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to),
           length);
}

void ServiceManager::ready(std::string_view status) { send("READY=1\nSTATUS=" + one_line(status)); }
void ServiceManager::status(std::string_view status) { send("STATUS=" + one_line(status)); }
void ServiceManager::stopping() { send("STOPPING=1"); }
void ServiceManager::watchdog() { send("WATCHDOG=1"); }

}  // namespace sallyport::observe

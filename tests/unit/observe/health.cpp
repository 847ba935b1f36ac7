// sd_notify(3) as the service manager receives it.
#include "control/observe/health.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cstring>

using namespace sallyport;
using namespace sallyport::observe;

namespace {

class Receiver {
public:
    Receiver() {
        snprintf(path_, sizeof path_, "/tmp/sallyport-notify-%d", getpid());
        unlink(path_);
        socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        strcpy(at.sun_path, path_);
        REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
        setenv("NOTIFY_SOCKET", path_, 1);
    }
    ~Receiver() {
        close(socket_);
        unlink(path_);
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
    }
    std::string next() {
        char text[512];
        const auto n = recv(socket_, text, sizeof text, 0);
        return n < 0 ? "" : std::string(text, static_cast<std::size_t>(n));
    }

private:
    char path_[64];
    int socket_;
};

}  // namespace

TEST_CASE("the service manager hears READY, STATUS, WATCHDOG and STOPPING") {
    Receiver receiver;
    setenv("WATCHDOG_USEC", "10000000", 1);
    ServiceManager manager;
    manager.ready("serving");
    CHECK(receiver.next() == "READY=1\nSTATUS=serving");
    manager.status("two\nREADY=1");
    CHECK(receiver.next() == "STATUS=two READY=1");
    manager.watchdog();
    CHECK(receiver.next() == "WATCHDOG=1");
    manager.stopping();
    CHECK(receiver.next() == "STOPPING=1");
    CHECK(manager.watchdog_interval() == std::chrono::seconds(5));
}

TEST_CASE("a watchdog meant for another process is not ours") {
    Receiver receiver;
    setenv("WATCHDOG_USEC", "10000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    CHECK(!ServiceManager().watchdog_interval());
}

TEST_CASE("without a service manager nothing happens; one that does not read does not stop us") {
    { ServiceManager().ready("x"); }
    Receiver receiver;
    ServiceManager manager;
    for (int i = 0; i < 10'000; ++i) manager.watchdog();
    CHECK(receiver.next() == "WATCHDOG=1");
}

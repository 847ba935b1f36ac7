// What a channel does with a server that is slow to answer.
#include "control/tls/channel.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <cerrno>
#include <string>

using namespace sallyport;

TEST_CASE("a server that takes two seconds for its first frame, far away or busy, is waited for") {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) == 0);
    REQUIRE(listen(listener, 8) == 0);

    const auto channel = tls::make_channel("127.0.0.1:" + std::to_string(ntohs(address.sin_port)), {}, "", {});
    REQUIRE(channel.has_value());
    (*channel)->GetState(true);
    const int connection = accept(listener, nullptr, nullptr);
    REQUIRE(connection >= 0);
    const timeval patience{2, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char preface[4'096];
    ssize_t got = 1;
    while (got > 0) got = read(connection, preface, sizeof preface);  // 0: the client has given up
    CHECK(got == -1);
    CHECK(errno == EAGAIN);
    close(connection);
    close(listener);
}

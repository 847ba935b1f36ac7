// /metrics over a real socket: the text that Prometheus reads, and what garbage does to it (nothing).
#include "control/observe/exposer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <thread>

using namespace sallyport;
using namespace sallyport::observe;

namespace {

std::string talk(std::uint16_t port, std::string_view request) {
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(s, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    timeval patience{5, 0};
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string answer;
    if (send(s, request.data(), request.size(), MSG_NOSIGNAL) >= 0) {
        shutdown(s, SHUT_WR);
        char chunk[4'096];
        for (ssize_t n; (n = recv(s, chunk, sizeof chunk, 0)) > 0;) answer.append(chunk, static_cast<std::size_t>(n));
    }
    close(s);
    return answer;
}

const std::string scrape = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

bool holds(const std::string& text, std::string_view part) {
    INFO(text);
    const bool found = text.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

}  // namespace

TEST_CASE("counters, gauges and histograms come out in Prometheus' text format with help and type") {
    SecondsHistogram seconds{seconds_bounds};
    seconds.observe(0.002);
    seconds.observe(30);
    seconds.observe(100);
    Exposer exposer("sallyport-test", "127.0.0.1:0", [&] {
        return std::vector<Metric>{
            counter("sallyport_calls_total", "Calls.",
                    {{{{"direction", "from-pbx"}}, 7}, {{{"direction", "to\"pbx"}}, 2}}),
            gauge("sallyport_sessions", "Sessions now.", 3.5),
            histogram("sallyport_setup_seconds", "Setup time.", {histogram_sample(seconds, {{"realm", "access"}})})};
    });
    const auto text = talk(exposer.port(), scrape);
    holds(text, "# HELP sallyport_calls_total Calls.\n# TYPE sallyport_calls_total counter\n");
    holds(text, "sallyport_calls_total{direction=\"from-pbx\"} 7\n");
    holds(text, "sallyport_calls_total{direction=\"to\\\"pbx\"} 2\n");
    holds(text, "# TYPE sallyport_sessions gauge\nsallyport_sessions 3.5\n");
    holds(text, "sallyport_setup_seconds_count{realm=\"access\"} 3\n");
    holds(text, "sallyport_setup_seconds_sum{realm=\"access\"} 130.002\n");
    holds(text, "sallyport_setup_seconds_bucket{realm=\"access\",le=\"0.0025\"} 1\n");
    holds(text, "sallyport_setup_seconds_bucket{realm=\"access\",le=\"60\"} 2\n");
    holds(text, "sallyport_setup_seconds_bucket{realm=\"access\",le=\"+Inf\"} 3\n");
    holds(text, "sallyport_build_info{daemon=\"sallyport-test\",version=\"");
    holds(text, "process_resident_memory_bytes ");
    holds(text, "process_start_time_seconds 1");
}

TEST_CASE("garbage on the metrics socket gets an error or nothing, and the next scrape its answer") {
    Exposer exposer("sallyport-test", "127.0.0.1:0", [] { return std::vector<Metric>{}; });
    talk(exposer.port(), std::string(100'000, '\xff'));
    talk(exposer.port(), "GET / HTTP/9.9\r\n\r\n");
    talk(exposer.port(), "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    talk(exposer.port(), "GET /metrics HTTP/1.1\r\n" + std::string(50'000, 'a') + ": b\r\n\r\n");
    talk(exposer.port(), "POST /metrics HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nx");
    talk(exposer.port(), "");
    holds(talk(exposer.port(), scrape), "sallyport_build_info");
}

TEST_CASE("clients that connect and say nothing do not keep a scrape out for long") {
    Exposer exposer("sallyport-test", "127.0.0.1:0", [] { return std::vector<Metric>{}; });
    std::vector<int> silent;
    for (int i = 0; i < 5; ++i) {
        silent.push_back(socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(exposer.port());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(connect(silent.back(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    }
    std::string text;
    for (int attempt = 0; attempt < 4 && text.empty(); ++attempt) text = talk(exposer.port(), scrape);
    holds(text, "sallyport_build_info");
    for (const int s : silent) close(s);
}

TEST_CASE("an address that is taken is refused with a sentence") {
    Exposer first("sallyport-test", "127.0.0.1:0", [] { return std::vector<Metric>{}; });
    const auto taken = "127.0.0.1:" + std::to_string(first.port());
    CHECK_THROWS_WITH(Exposer("sallyport-test", taken, [] { return std::vector<Metric>{}; }),
                      Catch::Contains("cannot serve /metrics on " + taken));
}

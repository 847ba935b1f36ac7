// What a session keeps in the media plane's memory: resident memory before and after so many, with SRTP on one leg and
// RTP on the other; and how much of that are the SRTP contexts, which the engine alone is asked for as well.
//
// Prints one JSON object. Usage: session_memory [--sessions N]
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "control/base/check.h"
#include "control/base/random.h"
#include "media-plane/core/pipeline.h"
#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/key_material.h"

namespace {

using namespace sallyport;
using namespace sallyport::media;

constexpr auto suite = srtp::Suite::aes_cm_128_hmac_sha1_80;

double resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    double size = 0, resident = 0;
    SALLYPORT_CHECK(static_cast<bool>(statm >> size >> resident));
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Of the second half of them: what is made once, and pages that are not full yet, are in the first.
template <class Make>
double bytes_each(std::size_t count, Make&& make) {
    for (std::size_t i = 0; i < count; ++i) make(i);
    const double before = resident_bytes();
    for (std::size_t i = count; i < 2 * count; ++i) make(i);
    return (resident_bytes() - before) / static_cast<double>(count);
}

Bytes key_of(SeededRandom& random) {
    Bytes key(srtp::key_material_bytes(suite));
    random.fill(key);
    return key;
}

// They stay: a session's would take the place of what is given back.
double engine_bytes(std::size_t count, std::vector<std::unique_ptr<srtp::CryptoContext>>& contexts) {
    SeededRandom random(1);
    const auto engine = srtp::make_fastest_engine();
    contexts.reserve(4 * count);
    std::memset(static_cast<void*>(contexts.data()), 0, contexts.capacity() * sizeof contexts[0]);  // resident now
    return bytes_each(count, [&](std::size_t) {
        for (const bool inbound : {true, false}) {
            auto made = engine->create(suite, key_of(random), inbound);
            SALLYPORT_CHECK(made.has_value());
            contexts.push_back(std::move(*made));
        }
    });
}

double session_bytes(std::size_t count) {
    SeededRandom random(1);
    PipelineConfig config;
    config.ports = {{"access", {IpAddress::v4(192, 0, 2, 1)}, 1024, 65535},
                    {"core", {IpAddress::v4(198, 51, 100, 1)}, 1024, 65535}};
    config.max_sessions = 2 * count;
    Pipeline pipeline(std::move(config), random);
    return bytes_each(count, [&](std::size_t i) {
        Allocate command;
        command.key = {"shard-0", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.1-" + std::to_string(i)};
        command.port_a = "access";
        command.port_b = "core";
        command.call = "ab30317f1a784dc48ff824d0d3715d86";
        command.trunk = "acme-berlin";
        command.legs.resize(2);
        command.legs[1].side = Side::b;
        for (LegChange& leg : command.legs) {
            leg.remote = Endpoint{IpAddress::v4(203, 0, 113, 5), 40000};
            leg.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 101}};
            leg.drop_unmapped = true;
            leg.codec = "PCMA";
        }
        command.legs[0].keys = Keys{suite, key_of(random), key_of(random), {}};
        SALLYPORT_CHECK(pipeline.allocate(command, TimePoint{std::chrono::hours{1}}).code == Code::ok);
    });
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t sessions = 10'000;
    if (argc == 3 && std::strcmp(argv[1], "--sessions") == 0) sessions = std::strtoul(argv[2], nullptr, 10);
    if ((argc != 1 && argc != 3) || sessions < 100 || sessions > 16'000) {
        std::fprintf(stderr, "usage: session_memory [--sessions 100..16000]\n");
        return 2;
    }
    std::vector<std::unique_ptr<srtp::CryptoContext>> contexts;
    const double engine = engine_bytes(sessions, contexts), whole = session_bytes(sessions);
    std::printf("{\"sessions\": %zu, \"bytes_per_session\": %.0f, \"engine_bytes\": %.0f, \"beyond_engine\": %.0f}\n",
                sessions, whole, engine, whole - engine);
    return 0;
}

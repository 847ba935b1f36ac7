// What a million numbers cost: to hold them as prefixes of routes, and to find the longest of them. "routes/sallyport"
// is the snapshot's table; "routes/map" the textbook's way beside it, an ordered map of strings that is asked once for
// every length. One core, no I/O; the numbers that are asked for are spread over all of them, so that caches do not
// flatter.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <map>
#include <string>

#include "control/base/check.h"
#include "control/config/snapshot.h"

namespace {

using namespace sallyport;

constexpr std::size_t numbers = 1'000'000, routes = 20;

std::uint64_t next(std::uint64_t& state) { return state = state * 6364136223846793005u + 1442695040888963407u; }

// "+49" and nine digits, each once: a bijection of 0..10^9 scatters them.
std::string number(std::size_t i) {
    const std::uint64_t scattered = (i * 618'033'989u + 12'345u) % 1'000'000'007u % 1'000'000'000u;
    std::string digits = std::to_string(scattered);
    return "+49" + std::string(9 - digits.size(), '0') + digits;
}

std::size_t heap() {
    const auto info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

struct World {
    World() {
        const std::size_t before = heap();
        config::Carrier carrier;
        carrier.id = "core";
        snapshot.carriers.emplace("core", carrier);
        for (std::size_t r = 0; r < routes; ++r) {
            config::Route route;
            route.id = "route-" + std::to_string(r);
            route.carriers = {"core"};
            route.prefixes.reserve(numbers / routes);
            for (std::size_t i = r; i < numbers; i += routes) route.prefixes.push_back(number(i));
            snapshot.routes.emplace(route.id, std::move(route));
        }
        snapshot.routes.emplace("rest", config::Route{.id = "rest", .carriers = {"core"}});
        const std::size_t model = heap();
        snapshot.build_indexes();
        provisioned_bytes = static_cast<double>(model - before) / numbers;
        index_bytes = static_cast<double>(snapshot.number_index_bytes()) / numbers;
        held_bytes = static_cast<double>(heap() - before) / numbers;
    }
    config::Snapshot snapshot;
    double provisioned_bytes = 0, index_bytes = 0, held_bytes = 0;  // of each number
};

const World& world() {
    static const World the_world;
    return the_world;
}

std::vector<std::string> asked() {
    std::vector<std::string> out;
    std::uint64_t state = 7;
    for (int i = 0; i < 65'536; ++i) out.push_back(number(next(state) % numbers) + "01");
    return out;
}

void sallyport_routes(benchmark::State& state) {
    const auto& w = world();
    const auto called = asked();
    std::size_t i = 0;
    for (auto _ : state) {
        const auto* route = w.snapshot.route_for(called[i++ % called.size()]);
        SALLYPORT_CHECK(route != nullptr && route->id != "rest");
        benchmark::DoNotOptimize(route);
    }
    state.counters["index_bytes_per_number"] = w.index_bytes;
    state.counters["provisioned_bytes_per_number"] = w.provisioned_bytes;
    state.counters["held_bytes_per_number"] = w.held_bytes;
}
BENCHMARK(sallyport_routes)->Name("routes/sallyport");

void map_routes(benchmark::State& state) {
    static const auto map = [] {
        std::map<std::string, std::string, std::less<>> out;
        for (const auto& [id, route] : world().snapshot.routes)
            for (const auto& prefix : route.prefixes) out.emplace(prefix, id);
        return out;
    }();
    const auto called = asked();
    std::size_t i = 0;
    for (auto _ : state) {
        const std::string_view e164 = called[i++ % called.size()];
        for (std::size_t length = e164.size() + 1; length-- > 0;) {
            const auto found = map.find(e164.substr(0, length));
            if (found == map.end()) continue;
            benchmark::DoNotOptimize(world().snapshot.routes.find(found->second));
            break;
        }
    }
}
BENCHMARK(map_routes)->Name("routes/map");

}  // namespace

BENCHMARK_MAIN();

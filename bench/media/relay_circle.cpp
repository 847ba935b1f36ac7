// What one lcore does, and whether two do twice as much, with no generator to pay for: packets go in a circle. What
// leaves by the core port is what the access port receives, and each session's peers are its neighbours in the circle,
// so that each packet visits all sessions, one after the other, in an order that has nothing to do with memory. The
// circle is open at one place, a third port: there this program gives each packet its next sequence numbers, once in
// so many relays as there are sessions, and so sequence numbers and SRTP indices go up everywhere as they should.
// With --srtp every other session encrypts and the ones between decrypt.
//
// Prints one JSON object. Usage: relay_circle [--srtp SUITE] [--sessions N] [--lcores N] [--astray] [--flight N]
//   [--seconds S] [--runs N] [--verify] [--threads]
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "bench/media/ring_plane.h"
#include "control/base/check.h"
#include "media-plane/dpdk/frame.h"
#include "media-plane/srtp/key_material.h"

namespace {

using namespace sallyport;
using namespace sallyport::bench;

struct Options {
    srtp::Suite suite = srtp::Suite::none;
    std::size_t sessions = 10'000;
    unsigned lcores = 1;
    bool astray = false;         // half of the packets arrive on an lcore that does not own them
    std::uint16_t flight = 512;  // packets under way in each circle
    double seconds = 1;
    unsigned runs = 1;
    bool verify = false;   // checksums of what arrives, which a NIC would have done
    bool threads = false;  // says which thread an lcore is, and waits for a line: for whoever wants to look at it
};

struct Call {
    std::size_t lcore = 0;
    Endpoint a, b;  // ours
};

// One circle: a gate, an access port and a core port.
struct Circle {
    std::unique_ptr<Cable> in, out, forward, backward;  // of the gate; core to access, and access to core
    std::vector<Call> calls;
};

class Bench {
public:
    explicit Bench(const Options& options) : options_(options), circles_(options.lcores) {
        eal_ = RingPlane::start_dpdk(options.lcores, 512);
        PlaneOptions plane{.lcores = options.lcores,
                           .sessions = options.sessions,
                           .buffers = std::bit_ceil(2u * options.lcores * options.flight + 4096u) - 1,
                           .nic_verifies = !options.verify};
        const unsigned entries = std::bit_ceil(options.flight + 128u);
        for (const char* part : {"gate", "access", "core"})
            for (unsigned i = 0; i < options.lcores; ++i) plane.ports.push_back(part + std::to_string(i));
        for (std::size_t i = 0; i < circles_.size(); ++i) {
            const std::string number = std::to_string(i);
            Circle& c = circles_[i];
            c.in = std::make_unique<Cable>("in" + number, false, entries);
            c.out = std::make_unique<Cable>("out" + number, options.lcores > 1, entries);
            c.forward = std::make_unique<Cable>("forward" + number, options.lcores > 1, entries);
            c.backward = std::make_unique<Cable>("backward" + number, options.lcores > 1, entries);
        }
        plane_ = std::make_unique<RingPlane>(plane, [&](std::size_t port) -> RingPlane::Ends {
            const Circle& c = circles_[port % options_.lcores];
            switch (port / options_.lcores) {
                case 0: return {c.in->ring(), c.out->ring()};
                case 1: return {c.forward->ring(), c.backward->ring()};
                default: return {c.backward->ring(), c.forward->ring()};
            }
        });
        plane_->meanwhile = [this] { serve_gates(); };
        for (std::size_t i = 0; i < circles_.size(); ++i) join_calls(i);
        for (std::size_t i = 0; i < circles_.size(); ++i) launch(i);
    }
    ~Bench() {
        plane_.reset();
        circles_.clear();
    }

    // Packets per second of each run, all lcores together, as if each had a processor to itself.
    std::vector<double> run();
    const RingPlane& plane() const { return *plane_; }

private:
    std::size_t gate(std::size_t circle) const { return circle; }
    std::size_t access(std::size_t circle) const { return options_.lcores + circle; }
    std::size_t core(std::size_t circle) const { return 2 * options_.lcores + circle; }
    void join_calls(std::size_t circle);
    Call allocate(std::size_t circle, std::size_t number, std::size_t calls, std::size_t lcore);
    void launch(std::size_t circle);
    void serve_gates();
    void pass_gate(std::size_t circle, rte_mbuf* mbuf);
    void serve_for(double seconds);
    void send_round(std::size_t circle, rte_mbuf* mbuf);
    std::uint64_t relayed() const {
        std::uint64_t total = 0;
        for (unsigned i = 0; i < options_.lcores; ++i) total += plane_->relayed(i);
        return total;
    }

    // Of all lcores, which never rest here: time that others had their processors is not theirs.
    double cpu_seconds() const {
        double total = 0;
        for (unsigned i = 0; i < options_.lcores; ++i) total += plane_->cpu_seconds(i);
        return total;
    }

    Options options_;
    std::unique_ptr<Eal> eal_;
    std::vector<Circle> circles_;
    std::unique_ptr<RingPlane> plane_;
    SeededRandom random_{1};
    Bytes key_;
};

// Between sessions 2n and 2n + 1 of the circle there is SRTP, under a key that nobody else has.
Call Bench::allocate(std::size_t circle, std::size_t number, std::size_t calls, std::size_t lcore) {
    const std::string place = std::to_string(circle);
    Allocate command;
    command.key = {"bench", place + "-" + std::to_string(number)};
    command.port_a = (number == 0 ? "gate" : "access") + place;
    command.port_b = (number + 1 == calls ? "gate" : "core") + place;
    command.legs.resize(2);
    command.legs[1].side = Side::b;
    for (LegChange& leg : command.legs) {
        leg.reports = false;  // RTCP would go round and round
        // As signaling programs a call of PCMA with telephone-events.
        leg.payload_map = std::vector<PayloadMap>{{8, 8}, {101, 101}};
        leg.drop_unmapped = true;
    }
    if (options_.suite != srtp::Suite::none) {
        if (number % 2 == 0) {
            key_.resize(srtp::key_material_bytes(options_.suite));
            random_.fill(key_);
        }
        command.legs[number % 2 == 0 ? 1 : 0].keys = Keys{options_.suite, key_, key_, {}};
    }
    const Reply reply = plane_->ask(lcore, std::move(command));
    Call call;
    call.lcore = lcore;
    for (const LocalEndpoint& local : reply.local) (local.side == Side::a ? call.a : call.b) = local.rtp;
    return call;
}

void Bench::join_calls(std::size_t circle) {
    auto& calls = circles_[circle].calls;
    const std::size_t count = options_.sessions / options_.lcores & ~std::size_t{1};
    calls.resize(count);
    // In pairs, since the two share a key; the pairs are made in another order than they are joined in.
    std::vector<std::size_t> order(count / 2);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[random_.below(static_cast<std::uint32_t>(i))]);
    for (const std::size_t pair : order)
        for (const std::size_t number : {2 * pair, 2 * pair + 1}) {
            const std::size_t lcore = options_.astray ? random_.below(options_.lcores) : circle;
            calls[number] = allocate(circle, number, count, lcore);
        }
    const Endpoint outside{RingPlane::far_address(gate(circle)), telephone};
    for (std::size_t i = 0; i < count; ++i) {
        Modify command;
        command.key = {"bench", std::to_string(circle) + "-" + std::to_string(i)};
        command.legs.resize(2);
        command.legs[0].remote = i == 0 ? outside : calls[i - 1].b;
        command.legs[1].side = Side::b;
        command.legs[1].remote = i + 1 == count ? outside : calls[i + 1].a;
        plane_->ask(calls[i].lcore, std::move(command));
    }
}

// Evenly all over the circle: a burst is of as many sessions as it has packets.
void Bench::launch(std::size_t circle) {
    const double hops_apart = static_cast<double>(circles_[circle].calls.size()) / options_.flight;
    double due = static_cast<double>(relayed());
    const double of_earlier_circles = static_cast<double>(circle) * options_.flight;
    for (std::uint16_t i = 0; i < options_.flight; ++i) {
        rte_mbuf* mbuf = rte_pktmbuf_alloc(plane_->pool());
        SALLYPORT_CHECK(mbuf != nullptr);
        auto* rtp =
            reinterpret_cast<std::uint8_t*>(rte_pktmbuf_append(mbuf, udp_headers_length(Family::v4, 0) + rtp_bytes)) +
            udp_headers_length(Family::v4, 0);
        // From behind what the first round will see, so that send_round() has one rule.
        write_rtp(rtp, static_cast<std::uint16_t>(i - options_.flight), 0x1234);
        send_round(circle, mbuf);
        due += hops_apart * (i + 1 + of_earlier_circles);
        while (static_cast<double>(relayed()) < due) serve_gates();
    }
}

// As the telephone before the first session sends it: the packet's own next number, and headers to that session.
void Bench::send_round(std::size_t circle, rte_mbuf* mbuf) {
    auto* rtp = rte_pktmbuf_mtod(mbuf, std::uint8_t*) + udp_headers_length(Family::v4, 0);
    const auto sequence = static_cast<std::uint16_t>(load_be16(rtp + 2) + options_.flight);
    store_be16(rtp + 2, sequence);
    store_be32(rtp + 4, sequence * 160u);
    UdpHeaders udp;
    udp.link_from = far_link;
    udp.link_to = plane_->port(gate(circle)).link();
    udp.from = {RingPlane::far_address(gate(circle)), telephone};
    udp.to = circles_[circle].calls.front().a;
    write_udp_headers(udp, rtp, rtp_bytes);
    SALLYPORT_CHECK(rte_ring_sp_enqueue(circles_[circle].in->ring(), mbuf) == 0);
}

void Bench::serve_gates() {
    rte_mbuf* burst[64];
    for (std::size_t i = 0; i < circles_.size(); ++i) {
        for (;;) {
            const unsigned count =
                rte_ring_sc_dequeue_burst(circles_[i].out->ring(), reinterpret_cast<void**>(burst), 64, nullptr);
            for (unsigned j = 0; j < count; ++j) pass_gate(i, burst[j]);
            if (count < 64) break;
        }
    }
}

void Bench::pass_gate(std::size_t circle, rte_mbuf* mbuf) {
    if (load_be16(rte_pktmbuf_mtod(mbuf, const std::uint8_t*) + 12) == ethertype_ipv4) return send_round(circle, mbuf);
    if (rte_mbuf* answer = answer_to_arp(*mbuf, plane_->pool()))
        SALLYPORT_CHECK(rte_ring_sp_enqueue(circles_[circle].in->ring(), answer) == 0);
    rte_pktmbuf_free(mbuf);
}

void Bench::serve_for(double seconds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
    while (std::chrono::steady_clock::now() < until) {
        serve_gates();
        plane_->collect();
        const timespec nap{0, 200'000};
        nanosleep(&nap, nullptr);
    }
}

std::vector<double> Bench::run() {
    // Until each session has latched and each packet has been all the way round.
    const std::uint64_t round = std::uint64_t{options_.flight} * options_.sessions;
    for (int patience = 300; relayed() < round && patience > 0; --patience) serve_for(0.1);
    std::vector<double> rates;
    for (unsigned i = 0; i < options_.runs; ++i) {
        const std::uint64_t before = relayed();
        const double start = cpu_seconds();
        serve_for(options_.seconds);
        const std::uint64_t after = relayed();
        rates.push_back(static_cast<double>(after - before) / (cpu_seconds() - start) * options_.lcores);
    }
    return rates;
}

[[noreturn]] void usage() {
    std::fprintf(stderr,
                 "usage: relay_circle [--srtp SUITE] [--sessions N] [--lcores 1..2] [--astray] [--flight 1..8192] "
                 "[--seconds S] [--runs N] [--verify] [--threads]\n");
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options o;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        const char* value = option == "--astray" || option == "--threads" || option == "--verify" ? "" : argv[++i];
        if (value == nullptr) usage();
        if (option == "--srtp") {
            const auto suite = srtp::suite_by_name(value);
            if (!suite) usage();
            o.suite = *suite;
        } else if (option == "--sessions") {
            o.sessions = std::strtoul(value, nullptr, 10);
        } else if (option == "--lcores") {
            o.lcores = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
        } else if (option == "--astray") {
            o.astray = true;
        } else if (option == "--flight") {
            o.flight = static_cast<std::uint16_t>(std::strtoul(value, nullptr, 10));
        } else if (option == "--seconds") {
            o.seconds = std::strtod(value, nullptr);
        } else if (option == "--runs") {
            o.runs = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
        } else if (option == "--verify") {
            o.verify = true;
        } else if (option == "--threads") {
            o.threads = true;
        } else {
            usage();
        }
    }
    const bool sessions_fit = o.sessions >= 4 && o.sessions <= 30'000;
    if (!sessions_fit || o.lcores < 1 || o.lcores > 2 || o.flight < 1 || o.flight > 8192 || o.runs == 0) usage();
    return o;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = parse(argc, argv);
    Bench bench(options);
    move_to_last_cpu();
    prctl(PR_SET_TIMERSLACK, 1000);
    if (options.threads) {
        for (unsigned i = 0; i < options.lcores; ++i) std::printf("%ld ", bench.plane().thread_of(i));
        std::printf("\n");
        std::fflush(stdout);
    }
    const auto rates = bench.run();
    const std::string drops = bench.plane().drops();
    std::printf(
        "{\"suite\": \"%s\", \"sessions\": %zu, \"lcores\": %u, \"flight\": %u, \"dropped\": %llu, \"handed_over\": "
        "%llu, ",
        std::string(srtp::facts(options.suite).sdes_name).c_str(), options.sessions, options.lcores, options.flight,
        static_cast<unsigned long long>(bench.plane().dropped()),
        static_cast<unsigned long long>(bench.plane().steered()));
    std::printf("\"drops\": \"%s\", \"packets_per_second\": [", drops.c_str());
    for (std::size_t i = 0; i < rates.size(); ++i) std::printf("%s%.0f", i == 0 ? "" : ", ", rates[i]);
    std::printf("]}\n");
    return 0;
}

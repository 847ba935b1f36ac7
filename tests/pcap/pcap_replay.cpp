// Plays a case's frames through the real driver on net_pcap devices and prints, or compares, what it sent and dropped.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "media-plane/dpdk/driver.h"
#include "media-plane/dpdk/eal.h"
#include "pcap_file.h"
#include "replay_case.h"

namespace {

using namespace sallyport;
using namespace sallyport::test;
namespace fs = std::filesystem;

constexpr auto patience = std::chrono::seconds(30);

struct TooFewCpus {};  // the case needs more than this machine lets us have

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = (fs::temp_directory_path() / "sallyport-pcap-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
        path_ = name;
    }
    ~TemporaryDirectory() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    std::string file(const std::string& name) const { return (path_ / name).string(); }

private:
    fs::path path_;
};

// Submits and waits: the plane answers on another thread.
media::Outcome ask(media::Plane& plane, std::size_t lcore, media::Command command) {
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<media::Outcome> outcome;
    const bool taken = plane.submit(lcore, std::move(command), [&](media::Outcome o) {
        const std::lock_guard lock(mutex);
        outcome = std::move(o);
        answered.notify_one();
    });
    std::unique_lock lock(mutex);
    if (!taken || !answered.wait_for(lock, patience, [&] { return outcome.has_value(); }))
        throw std::runtime_error("the lcore does not answer");
    return std::move(*outcome);
}

void wait_until_received(const media::Plane& plane, const std::vector<std::vector<Bytes>>& frames) {
    std::uint64_t expected = 0;
    for (const auto& of_port : frames) expected += of_port.size();
    for (const auto end = std::chrono::steady_clock::now() + patience;;) {
        std::uint64_t received = 0;
        for (const auto& port : plane.status().ports) received += port.rx_packets;
        if (received >= expected) return;
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error("not all frames were received");
        std::this_thread::yield();
    }
}

// Questions and reports of groups may be repeated when the machine is slow; a golden file holds each once.
bool is_repeated_question(const std::vector<Bytes>& sent, std::size_t i) {
    const bool arp = load_be16(sent[i].data() + 12) == 0x0806, ipv6 = load_be16(sent[i].data() + 12) == 0x86dd;
    if (!arp && !(ipv6 && (sent[i][20] == 58 || sent[i][20] == 0))) return false;
    return std::find(sent.begin(), sent.begin() + static_cast<std::ptrdiff_t>(i), sent[i]) !=
           sent.begin() + static_cast<std::ptrdiff_t>(i);
}

// Of several lcores it is not certain which one sends first: then the lines are in alphabetical order.
std::string golden_of(const media::PlaneStatus& status, const std::vector<std::vector<Bytes>>& sent) {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < sent.size(); ++i)
        for (std::size_t n = 0; n < sent[i].size(); ++n)
            if (!is_repeated_question(sent[i], n))
                lines.push_back("send " + status.ports[i].name + ' ' + to_hex(sent[i][n]) + '\n');
    if (status.lcores.size() > 1) std::sort(lines.begin(), lines.end());
    std::string text;
    for (const auto& line : lines) text += line;
    for (std::size_t i = 1; i < media::drop_count; ++i)
        if (status.drops[i] != 0)
            text += "drop " + std::string(media::drop_texts[i].name) + ' ' + std::to_string(status.drops[i]) + '\n';
    return text;
}

std::size_t lcore_of(const media::Plane& plane, const media::Allocate& session) {
    return plane.owner(session.port_a, session.restore.front().rtp.port).value_or(0);
}

std::string replay(const std::string& file) {
    ReplayCase played = read_case(file);
    const TemporaryDirectory directory;
    media::dpdk::DriverConfig& config = played.driver;
    config.hugepages = media::dpdk::Hugepages::off;
    const auto cpus = media::dpdk::allowed_cpus();
    if (cpus.size() < played.lcores) throw TooFewCpus();
    config.cpus.assign(cpus.end() - static_cast<std::ptrdiff_t>(played.lcores), cpus.end());
    for (std::size_t i = 0; i < config.ports.size(); ++i) {
        const std::string n = std::to_string(i);
        write_pcap(directory.file("rx" + n), played.frames[i]);
        config.ports[i].device =
            "net_pcap" + n + ",rx_pcap=" + directory.file("rx" + n) + ",tx_pcap=" + directory.file("tx" + n);
    }
    auto driver = media::dpdk::Driver::open(config);
    if (!driver) throw std::runtime_error(driver.error());
    std::vector<media::Code> codes(played.sessions.size(), media::Code::overloaded);
    for (std::size_t i = 0; i < played.sessions.size(); ++i)
        (*driver)->submit(lcore_of(**driver, played.sessions[i]), played.sessions[i],
                          [&codes, i](media::Outcome o) { codes[i] = std::get<media::Reply>(o).code; });
    if (const auto error = (*driver)->launch(); !error.empty()) throw std::runtime_error(error);
    wait_until_received(**driver, played.frames);
    // Packets may go through the lcores' rings several times (hairpins): each answer is one more round of its loop.
    for (int round = 0; round < 20; ++round)
        for (std::size_t lcore = 0; lcore < played.lcores; ++lcore) ask(**driver, lcore, media::ListQuery{});
    for (const auto code : codes)
        if (code != media::Code::ok) throw std::runtime_error("a session could not be allocated");
    const media::PlaneStatus status = (*driver)->status();
    driver->reset();  // closes the capture files
    std::vector<std::vector<Bytes>> sent;
    for (std::size_t i = 0; i < config.ports.size(); ++i)
        sent.push_back(read_pcap(directory.file("tx" + std::to_string(i))));
    std::string golden = golden_of(status, sent);
    if (played.lcores > 1)
        for (const auto& lcore : status.lcores)
            golden += "lcore relayed " + std::to_string(lcore.packets) + ", handed over " +
                      std::to_string(lcore.steered) + '\n';
    if (status.mbufs_in_use != 0) golden += "leak " + std::to_string(status.mbufs_in_use) + " packet buffers\n";
    return golden;
}

int compare(const std::string& actual, const std::string& golden_file) {
    std::ifstream in(golden_file, std::ios::binary);
    const std::string golden{std::istreambuf_iterator<char>(in), {}};
    if (actual == golden) return 0;
    std::printf("--- %s\n+++ what was sent and dropped now\n", golden_file.c_str());
    std::printf("%s\n====\n%s\n", golden.c_str(), actual.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: pcap_replay CASE.yaml [CASE.golden]\n");
        return 2;
    }
    try {
        const std::string actual = replay(argv[1]);
        if (argc > 2) return compare(actual, argv[2]);
        std::fputs(actual.c_str(), stdout);
        return 0;
    } catch (const TooFewCpus&) {
        std::puts("skipped: fewer CPUs than lcores");
        return 77;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}

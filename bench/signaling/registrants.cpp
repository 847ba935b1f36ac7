// PBXs that refresh their bulk registration over UDP, each from a port of its own and with Digest (MD5): REGISTER, 401,
// REGISTER with the answer, 200. They come as strangers do, independently of one another (a Poisson process, the same
// at every start). For each line "COUNT RATE [keep]" on standard input so many registrations are made at so many a
// second, with "keep" by the nonce of before while it is good; then it says as JSON how many succeeded and failed, how
// many requests were sent again and how long it took. Ends with standard input.
//
// Usage: sip_registrants FROM-ADDRESS FIRST-PORT TO-ADDRESS TO-PORT PBXS DOMAIN PASSWORD
#include <openssl/evp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/signaling/generator.h"

namespace {

using generator::address, generator::between, generator::fail;

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto first_wait = 500ms, last_wait = 4'000ms;  // T1 and T2 of RFC 3261
constexpr int most_attempts = 6;

std::string md5(const std::string& text) {
    static const EVP_MD* const engine = EVP_MD_fetch(nullptr, "MD5", nullptr);
    static EVP_MD_CTX* const context = EVP_MD_CTX_new();
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw;
    unsigned size = 0;
    if (EVP_DigestInit_ex2(context, engine, nullptr) != 1 || EVP_DigestUpdate(context, text.data(), text.size()) != 1 ||
        EVP_DigestFinal_ex(context, raw.data(), &size) != 1)
        fail("no MD5");
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        constexpr std::string_view digits = "0123456789abcdef";
        out.push_back(digits[raw[i] >> 4]);
        out.push_back(digits[raw[i] & 15]);
    }
    return out;
}

// The challenge for MD5; others may stand before it.
std::string_view md5_challenge(std::string_view response) {
    for (;;) {
        const auto challenge = between(response, "\r\nWWW-Authenticate: Digest ", "\r");
        if (challenge.empty()) return {};
        const auto algorithm = between(challenge, "algorithm=", ",; ");
        if (algorithm.empty() || algorithm == "MD5") return challenge;
        response.remove_prefix(static_cast<std::size_t>(challenge.end() - response.begin()));
    }
}

struct Pbx {
    int fd = -1;
    std::string name, local, nonce, realm, request;
    unsigned cseq = 0, nonce_count = 0;
    bool busy = false;        // registers
    bool answered = false;    // says who it is
    bool challenged = false;  // has been challenged this time
    int attempts = 0;
    unsigned turn = 0;  // tells the timers of before from those of now
};

class Crowd {
public:
    Crowd(const char* from, unsigned long first_port, const sockaddr_in& to, std::size_t count, std::string domain,
          std::string password)
        : domain_(std::move(domain)), password_(std::move(password)), pbxs_(count), epoll_(epoll_create1(0)) {
        for (std::size_t i = 0; i < count; ++i) {
            Pbx& pbx = pbxs_[i];
            pbx.name = "pbx" + std::to_string(i);
            pbx.local = from + (':' + std::to_string(first_port + i));
            const sockaddr_in local = address(from, first_port + i);
            pbx.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
            if (bind(pbx.fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) fail("cannot bind");
            if (connect(pbx.fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) fail("cannot connect");
            watch(pbx.fd, i);
        }
        watch(timer_, count);
    }

    void run(unsigned long wanted, double rate, bool keep_nonces) {
        keep_nonces_ = keep_nonces;
        ok_ = failed_ = again_ = 0;
        const auto begin = Clock::now();
        auto next = begin;
        std::exponential_distribution<double> gap(rate);
        unsigned long begun = 0;
        while (ok_ + failed_ < wanted) {
            const auto now = Clock::now();
            while (begun < wanted && next <= now && begin_one(now)) {
                ++begun;
                next += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(gap(random_)));
            }
            repeat(now);
            wait(begun < wanted ? next : Clock::time_point::max());
        }
        std::printf("{\"ok\": %lu, \"failed\": %lu, \"retransmissions\": %lu, \"seconds\": %.3f}\n", ok_, failed_,
                    again_, std::chrono::duration<double>(Clock::now() - begin).count());
        std::fflush(stdout);
    }

private:
    struct Due {
        Clock::time_point at;
        std::size_t pbx;
        unsigned turn;
        Clock::duration wait;
    };

    void watch(int fd, std::size_t number) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = number;
        if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) fail("cannot watch a socket");
    }
    // False: all are busy.
    bool begin_one(Clock::time_point now) {
        for (std::size_t tried = 0; tried < pbxs_.size(); ++tried) {
            Pbx& pbx = pbxs_[next_pbx_];
            const std::size_t i = next_pbx_;
            next_pbx_ = (next_pbx_ + 1) % pbxs_.size();
            if (pbx.busy) continue;
            pbx.busy = true;
            pbx.answered = keep_nonces_ && !pbx.nonce.empty();
            pbx.challenged = false;
            ask(i, now);
            return true;
        }
        return false;
    }
    void ask(std::size_t i, Clock::time_point now) {
        Pbx& pbx = pbxs_[i];
        const std::string cseq = std::to_string(++pbx.cseq);
        std::string& out = pbx.request;
        out = "REGISTER sip:" + domain_ + " SIP/2.0\r\nVia: SIP/2.0/UDP " + pbx.local + ";branch=z9hG4bK-" + pbx.name +
              '-' + cseq + ";rport\r\nFrom: <sip:" + pbx.name + '@' + domain_ + ">;tag=" + pbx.name + 'r' + cseq +
              "\r\nTo: <sip:" + pbx.name + '@' + domain_ + ">\r\nCall-ID: 1-" + pbx.name +
              "@192.0.2.10\r\nCSeq: " + cseq + " REGISTER\r\nContact: <sip:" + pbx.local + ";bnc>\r\n";
        if (pbx.answered) out += authorization(pbx);
        out +=
            "Max-Forwards: 70\r\nRequire: gin\r\nProxy-Require: gin\r\nSupported: path\r\nExpires: "
            "600\r\nContent-Length: 0\r\n"
            "\r\n";
        pbx.attempts = 0;
        ++pbx.turn;
        send(i, now, first_wait);
    }
    std::string authorization(Pbx& pbx) {
        std::array<char, 9> nc;
        std::snprintf(nc.data(), nc.size(), "%08x", ++pbx.nonce_count);
        const std::string uri = "sip:" + domain_, cnonce = "6b8b4567";
        const std::string ha1 = md5(pbx.name + ':' + pbx.realm + ':' + password_), ha2 = md5("REGISTER:" + uri);
        const std::string response = md5(ha1 + ':' + pbx.nonce + ':' + nc.data() + ':' + cnonce + ":auth:" + ha2);
        return "Authorization: Digest username=\"" + pbx.name + "\", realm=\"" + pbx.realm + "\", cnonce=\"" + cnonce +
               "\", nc=" + nc.data() + ", qop=auth, uri=\"" + uri + "\", nonce=\"" + pbx.nonce + "\", response=\"" +
               response + "\", algorithm=MD5\r\n";
    }
    void send(std::size_t i, Clock::time_point now, Clock::duration wait) {
        Pbx& pbx = pbxs_[i];
        if (::send(pbx.fd, pbx.request.data(), pbx.request.size(), 0) < 0) return end(pbx, false);
        again_ += pbx.attempts++ > 0 ? 1 : 0;
        due_.push_back({now + wait, i, pbx.turn, wait});
    }
    void repeat(Clock::time_point now) {  // nearly in order: only what was lost waits longer than the first time
        while (!due_.empty() && due_.front().at <= now) {
            const Due due = due_.front();
            due_.pop_front();
            Pbx& pbx = pbxs_[due.pbx];
            if (!pbx.busy || pbx.turn != due.turn) continue;
            if (pbx.attempts == most_attempts)
                end(pbx, false);
            else
                send(due.pbx, now, std::min<Clock::duration>(2 * due.wait, last_wait));
        }
    }
    void wait(Clock::time_point next) {
        if (!due_.empty()) next = std::min(next, due_.front().at);
        const auto left = next == Clock::time_point::max() ? 1s : std::max<Clock::duration>(next - Clock::now(), 1ns);
        itimerspec when{};
        when.it_value.tv_sec = std::chrono::floor<std::chrono::seconds>(left).count();
        when.it_value.tv_nsec = (left - std::chrono::floor<std::chrono::seconds>(left)).count();
        timerfd_settime(timer_, 0, &when, nullptr);
        std::array<epoll_event, 64> events;
        const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
        for (int e = 0; e < count; ++e) {
            const std::size_t i = events[static_cast<std::size_t>(e)].data.u64;
            std::uint64_t times = 0;
            if (i < pbxs_.size())
                take(i);
            else if (read(timer_, &times, sizeof times) < 0)
                fail("the timer");
        }
    }
    void take(std::size_t i) {
        std::array<char, 4096> room;
        const ssize_t size = recv(pbxs_[i].fd, room.data(), room.size(), 0);
        if (size > 0) answer(i, {room.data(), static_cast<std::size_t>(size)});
    }
    void answer(std::size_t i, std::string_view text) {
        Pbx& pbx = pbxs_[i];
        const auto status = between(text, "SIP/2.0 ", " ");
        const auto cseq = between(text, "\r\nCSeq: ", " ");
        if (!pbx.busy || status.size() != 3 || status[0] == '1' || cseq != std::to_string(pbx.cseq)) return;
        if (status == "200") return end(pbx, text.find("\r\nContact: ") != text.npos);
        const auto challenge = status == "401" ? md5_challenge(text) : std::string_view();
        if (challenge.empty() || pbx.challenged) return end(pbx, false);  // an old nonce may be refused, not a new one
        pbx.nonce = between(challenge, "nonce=\"", "\"");
        pbx.realm = between(challenge, "realm=\"", "\"");
        pbx.nonce_count = 0;
        pbx.answered = pbx.challenged = true;
        ask(i, Clock::now());
    }
    void end(Pbx& pbx, bool ok) {
        pbx.busy = false;
        ++(ok ? ok_ : failed_);
        if (!ok) pbx.nonce.clear();
    }

    std::string domain_, password_;
    std::vector<Pbx> pbxs_;
    std::deque<Due> due_;
    int epoll_, timer_ = timerfd_create(CLOCK_MONOTONIC, 0);
    std::size_t next_pbx_ = 0;
    std::mt19937_64 random_{1};
    bool keep_nonces_ = false;
    unsigned long ok_ = 0, failed_ = 0, again_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8) fail("usage: sip_registrants FROM-ADDRESS FIRST-PORT TO-ADDRESS TO-PORT PBXS DOMAIN PASSWORD");
    const auto number = [&](int i) { return std::strtoul(argv[i], nullptr, 10); };
    Crowd crowd(argv[1], number(2), address(argv[3], number(4)), number(5), argv[6], argv[7]);
    std::array<char, 128> line;
    while (std::fgets(line.data(), line.size(), stdin) != nullptr) {
        unsigned long count = 0;
        double rate = 0;
        std::array<char, 8> keep{};
        const int words = std::sscanf(line.data(), "%lu %lf %7s", &count, &rate, keep.data());
        if (words < 2 || count == 0 || rate <= 0 || (words == 3 && std::string_view(keep.data()) != "keep"))
            fail("a line is COUNT RATE [keep]");
        crowd.run(count, rate, words == 3);
    }
}

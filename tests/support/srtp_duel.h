// Two SRTP engines given the same keys, packets and accidents, burst by burst: loss, reordering, replays, forgeries,
// SSRCs that come and go, new keys, restarts. They have to agree on every octet and every verdict. What happens is
// drawn from a source of random numbers, which may be a fuzzer's input.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/base/random.h"
#include "media-plane/srtp/engine.h"
#include "media-plane/srtp/rtp_header.h"

namespace sallyport::srtp::test {

class Duel {
public:
    Duel(RandomSource& random, std::unique_ptr<Engine> left, std::unique_ptr<Engine> right) : random_(random) {
        engines_[0] = std::move(left);
        engines_[1] = std::move(right);
        for (std::size_t i = 0; i < 5; ++i) calls_.push_back(make_call(static_cast<Suite>(1 + i)));
    }

    std::array<std::uint64_t, 6> verdicts{};       // by Status, of what was unprotected
    std::array<std::uint64_t, 6> sent_verdicts{};  // of what was protected
    std::uint64_t highest_index = 0;
    std::uint64_t packets = 0;

    // One burst out and one in. What the two did not agree on, or nothing.
    std::string step() {
        if (one_in(100)) {
            Call& call = calls_[below(calls_.size())];
            if (auto difference = accident(call); !difference.empty()) return difference;
        }
        if (auto difference = send(); !difference.empty()) return difference;
        return receive();
    }

private:
    static constexpr std::size_t room = 64;
    using Ends = std::array<std::unique_ptr<CryptoContext>, 2>;  // one of each engine
    struct Call {
        Suite suite;
        Bytes key;
        Ends out, in;
        std::map<std::uint32_t, std::uint16_t> sequences;
        std::array<std::optional<KeyUse>, 2> reported{};  // out, in: some time ago, of the key in use
    };
    struct Sent {
        std::size_t call;
        bool rtcp;
        Bytes bytes;
    };

    std::size_t below(std::size_t bound) { return random_.below(static_cast<std::uint32_t>(bound)); }
    bool one_in(std::size_t n) { return below(n) == 0; }
    Bytes some(std::size_t length) {
        Bytes bytes(length);
        random_.fill(bytes);
        return bytes;
    }
    Ends make(Suite suite, const Bytes& key, bool inbound) {
        Ends ends;
        for (std::size_t e = 0; e < 2; ++e) ends[e] = std::move(*engines_[e]->create(suite, key, inbound));
        return ends;
    }
    Call make_call(Suite suite) {
        Bytes key = some(key_material_bytes(suite));
        Ends out = make(suite, key, false), in = make(suite, key, true);
        return {suite, std::move(key), std::move(out), std::move(in), {}, {}};
    }
    void rekey(Ends& ends, Suite suite, const Bytes& key) {
        Ends fresh = make(suite, key, ends[0]->inbound());
        for (std::size_t e = 0; e < 2; ++e) engines_[e]->continue_from(*fresh[e], std::move(ends[e]));
        ends = std::move(fresh);
    }
    // With what was reported last, or before that.
    std::string restart(Ends& ends, std::optional<KeyUse>& reported) {
        const KeyUse use = reported && one_in(3) ? *reported : ends[0]->use();
        const ByteView key = ends[0]->key().bytes();
        Ends fresh = make(ends[0]->key().suite(), Bytes(key.begin(), key.end()), ends[0]->inbound());
        for (std::size_t e = 0; e < 2; ++e)
            if (!engines_[e]->resume(*fresh[e], use)) return "resume";
        ends = std::move(fresh);
        return {};
    }
    // A call that has gone on for long: up to the last index that there is.
    std::string grow_old(Call& call) {
        call = make_call(call.suite);
        KeyUse used;
        for (std::uint32_t ssrc = 1; ssrc <= 3; ++ssrc) {
            const std::uint64_t roc = one_in(3) ? 0xffff'ffff - below(2) : random_.u32() >> below(32);
            used.rtp.push_back({ssrc, roc << 16 | (one_in(2) ? 65'000 + below(536) : below(65'536))});
            call.sequences[ssrc] = static_cast<std::uint16_t>(used.rtp.back().index);
        }
        used.srtcp = random_.u32() >> 1;
        for (std::size_t e = 0; e < 2; ++e)
            if (!engines_[e]->resume(*call.out[e], used) || !engines_[e]->resume(*call.in[e], used)) return "old age";
        return {};
    }
    std::string accident(Call& call) {
        switch (below(8)) {
            case 0:  // as RFC 3711 3.3.1 has it
            case 1:
                call.key = some(call.key.size());
                call.reported = {};
                rekey(call.out, call.suite, call.key);
                rekey(call.in, call.suite, call.key);
                return {};
            case 2:  // the sender begins again
                call.key = some(call.key.size());
                call.reported = {};
                call.out = make(call.suite, call.key, false);
                rekey(call.in, call.suite, call.key);
                return {};
            case 3: return restart(call.out, call.reported[0]);
            case 4: return restart(call.in, call.reported[1]);
            case 5: call.reported = {call.out[0]->use(), call.in[0]->use()}; return {};
            case 6: return grow_old(call);
            default: {
                call = make_call(call.suite);
                return {};
            }
        }
    }

    Bytes plain(Call& call, bool rtcp) {
        // Those beyond the three push each other out of what a receiver holds, and come back.
        const std::uint32_t ssrc = one_in(200)  ? random_.u32()
                                   : one_in(20) ? static_cast<std::uint32_t>(100 + below(24))
                                                : static_cast<std::uint32_t>(1 + below(3));
        if (rtcp) {
            Bytes packet = some(8 + 4 * below(30));
            packet[0] = 0x80;
            store_be32(&packet[4], ssrc);
            return packet;
        }
        Bytes packet = some(12 + below(one_in(50) ? 1200 : 200));
        packet[0] = one_in(10) ? static_cast<std::uint8_t>(0x80 | below(32)) : 0x80;
        if ((packet[0] & 0x10) && packet.size() > 16 && !one_in(4)) store_be16(&packet[14], 1);
        auto [at, fresh] = call.sequences.try_emplace(ssrc, 0);
        std::uint16_t& sequence = at->second;
        if (fresh) sequence = static_cast<std::uint16_t>(one_in(2) ? 65'500 + below(36) : random_.u32());
        const std::size_t kind = below(100);
        sequence = static_cast<std::uint16_t>(sequence + (kind < 80   ? 1
                                                          : kind < 90 ? below(5)
                                                          : kind < 95 ? below(2000)
                                                          : kind < 98 ? 65'536 - below(40)
                                                                      : below(32'000)));
        store_be16(&packet[2], sequence);
        store_be32(&packet[8], ssrc);
        return packet;
    }

    // Through both engines; the jobs of the left one.
    std::string through_both(std::vector<Sent>& burst, bool inbound, std::vector<Job>& jobs) {
        std::array<std::vector<Bytes>, 2> buffers;
        std::array<std::vector<Job>, 2> all;
        std::vector<std::uint16_t> capacity;
        std::vector<Status> before;
        for (std::size_t i = 0; i < burst.size(); ++i)  // those that have failed before are skipped
            before.push_back(one_in(100) ? Status::failed : Status::ok);
        for (const Sent& one : burst)
            capacity.push_back(static_cast<std::uint16_t>(one.bytes.size() + (one_in(100) ? below(room) : room)));
        for (std::size_t e = 0; e < 2; ++e) {
            for (std::size_t i = 0; i < burst.size(); ++i) {
                Bytes& buffer = buffers[e].emplace_back(burst[i].bytes);
                buffer.resize(capacity[i]);
            }
            for (std::size_t i = 0; i < burst.size(); ++i) {
                Call& call = calls_[burst[i].call];
                all[e].push_back({(inbound ? call.in : call.out)[e].get(), buffers[e][i].data(),
                                  static_cast<std::uint16_t>(burst[i].bytes.size()), capacity[i], burst[i].rtcp,
                                  before[i]});
            }
            if (inbound)
                engines_[e]->unprotect(all[e]);
            else
                engines_[e]->protect(all[e]);
        }
        packets += burst.size();
        for (std::size_t i = 0; i < burst.size(); ++i) {
            const Job &left = all[0][i], &right = all[1][i];
            const std::string what =
                std::string(inbound ? "in" : "out") + (burst[i].rtcp ? " rtcp " : " rtp ") +
                std::string(facts(left.context->key().suite()).sdes_name) + " " + std::to_string(i) + "/" +
                std::to_string(burst.size()) + " " +
                to_hex(ByteView(burst[i].bytes).first(std::min<std::size_t>(12, burst[i].bytes.size())));
            if (left.status != right.status)
                return what + ": verdict " + std::to_string(int(left.status)) + " and " +
                       std::to_string(int(right.status));
            if (left.length != right.length) return what + ": length";
            const bool untouched = before[i] != Status::ok;
            if (untouched && left.status != before[i]) return what + ": not skipped";
            if ((left.status == Status::ok || untouched) && !std::equal(left.data, left.data + left.length, right.data))
                return what + ": octets";
            if (untouched && !std::equal(burst[i].bytes.begin(), burst[i].bytes.end(), left.data))
                return what + ": changed though it was to be skipped";
            if (left.news != right.news) return what + ": news of a packet";
            const Call& call = calls_[burst[i].call];
            const Ends& ends = inbound ? call.in : call.out;
            const KeyUse use = ends[0]->use();
            if (use != ends[1]->use()) return what + ": use";
            for (const SsrcIndex& one : use.rtp) highest_index = std::max(highest_index, one.index);
            if (ends[0]->has_news() != ends[1]->has_news()) return what + ": news";
            if (one_in(4))
                for (const auto& end : ends) end->forget_news();
            burst[i].bytes.assign(left.data, left.data + left.length);
        }
        jobs = std::move(all[0]);
        return {};
    }

    std::string send() {
        std::vector<Sent> burst;
        for (std::size_t left = 1 + below(40); left > 0; --left) {
            const std::size_t call = below(calls_.size());
            const bool rtcp = one_in(20);
            burst.push_back({call, rtcp, plain(calls_[call], rtcp)});
        }
        std::vector<Job> jobs;
        if (auto difference = through_both(burst, false, jobs); !difference.empty()) return difference;
        for (const Job& job : jobs) ++sent_verdicts[static_cast<std::size_t>(job.status)];
        for (std::size_t i = 0; i < burst.size(); ++i)
            if (jobs[i].status == Status::ok && !one_in(30)) network_.push_back(std::move(burst[i]));
        return {};
    }

    std::string receive() {
        std::vector<Sent> burst;
        for (std::size_t left = 1 + below(40); left > 0 && !network_.empty(); --left) {
            const std::size_t at = one_in(10) ? below(network_.size()) : 0;
            burst.push_back(network_[at]);
            if (!one_in(20)) network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(at));
            Bytes& bytes = burst.back().bytes;
            if (one_in(20)) bytes[below(bytes.size())] ^= static_cast<std::uint8_t>(1 << below(8));
            if (one_in(200)) bytes.resize(below(bytes.size()));
            if (one_in(100)) bytes = some(40);
        }
        std::vector<Job> jobs;
        if (auto difference = through_both(burst, true, jobs); !difference.empty()) return difference;
        for (const Job& job : jobs) ++verdicts[static_cast<std::size_t>(job.status)];
        while (network_.size() > 200) network_.pop_front();
        return {};
    }

    RandomSource& random_;
    std::array<std::unique_ptr<Engine>, 2> engines_;
    std::vector<Call> calls_;
    std::deque<Sent> network_;
};

}  // namespace sallyport::srtp::test

// A bad world around a whole core: strangers, peers that know their words and misuse them, a media plane and a DNS with
// moods, changes of configuration and jumps of time, chosen by bytes. The fuzz target of the stack gives each input a
// world of its own; the long run lets one world live through a million.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "control/base/check.h"
#include "tests/support/peer.h"
#include "tests/support/stack_bench.h"

namespace sallyport::test {

// Reads bytes as choices; zeros when they are used up.
class Choices {
public:
    Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    bool empty() const { return at_ >= size_; }
    std::uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }
    std::string text(std::size_t most) {
        const std::size_t n = std::min<std::size_t>({most, size_ - at_, static_cast<std::size_t>(byte()) * 8});
        std::string out(reinterpret_cast<const char*>(data_) + at_, std::min(n, size_ - at_));
        at_ += out.size();
        return out;
    }

private:
    const std::uint8_t* data_;
    std::size_t size_, at_ = 0;
};

struct FuzzParty {
    explicit FuzzParty(PeerIdentity identity) : peer(std::move(identity)) {}
    Peer peer;
    PeerDialog dialog;  // of its latest call
    TextMessage challenge;
    std::deque<TextMessage> requests;  // received, the latest first
    std::deque<std::string> said;      // sent: to be said again, or changed
};

class FuzzWorld {
public:
    FuzzWorld() : bench_([this](const transaction::Transmit& t) { on_wire(t); }, calm()) {
        bench_.media.keep_commands = 0;
        add("pbx", "10.7.0.7", true, peer_flow(access_realm, Transport::tls, "198.51.100.7", 40'001, 11));
        add("core", "203.0.113.5", false, peer_flow(core_realm, Transport::udp, "203.0.113.5", 5060));
        add("globex", "198.51.100.20", false, peer_flow(access_realm, Transport::udp, "198.51.100.20", 5060));
        add("stranger", "198.51.100.66", false, peer_flow(access_realm, Transport::udp, "198.51.100.66", 5060));
        bench_.run_for(2s);
    }

    // Steps until the choices or the steps are used up, then lets the dust settle: nothing may be left. The steps done.
    unsigned play(Choices& in, unsigned most_steps = 60) {
        if (std::exchange(settled_, false)) {
            configure(calm());
            bench_.run_for(2s);
        }
        unsigned steps = 0;
        for (; steps < most_steps && !in.empty(); ++steps) {
            step(in);
            bench_.run_for(0ms);
        }
        settle();
        return steps;
    }

    // Calls that come about, to begin from: the bytes are the steps of step().
    static std::vector<std::string> scripts() {
        const auto bytes = [](std::initializer_list<int> list) {
            std::string text;
            for (const int b : list) text += static_cast<char>(b);
            return text;
        };
        return {
            bytes({2, 3, 2, 0, 1, 5, 0, 3, 0, 2, 8, 0, 2, 8, 1, 1, 5, 0, 3, 0}),  // globex calls, talks, hangs up
            bytes({0, 10, 1, 3, 0, 0, 0, 5, 0, 1, 0,
                   0, 5,  0, 3, 0, 1, 8, 0, 0, 8, 1}),                             // the PBX registers and is called
            bytes({2, 3, 2, 0, 1, 5, 0, 1, 0, 2, 8, 2, 1, 5, 0, 12, 0, 2, 8, 0}),  // ringing, cancelled
            bytes({2, 3, 2, 0, 1, 5, 0, 3, 0, 2, 8, 0, 2, 8, 19, 1, 5, 0, 3, 64, 2, 8, 0, 0, 12, 40}),
            bytes({3, 3, 2, 0, 3, 3, 2, 2, 3, 0, 9}),  // a stranger knocks
            bytes({2, 3,  2, 1,  1, 5, 0, 3, 0, 2,
                   8, 16, 0, 14, 1, 1, 2, 1, 8, 1}),  // late offer, a media plane that fails
        };
    }
    // Call records since the last time somebody asked.
    std::vector<b2bua::CallRecord> take_records() { return std::exchange(bench_.records, {}); }

private:
    static config::Snapshot calm() {
        auto config = world_config();
        config.carriers.at("one").options_interval_seconds = 86'400;
        return config;
    }
    void add(const std::string& name, const std::string& host, bool srtp, const Flow& flow) {
        parties_.emplace_back(PeerIdentity{name, host, 5060, host, name + "-product", srtp, flow});
    }
    FuzzParty& party(Choices& in) { return parties_[in.byte() % parties_.size()]; }

    void step(Choices& in) {
        FuzzParty& p = party(in);
        switch (in.byte() % 20) {
            case 0: return deliver(p, in.text(65'000));
            case 1: return deliver(p, spoil(in, p.said.empty() ? in.text(2'000) : p.said[in.byte() % p.said.size()]));
            case 2: return say_again(p, in);
            case 3:
            case 4: return invite(p, in);
            case 5:
            case 6:
            case 7: return respond(p, in);
            case 8:
            case 9: return within_dialog(p, in);
            case 10: return register_trunk(p);
            case 11: return bench_.run_for(Duration(1ms) * (in.byte() * in.byte()));
            case 12: return bench_.run_for(Duration(1s) * in.byte());
            case 13: return close(p, in);
            case 14: return media_mood(in);
            case 15: return media_word(in);
            case 16: return configure(in);
            case 17: return bench_.input(stack::Drain{in.byte() % 2 == 0});
            case 18: return bench_.input(stack::Restore{in.text(2'000)});
            case 19: return dns(in);
        }
    }

    void deliver(FuzzParty& p, const std::string& bytes) {
        answers_ = 0;
        asked_bytes_ = bytes.size();
        bench_.receive(p.peer.id.flow, bytes);
    }
    void say(FuzzParty& p, const TextMessage& message) {
        p.said.push_front(message.wire());
        if (p.said.size() > 8) p.said.pop_back();
        deliver(p, p.said.front());
    }
    void say_again(FuzzParty& p, Choices& in) {
        if (!p.said.empty()) deliver(p, std::string(p.said[in.byte() % p.said.size()]));
    }
    // A few bytes of a good message replaced by others, or a piece of it gone.
    static std::string spoil(Choices& in, std::string text) {
        const std::size_t at = text.empty() ? 0 : (in.byte() * 256u + in.byte()) % text.size();
        const std::string other = in.text(64);
        return text.replace(at, in.byte() % 16, other);
    }

    bool knows_password(const FuzzParty& p) const { return &p != &parties_.back() && !p.challenge.start.empty(); }
    void invite(FuzzParty& p, Choices& in) {
        constexpr const char* numbers[] = {"+4930123455", "+4989555042", "+4940987654", "+4930999999"};
        const std::string uri = std::string("sip:") + numbers[in.byte() % 4] + "@sp.example";
        p.dialog = p.peer.new_dialog("<sip:+4940987654@sp.example>", "<" + uri + ">", uri);
        TextMessage message = p.peer.request(p.dialog, "INVITE");
        const std::uint8_t flags = in.byte();
        if ((flags & 1) == 0) describe(p, message, flags);
        if ((flags & 2) != 0 && knows_password(p)) {
            const auto [name, value] = digest_answer(p.challenge, "INVITE", uri, "acme", "s3cret");
            message.set(name, value);
        }
        if ((flags & 4) != 0) message.set("Max-Forwards", std::to_string(in.byte()));
        if ((flags & 16) != 0) time_session(message, in.byte());
        say(p, message);
    }
    // What it says of UPDATE and of session timers.
    static void time_session(TextMessage& message, std::uint8_t flags) {
        message.set("Allow", (flags & 1) != 0 ? "INVITE, BYE, UPDATE" : "INVITE, BYE");
        if ((flags & 2) != 0) message.set("Supported", "timer");
        const auto seconds = [&] { return std::to_string((flags >> 5) * 60u); };
        if ((flags & 4) != 0) message.set("Min-SE", seconds());
        if ((flags & 8) != 0)
            message.set("Session-Expires", seconds() + ((flags & 16) != 0 ? ";refresher=uas" : ";refresher=uac"));
    }
    void describe(FuzzParty& p, TextMessage& message, std::uint8_t flags) {
        constexpr const char* directions[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
        message.set("Content-Type", "application/sdp");
        message.body = p.peer.sdp(p.dialog, directions[flags >> 6]);
        if ((flags & 8) != 0) message.body += "m=video 40000 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
    }
    void respond(FuzzParty& p, Choices& in) {
        if (p.requests.empty()) return;
        constexpr int statuses[] = {100, 180, 183, 200, 200, 422, 302, 401, 404, 408, 481, 486, 487, 491, 500, 503};
        const TextMessage request = p.requests[in.byte() % p.requests.size()];
        const std::uint8_t flags = in.byte();
        TextMessage response = p.peer.response(request, statuses[flags % 16], "fork" + std::to_string(flags >> 6));
        const bool offered = request.method() == "INVITE" || !request.body.empty();
        if ((flags & 32) == 0 && offered) describe(p, response, in.byte());
        if ((flags & 16) != 0) time_session(response, in.byte());
        p.dialog = p.peer.dialog_of(request);
        p.dialog.local_tag = "fork" + std::to_string(flags >> 6);
        say(p, response);
    }
    void within_dialog(FuzzParty& p, Choices& in) {
        constexpr const char* methods[] = {"ACK", "BYE", "CANCEL", "INVITE", "OPTIONS", "INFO", "ACK", "UPDATE"};
        const std::uint8_t flags = in.byte();
        TextMessage message = p.peer.request(p.dialog, methods[flags % 8]);
        if ((flags & 16) != 0) describe(p, message, flags);
        if ((flags & 32) != 0) time_session(message, in.byte());
        say(p, message);
    }
    void register_trunk(FuzzParty& p) {
        PeerDialog dialog = p.peer.new_dialog("<sip:acme@sp.example>", "<sip:acme@sp.example>", "sip:sp.example");
        for (int round = 0; round < 2; ++round) {
            TextMessage message = p.peer.request(dialog, "REGISTER");
            message.add("Contact", "<sip:" + p.peer.id.host + ":5061;bnc>");
            message.add("Require", "gin");
            if (round == 1 && knows_password(p)) {
                const auto [name, value] = digest_answer(p.challenge, "REGISTER", "sip:sp.example", "acme", "s3cret");
                message.set(name, value);
            }
            say(p, message);
        }
    }
    void close(FuzzParty& p, Choices& in) {
        Flow flow = p.peer.id.flow;
        const std::uint8_t flags = in.byte();
        if ((flags & 1) != 0) flow.connection = 0;
        bench_.close(flow);
        if ((flags & 2) != 0 && p.peer.id.flow.connection != 0) p.peer.id.flow.connection += 100;
    }
    void media_mood(Choices& in) {
        using Mood = MediaPlaneSim::Mood;
        const std::uint8_t dice = in.byte();
        bench_.media.mood = static_cast<Mood>(dice % 3);
        bench_.media_delay = Duration(10ms) * (in.byte() % 64);
        if (dice % 4 == 1) bench_.input(bench_.media.restarted());
        if (dice % 4 == 2) {
            bench_.media.up = (dice & 8) != 0;
            bench_.media_state();
        }
    }
    void media_word(Choices& in) {
        const std::uint8_t flags = in.byte();
        const auto& sessions = bench_.media.sessions;
        const std::string session = sessions.empty() || flags % 8 == 0 ? in.text(32) : sessions.begin()->first;
        if ((flags & 64) != 0) {
            b2bua::MediaReply reply;
            reply.call = b2bua::CallId::from_number((std::uint64_t{in.byte()} << 32) | in.byte());
            reply.token = in.byte();
            reply.ok = (flags & 1) != 0;
            return bench_.input(reply);
        }
        b2bua::MediaEvent event;
        event.kind = static_cast<b2bua::MediaEventKind>(in.byte() % 5);
        event.session = session;
        event.stream = in.byte();
        event.side = flags % 2 == 0 ? b2bua::Side::a : b2bua::Side::b;
        bench_.input(event);
    }
    void configure(Choices& in) {
        auto config = calm();
        const std::uint8_t flags = in.byte();
        if ((flags & 1) != 0) config.trunks.erase("acme-hq");
        if ((flags & 2) != 0) config.trunks.at("globex").disabled = true;
        if ((flags & 4) != 0) config.carriers.at("one").disabled = true;
        if ((flags & 8) != 0) config.routes.clear();
        if ((flags & 16) != 0) config.trunks.at("globex").limits.concurrent_calls = 1;
        if ((flags & 32) != 0)
            config.carriers.at("one").targets = {{"carrier.example", 0, config::Transport::tcp, 1, 1}};
        if ((flags & 64) != 0) config.carriers.clear();
        configure(std::move(config));
    }
    void configure(config::Snapshot config) {
        config.revision = bench_.config.revision + 1;
        bench_.configure(std::move(config));
    }
    void dns(Choices& in) {
        bench_.dns_silent = in.byte() % 2 == 0;
        locate::Answer answer;
        answer.question = {static_cast<locate::RecordType>(in.byte() % 4), "carrier.example"};
        answer.status = static_cast<locate::DnsStatus>(in.byte() % 5);
        answer.addresses = {IpAddress::v4(203, 0, 113, 5)};
        bench_.input(stack::DnsAnswer{std::uint64_t{in.byte()} << 32 | in.byte(), answer});
    }

    void on_wire(const transaction::Transmit& transmit) {
        const std::string& bytes = *transmit.bytes;
        SALLYPORT_CHECK(bytes.size() > 12 && bytes.find("\r\n\r\n") != bytes.npos);
        for (FuzzParty& p : parties_) {
            if (p.peer.id.flow.remote.address != transmit.flow.remote.address) continue;
            if (&p == &parties_.back()) {
                SALLYPORT_CHECK(++answers_ <= 1);
                SALLYPORT_CHECK(bytes.size() <= 3 * asked_bytes_);
            }
            auto message = TextMessage::read(bytes);
            note_dialog(p, message);
            if (!message.is_request()) {
                if (message.status() == 401 || message.status() == 407) p.challenge = message;
                p.peer.learn(p.dialog, message);
                continue;
            }
            p.requests.push_front(std::move(message));
            if (p.requests.size() > 6) p.requests.pop_back();
        }
    }

    // A 2xx or an ACK of the node: that call stands until somebody hangs up.
    void note_dialog(FuzzParty& p, const TextMessage& message) {
        const bool ok = message.status() / 100 == 2 && message.method() == "INVITE";
        if (!ok && message.method() != "ACK") return;
        const bool ours = message.is_request();
        PeerDialog dialog;
        dialog.call_id = message.first("Call-ID");
        dialog.local_tag = tag_of(message.first(ours ? "To" : "From"));
        dialog.remote_tag = tag_of(message.first(ours ? "From" : "To"));
        dialog.local = dialog.remote = "<sip:x@y>";
        dialog.target = "sip:edge@192.0.2.1";
        dialog.cseq = 2'000'000'000;
        if (!dialog.remote_tag.empty())
            standing_.insert_or_assign(dialog.call_id + dialog.remote_tag, std::pair(&p, dialog));
    }

    void settle() {
        bench_.media.mood = MediaPlaneSim::Mood::well;
        bench_.media.up = true;
        bench_.media_delay = 0ms;
        bench_.dns_silent = false;
        bench_.media_state();
        bench_.input(stack::Drain{false});
        auto config = world_config();
        config.carriers.clear();  // no probes: what is left has to end
        configure(std::move(config));
        bench_.run_for(5min);
        for (auto& [key, entry] : std::exchange(standing_, {}))
            deliver(*entry.first, entry.first->peer.request(entry.second, "BYE").wire());
        bench_.run_for(15min);
        const auto left = bench_.left();
        SALLYPORT_CHECK(left.calls == 0);
        SALLYPORT_CHECK(left.transactions == 0);
        SALLYPORT_CHECK(left.timers == 0);
        SALLYPORT_CHECK(left.media_sessions == 0);
        SALLYPORT_CHECK(bench_.checkpoints.empty());
        SALLYPORT_CHECK(bench_.shared.gauges.calls(policy::trunk_gauge("globex")) == 0);
        settled_ = true;
    }

    std::deque<FuzzParty> parties_;
    std::map<std::string, std::pair<FuzzParty*, PeerDialog>> standing_;
    bool settled_ = false;
    std::size_t answers_ = 0, asked_bytes_ = 0;  // to the message that is being handled
    StackBench bench_;
};

}  // namespace sallyport::test

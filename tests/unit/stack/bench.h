// One Stack under virtual time with its surroundings in the test's hand: a PBX on TLS, a core on UDP, a media plane
// that says yes. What the stack puts out is sorted into what each of them gets.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "control/base/random.h"
#include "signaling/dialog/dialog.h"
#include "signaling/sdp/session_description.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/digest.h"
#include "signaling/sip/parser.h"
#include "signaling/stack/shared.h"
#include "signaling/stack/stack.h"

namespace sallyport::stack {

inline sip::Message parse(std::string_view text) {
    auto parsed = sip::Parser::parse(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
inline sdp::SessionDescription described(std::string_view text) {
    auto parsed = sdp::parse(text);
    INFO(text);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}
inline sdp::StreamView stream(std::string_view text, std::size_t index = 0) {
    return sdp::view_stream(described(text), index);
}
inline Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }

inline std::string plain_sdp(std::string_view address, std::uint16_t port, std::string_view direction = "sendrecv",
                             std::uint32_t version = 1) {
    const std::string host(address);
    return "v=0\r\no=- 1 " + std::to_string(version) + " IN IP4 " + host + "\r\ns=-\r\nc=IN IP4 " + host +
           "\r\nt=0 0\r\nm=audio " + std::to_string(port) +
           " RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
           "a=fmtp:101 0-15\r\na=" +
           std::string(direction) + "\r\n";
}
inline std::string secure_sdp(std::string_view address, std::uint16_t port, std::string_view key_letter,
                              std::string_view direction = "sendrecv", std::uint32_t tag = 1,
                              std::uint32_t version = 1) {
    std::string sdp = plain_sdp(address, port, direction, version);
    sdp.replace(sdp.find("RTP/AVP"), 7, "RTP/SAVP");
    std::string key;  // 40 characters of Base64: 30 bytes
    while (key.size() < 40) key += key_letter;
    return sdp + "a=crypto:" + std::to_string(tag) + " AES_CM_128_HMAC_SHA1_80 inline:" + key + "\r\n";
}

class Bench {
public:
    explicit Bench(config::Trunk trunk = default_trunk(), std::uint64_t seed = 1, double price_of_route = 0,
                   bool keeps_checkpoints = true)
        : owned(std::make_unique<Shared>()),
          shared(*owned),
          random(seed),
          stack(stack_config(keeps_checkpoints), shared, random),
          price_per_minute(price_of_route) {
        configure(std::move(trunk), default_carrier());
        media_state(true, 1);
        sent.clear();
    }
    // Another shard of a node.
    Bench(Shared& of_node, StackConfig config, std::uint64_t seed)
        : shared(of_node), random(seed), stack(std::move(config), shared, random) {
        media_state(true, 1);
    }

    static config::Trunk default_trunk() {
        config::Trunk t;
        t.id = "acme";
        t.realm = "access";
        t.registration_aor = "sip:acme@sip.example.net";
        t.credentials.push_back({"acme", "sip.example.net",
                                 sip::digest_ha1(sip::DigestAlgorithm::md5, "acme", "sip.example.net", "secret"),
                                 sip::digest_ha1(sip::DigestAlgorithm::sha256, "acme", "sip.example.net", "secret")});
        t.numbers.push_back({"+4930100", "+4930199"});
        t.session_timers.seconds = 0;  // a call here says nothing of its own accord
        return t;
    }
    static config::Carrier default_carrier() {
        config::Carrier c;
        c.id = "core";
        c.realm = "core";
        c.targets.push_back({"192.0.2.20", 5060, config::Transport::udp, 0, 0});
        c.options_interval_seconds = 3600;
        c.session_timers.seconds = 0;
        return c;
    }
    void configure(config::Trunk trunk, config::Carrier carrier, std::vector<config::Trunk> more = {}) {
        auto snapshot = std::make_shared<config::Snapshot>();
        snapshot->revision = ++revision;
        config::Route route;
        route.id = "all";
        route.carriers = {carrier.id};
        route.price_per_minute = price_per_minute;
        snapshot->routes.emplace(route.id, route);
        snapshot->carriers.emplace(carrier.id, std::move(carrier));
        more.push_back(std::move(trunk));
        for (auto& t : more) snapshot->trunks.emplace(t.id, t);
        snapshot->build_indexes();
        give(ConfigChanged{snapshot});
    }
    static StackConfig stack_config(bool keeps_checkpoints = true) {
        StackConfig c;
        c.checkpoints = keeps_checkpoints;
        c.node = "edge-1";
        c.nonce_secret = std::string(32, 's');
        const auto listener = [](Transport t, std::string_view bind, std::string host) {
            const auto at = Endpoint::parse(bind).value();
            return Listener{t, at, std::move(host), at.port};
        };
        c.realms.push_back({"access",
                            "access0",
                            false,
                            {listener(Transport::tls, "203.0.113.1:5061", "203.0.113.1"),
                             listener(Transport::tcp, "203.0.113.1:5060", "203.0.113.1"),
                             listener(Transport::udp, "203.0.113.1:5060", "203.0.113.1")}});
        c.realms.push_back({"core",
                            "core0",
                            true,
                            {listener(Transport::udp, "10.0.0.1:5060", "10.0.0.1"),
                             listener(Transport::tcp, "10.0.0.1:5060", "10.0.0.1")}});
        return c;
    }

    // ---- the outside world
    Flow pbx_flow(std::uint64_t connection = 7) const {
        return {Transport::tls, 0, endpoint("203.0.113.1:5061"), endpoint("198.51.100.10:40001"), connection};
    }
    Flow core_flow() const { return {Transport::udp, 1, endpoint("10.0.0.1:5060"), endpoint("192.0.2.20:5060"), 0}; }
    Flow stranger_flow() const {
        return {Transport::udp, 0, endpoint("203.0.113.1:5060"), endpoint("198.51.100.66:5060"), 0};
    }
    void bind(std::uint64_t connection = 7, double q = 1.0, std::string contact = "sip:198.51.100.10:5061") {
        shared.locations.update("acme", [&](std::vector<registrar::Binding>& bindings) {
            registrar::Binding b;
            b.trunk = "acme";
            b.contact = std::move(contact);
            b.bulk = true;
            b.flow = pbx_flow(connection);
            b.q = q;
            b.registered_at = now;
            b.expires_at = now + 3600s;
            bindings.push_back(b);
            return true;
        });
    }

    void give(const Input& input) {
        Outputs out;
        stack.handle(input, now, out);
        for (auto& o : out) sort(o);
        if (auto_media) answer_media();
        while (auto_probes && !probes.empty()) {
            const auto probe = probes.front();
            probes.pop_front();
            receive(probe.flow, answer(parse(*probe.bytes), 200, "probe", {}));
        }
    }
    void receive(const Flow& flow, std::string_view text) {
        if (flow.transport == Transport::udp)
            give(Datagram{flow, text});
        else
            give(StreamMessage{flow, text});
    }
    void media_state(bool up, std::uint64_t incarnation, std::vector<std::string> sessions = {}) {
        give(b2bua::MediaState{up, incarnation, std::move(sessions)});
    }
    void run_for(Duration duration) {
        const TimePoint until = now + duration;
        while (true) {
            const auto next = stack.next_deadline();
            if (!next || *next > until) break;
            now = std::max(now, *next);
            give(TimerDue{});
        }
        now = until;
    }
    void answer_media(bool ok = true) {
        while (!unanswered.empty()) {
            const b2bua::MediaCommand command = unanswered.front();
            unanswered.pop_front();
            give(media_reply(command, ok));
        }
    }
    b2bua::MediaReply media_reply(const b2bua::MediaCommand& command, bool ok = true) {
        b2bua::MediaReply reply;
        reply.call = command.call;
        reply.token = command.token;
        reply.ok = ok;
        if (!ok) reply.error = "no ports";
        if (!ok || command.verb == b2bua::MediaVerb::release) {
            reply.statistics.push_back({.stream = 0, .side = b2bua::Side::a, .packets_received = 100});
            return reply;
        }
        for (std::uint32_t s = 0; s < command.streams; ++s) {
            const auto port = static_cast<std::uint16_t>(40000 + port_shift + 4 * s);
            const auto at = [](std::string_view host, std::uint16_t p) {
                return Endpoint{IpAddress::parse(host).value(), p};
            };
            reply.local.push_back({s, b2bua::Side::a, at("203.0.113.9", port), at("203.0.113.9", port + 1)});
            reply.local.push_back({s, b2bua::Side::b, at("10.0.0.9", port + 2), at("10.0.0.9", port + 3)});
        }
        return reply;
    }

    // The next message the stack has sent, optionally checked for what it is: "INVITE", "200", "ACK".
    sip::Message next(std::string_view what = {}) {
        INFO("expected " << what);
        REQUIRE(!sent.empty());
        last = sent.front();
        sent.pop_front();
        auto message = parse(*last.bytes);
        INFO(message.text());
        if (!what.empty()) {
            const std::string is =
                message.is_request() ? std::string(message.method_text()) : std::to_string(message.status());
            REQUIRE(is == what);
        }
        return message;
    }
    // Skips to the next message of that kind.
    sip::Message find(std::string_view what) {
        while (!sent.empty()) {
            const auto message = next();
            const std::string is =
                message.is_request() ? std::string(message.method_text()) : std::to_string(message.status());
            if (is == what) return message;
        }
        FAIL("never sent: " << what);
        return {};
    }
    bool silent() const { return sent.empty(); }

    // ---- ordinary messages
    std::string invite(std::string_view uri, std::string_view sdp, std::string_view call_id = "a-leg@pbx",
                       std::uint32_t cseq = 1, std::string_view extra = {}) const {
        auto c = sip::Composer::request("INVITE", uri);
        c.add("Via",
              "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bK" + std::string(call_id) + std::to_string(cseq) + ";rport")
            .add("Max-Forwards", "70")
            .add("From", "\"Alice\" <sip:+4930101@sip.example.net;user=phone>;tag=alice")
            .add("To", "<" + std::string(uri) + ">")
            .add("Call-ID", call_id)
            .add("CSeq", std::to_string(cseq) + " INVITE")
            .add("Contact", "<sip:198.51.100.10:5061;transport=tls>");
        std::string text = c.finish(sdp.empty() ? "" : "application/sdp", sdp);
        return with(std::move(text), extra);
    }
    std::string core_invite(std::string_view uri, std::string_view sdp, std::string_view call_id = "a-leg@core",
                            std::string_view extra = {}) const {
        auto c = sip::Composer::request("INVITE", uri);
        c.add("Via", "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK" + std::string(call_id))
            .add("Max-Forwards", "70")
            .add("From", "\"Carol\" <sip:+44205550100@core.example.org>;tag=carol")
            .add("To", "<" + std::string(uri) + ">")
            .add("Call-ID", call_id)
            .add("CSeq", "1 INVITE")
            .add("Contact", "<sip:192.0.2.20:5060>");
        return with(c.finish(sdp.empty() ? "" : "application/sdp", sdp), extra);
    }
    static std::string with(std::string text, std::string_view extra) {
        return extra.empty() ? text : text.insert(text.find("\r\n") + 2, extra);
    }
    std::string answer(const sip::Message& request, std::uint16_t status, std::string_view tag,
                       std::string_view contact, std::string_view sdp = {}, std::string_view extra = {}) const {
        auto c = sip::respond(request, status, tag);
        if (!contact.empty()) c.add("Contact", contact);
        return with(c.finish(sdp.empty() ? "" : "application/sdp", sdp), extra);
    }
    // ACK for a 2xx, from whoever sent `invite`.
    static std::string ack(const sip::Message& invite, const sip::Message& ok, const Flow& flow,
                           std::string_view sdp = {}) {
        auto d = dialog::Dialog::as_uac(invite, ok, flow, {});
        return d
            .request("ACK", "SIP/2.0/UDP peer.invalid;branch=z9hG4bKack" + std::string(ok.to_tag()),
                     invite.cseq().number)
            .finish(sdp.empty() ? "" : "application/sdp", sdp);
    }

    std::unique_ptr<Shared> owned;  // unless the node has more shards
    Shared& shared;
    SeededRandom random;
    TimePoint now{std::chrono::seconds(1'800'000'000)};
    Stack stack;
    double price_per_minute = 0;  // of the route
    std::uint64_t revision = 0;
    bool auto_media = true, auto_probes = true;  // what the surroundings answer by themselves
    std::deque<transaction::Transmit> probes;
    std::uint16_t port_shift = 0;
    std::deque<transaction::Transmit> sent;
    transaction::Transmit last;
    std::vector<b2bua::MediaCommand> media;
    std::deque<b2bua::MediaCommand> unanswered;
    std::vector<b2bua::CallRecord> records;
    std::vector<b2bua::Checkpoint> checkpoints;
    std::vector<b2bua::LogFact> facts;
    std::vector<b2bua::Resolve> questions;
    std::vector<b2bua::HandOver> handed_over;

private:
    void sort(b2bua::Output& output) {
        if (auto* transmit = std::get_if<transaction::Transmit>(&output))
            (transmit->bytes->starts_with("OPTIONS ") && auto_probes ? probes : sent).push_back(*transmit);
        if (auto* record = std::get_if<b2bua::WriteRecord>(&output)) records.push_back(record->record);
        if (auto* checkpoint = std::get_if<b2bua::Checkpoint>(&output)) checkpoints.push_back(*checkpoint);
        if (auto* fact = std::get_if<b2bua::LogFact>(&output)) facts.push_back(*fact);
        if (auto* invite = std::get_if<b2bua::HandOver>(&output)) handed_over.push_back(*invite);
        if (auto* resolve = std::get_if<b2bua::Resolve>(&output)) questions.push_back(*resolve);
        if (auto* command = std::get_if<b2bua::MediaCommand>(&output)) {
            media.push_back(*command);
            if (command->token == 0) return;
            unanswered.push_back(*command);
        }
    }
};

// An answered call from the PBX to the core, and what both ends need to go on with it.
struct PbxCall {
    explicit PbxCall(Bench& bench) : b(bench) {
        b.bind();
        invite = parse(b.invite("sip:+442055501@sip.example.net;user=phone", secure_sdp("198.51.100.10", 5004, "A")));
        b.receive(b.pbx_flow(), invite.text());
        b.next("100");
        to_core = b.next("INVITE");
        b.receive(b.core_flow(), b.answer(to_core, 180, "bob", "<sip:192.0.2.20:5060>"));
        b.next("180");
        const auto text = b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000));
        ok_from_core = parse(text);
        b.receive(b.core_flow(), text);
        ack_to_core = b.next("ACK");
        ok = b.next("200");
        b.receive(b.pbx_flow(), Bench::ack(invite, ok, b.pbx_flow()));
        pbx = dialog::Dialog::as_uac(invite, ok, b.pbx_flow(), {});
        core = dialog::Dialog::as_uas(to_core, b.core_flow(), "bob");
    }
    std::string from_pbx(std::string_view method, std::string_view sdp = {}) {
        auto c = pbx.request(method, "SIP/2.0/TLS 198.51.100.10:5061;branch=z9hG4bKp" + std::to_string(++branch));
        if (method == "INVITE") c.add("Contact", "<sip:198.51.100.10:5061;transport=tls>");
        return c.finish(sdp.empty() ? "" : "application/sdp", sdp);
    }
    std::string from_core(std::string_view method, std::string_view sdp = {}) {
        auto c = core.request(method, "SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bKc" + std::to_string(++branch));
        if (method == "INVITE") c.add("Contact", "<sip:192.0.2.20:5060>");
        return c.finish(sdp.empty() ? "" : "application/sdp", sdp);
    }
    void hang_up() {
        b.receive(b.pbx_flow(), from_pbx("BYE"));
        const auto bye = (b.next("200"), b.next("BYE"));
        b.receive(b.core_flow(), b.answer(bye, 200, {}, {}));
    }
    Bench& b;
    sip::Message invite, to_core, ok_from_core, ack_to_core, ok;
    dialog::Dialog pbx, core;
    int branch = 0;
};

}  // namespace sallyport::stack

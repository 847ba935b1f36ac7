#include "tests/flows/flow_run.h"

#include <cstdlib>

#include "signaling/sip/parser.h"

namespace sallyport::test {
namespace {

PeerIdentity identity(const std::string& name, const std::string& host, std::uint16_t port, const std::string& media,
                      bool srtp, Flow flow) {
    return {name, host, port, media, name + "-product/1.0", srtp, std::move(flow)};
}

std::map<std::string, Actor> make_actors() {
    std::map<std::string, Actor> all;
    // A PBX behind NAT: nothing it says of itself is an address that could be reached.
    all.emplace("pbx", identity("pbx", "10.7.0.7", 5061, "10.7.0.8", true,
                                peer_flow(access_realm, Transport::tls, "198.51.100.7", 40'001, 11)));
    // Its second connection; and one that was never registered.
    all.emplace("pbx2", identity("pbxb", "10.7.0.9", 5061, "10.7.0.10", true,
                                 peer_flow(access_realm, Transport::tls, "198.51.100.8", 40'002, 12)));
    all.emplace("globex", identity("globex", "198.51.100.20", 5060, "198.51.100.21", false,
                                   peer_flow(access_realm, Transport::udp, "198.51.100.20", 5060)));
    all.emplace("core", identity("core", "203.0.113.5", 5060, "203.0.113.105", false,
                                 peer_flow(core_realm, Transport::udp, "203.0.113.5", 5060)));
    all.emplace("core2", identity("corb", "203.0.113.6", 5060, "203.0.113.106", false,
                                  peer_flow(core_realm, Transport::udp, "203.0.113.6", 5060)));
    all.emplace("stranger", identity("stranger", "198.51.100.66", 5060, "198.51.100.66", false,
                                     peer_flow(access_realm, Transport::udp, "198.51.100.66", 5060)));
    for (const auto* name : {"pbx", "pbx2", "stranger"}) {
        Actor& a = all.at(name);
        a.own_number = "+4930123401";
        a.own_domain = a.register_uri = "sp.example";
        a.aor = "sip:acme@sp.example";
    }
    all.at("globex").own_number = "+4989555001";
    all.at("globex").own_domain = all.at("globex").register_uri = "globex.example";
    all.at("globex").aor = "sip:globex@globex.example";
    for (const auto* name : {"core", "core2"}) {
        all.at(name).own_number = "+4940987654";
        all.at(name).own_domain = all.at(name).register_uri = "carrier.example";
        all.at(name).aor = "sip:core@carrier.example";
    }
    return all;
}

config::Snapshot quiet_world() {
    auto config = world_config();
    // One probe at the start and then none for the length of a flow; the flow about probes asks for more.
    config.carriers.at("one").options_interval_seconds = 86'400;
    return config;
}

}  // namespace

Duration read_duration(const std::string& text, const std::string& place) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const std::string unit(end);
    const double scale = unit == "ms" ? 1e6 : unit == "s" ? 1e9 : unit == "min" ? 60e9 : unit == "h" ? 3600e9 : 0;
    if (end == text.c_str() || scale == 0)
        throw FlowError(place, "\"" + text + "\" is no time; \"500ms\", \"32s\" and \"5min\" are");
    return Duration(static_cast<std::int64_t>(number * scale));
}

FlowRun::FlowRun()
    : actors_(make_actors()), bench_([this](const transaction::Transmit& t) { on_wire(t); }, quiet_world()) {
    bench_.run_for(10s);  // the first probes
}

void FlowRun::run(const FlowFile& flow) {
    for (const FlowStep& s : flow.steps) {
        step(s);
        settle();
        if (!violation_.empty()) throw FlowError(s.place, violation_);
    }
    finish(flow);
}

void FlowRun::step(const FlowStep& s) {
    switch (s.kind) {
        case FlowStep::Kind::send: return send(s);
        case FlowStep::Kind::expect: return expect(s);
        case FlowStep::Kind::world: return world(s);
    }
}

// Whatever a flow was about: every message was expected, every call has ended, and an hour later nothing of it is
// alive.
void FlowRun::finish(const FlowFile& flow) {
    const std::string place = flow.name + ".flow, end";
    for (const auto& [name, a] : actors_)
        if (!a.inbox.empty())
            throw FlowError(place, name + " was sent something nobody looked at:\n" + a.inbox.front());
    for (auto& [name, a] : actors_) {
        a.answers_options = true;
        a.unreachable = false;
        a.lose_to = 0;
    }
    bench_.media.mood = MediaPlaneSim::Mood::well;
    bench_.run_for(1h);
    if (!violation_.empty()) throw FlowError(place, violation_);
    const auto left = bench_.left();
    if (left.calls + left.transactions + left.timers + left.media_sessions + bench_.checkpoints.size() != 0)
        throw FlowError(place, "still alive: " + std::to_string(left.calls) + " calls, " +
                                   std::to_string(left.transactions) + " transactions, " + std::to_string(left.timers) +
                                   " timers, " + std::to_string(left.media_sessions) + " media sessions, " +
                                   std::to_string(bench_.checkpoints.size()) + " checkpoints");
}

Actor& FlowRun::actor(const FlowStep& s) {
    const auto found = actors_.find(s.actor);
    if (found == actors_.end()) throw FlowError(s.place, "nobody is called \"" + s.actor + "\"");
    return found->second;
}

Actor* FlowRun::actor_at(const Flow& flow) {
    for (auto& [name, a] : actors_) {
        const Flow& at = a.peer.id.flow;
        if (at.realm == flow.realm && at.transport == flow.transport && at.remote == flow.remote &&
            (flow.connection == at.connection || flow.connection == 0))
            return &a;
    }
    return nullptr;
}

void FlowRun::on_wire(const transaction::Transmit& transmit) {
    Actor* to = actor_at(transmit.flow);
    const std::string& bytes = *transmit.bytes;
    if (to == nullptr) {
        note("edge -> " + transmit.flow.remote.to_string() + "  " + bytes.substr(0, bytes.find("\r\n")));
        violation_ = "a message to nobody: " + transmit.flow.remote.to_string() + "\n" + bytes;
        return;
    }
    deliver(*to, bytes, transmit);
}

void FlowRun::deliver(Actor& to, const std::string& bytes, const transaction::Transmit& transmit) {
    const auto message = TextMessage::read(bytes);
    if (message.method() == "OPTIONS" && message.is_request() && to.answers_options) {
        const std::string answer = to.peer.response(message, 200, "probe").wire();
        bench_.later(0ms, [this, flow = to.peer.id.flow, answer] { bench_.receive(flow, answer); });
        return;
    }
    note("edge -> " + to.peer.id.name + "  " + message.start + (to.lose_to > 0 ? "  (lost)" : ""));
    judge(to, bytes);
    if (to.unreachable) {
        bench_.later(0ms, [this, flow = transmit.flow] { bench_.close(flow, "unreachable"); });
        return;
    }
    if (to.lose_to > 0) {
        --to.lose_to;
        return;
    }
    to.inbox.push_back(bytes);
}

// Rules of every message, whatever the flow is about.
void FlowRun::judge(const Actor& to, const std::string& bytes) {
    const auto parsed = sip::Parser::parse(bytes, sip::Framing::stream);
    if (!parsed.has_value()) violation_ = "does not parse (" + parsed.error().detail + "):\n" + bytes;
    const auto message = TextMessage::read(bytes);
    if (message.is_request() && message.all("Via").size() != 1) violation_ = "not one Via:\n" + bytes;
    if (message.is_request() && !message.has("Max-Forwards")) violation_ = "no Max-Forwards:\n" + bytes;
    if (message.is_request() && message.has("Record-Route")) violation_ = "a B2BUA records no route:\n" + bytes;
    // RFC 7092: what one leg says of itself the other never sees.
    for (const auto& [name, other] : actors_) {
        if (other.peer.id.flow.realm == to.peer.id.flow.realm) continue;
        for (const auto& secret : other.peer.secrets())
            if (bytes.find(secret) != bytes.npos)
                violation_ = "\"" + secret + "\" of " + name + " crossed to the other side:\n" + bytes;
    }
    const bool access = to.peer.id.flow.realm == access_realm;
    for (const auto& ours : {access ? edge_core : edge_access, access ? media_core : media_access})
        if (bytes.find(ours + " ") != bytes.npos || bytes.find(ours + ":") != bytes.npos ||
            bytes.find(ours + "\r") != bytes.npos)
            violation_ = "our address " + ours + " of the other realm is shown:\n" + bytes;
}

void FlowRun::note(const std::string& line) {
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(bench_.now.time_since_epoch()).count() % 100'000'000;
    lines_.push_back(std::to_string(ms) + "  " + line);
}

std::string FlowRun::transcript() const {
    std::string text;
    for (const auto& line : lines_) text += line + "\n";
    for (const auto& fact : bench_.log) text += "log " + fact.event + " " + fact.trunk + " " + fact.text + "\n";
    return text;
}

}  // namespace sallyport::test

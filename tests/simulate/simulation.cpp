#include "tests/simulate/simulation.h"

#include <algorithm>

namespace sallyport::test {
namespace {

config::Snapshot calm_world() {
    auto config = world_config();
    config.carriers.at("one").options_interval_seconds = 86'400;
    // Limits that refuse nothing, so that every call is counted at every level.
    config.customers.emplace("both", config::Customer{"both", "", {1'000'000, 0, 0, 1'000'000'000}});
    config.carriers.at("one").replaces = true;
    config.trunks.at("acme-hq").numbering.dial_plan.emergency_numbers = {"112"};
    config.trunks.at("globex").session_timers = {90, 90};  // the shortest: the node renews calls that come to rest
    for (auto& [id, trunk] : config.trunks) {
        trunk.customer = "both";
        trunk.replaces = true;
        for (const auto& range : trunk.numbers) trunk.number_limits.push_back({range, 1'000'000, 1'000'000});
    }
    return config;
}

}  // namespace

Simulation::Simulation(SimConditions conditions)
    : conditions_(conditions),
      random_(conditions.seed * 7919 + 1),
      bench_([this](const transaction::Transmit& t) { from_edge(t); }, calm_world(), conditions.seed) {
    bench_.media.keep_commands = 0;
    bench_.media_delay = 5ms;
    add_peer({"pbx", "10.7.0.7", 5061, "10.7.0.8", "pbx-product", true,
              peer_flow(access_realm, Transport::tls, "198.51.100.7", 40'001, 11), true},
             "+4930123401", "sp.example")
        .keep_registered();
    add_peer({"globex", "198.51.100.20", 5060, "198.51.100.21", "globex-product", false,
              peer_flow(access_realm, Transport::udp, "198.51.100.20", 5060)},
             "+4989555001", "globex.example");
    add_peer({"core", "203.0.113.5", 5060, "203.0.113.105", "core-product", false,
              peer_flow(core_realm, Transport::udp, "203.0.113.5", 5060), true},
             "+4940987654", "carrier.example");
    add_peer({"corb", "203.0.113.6", 5060, "203.0.113.106", "corb-product", false,
              peer_flow(core_realm, Transport::udp, "203.0.113.6", 5060)},
             "+4940987655", "carrier.example");
}

SimPeer& Simulation::add_peer(PeerIdentity identity, const std::string& number, const std::string& domain) {
    SimWorld world{[this] { return bench_.now; },
                   [this](Duration after, std::function<void()> what) { bench_.later(after, std::move(what)); },
                   random_,
                   [this](const std::string& name, bool last) { return compare(name, last); },
                   [this](const std::string& name) { return resting_.insert(name).second; },
                   [this](const std::string& name) { return resting_.contains(name); },
                   [this](const std::string& what) { complaints.push_back(what); }};
    peers_.push_back(
        std::make_unique<SimPeer>(std::move(identity), number, domain, world,
                                  [this](SimPeer& from, std::string bytes) { to_edge(from, std::move(bytes)); }));
    peers_.back()->somebody = [this] { return somebody(); };
    return *peers_.back();
}

std::string Simulation::somebody() {
    switch (random_.below(3)) {
        case 0: return "sip:+4940987654@sp.example";
        case 1: return "sip:+49301234" + std::to_string(10 + random_.below(90)) + "@sp.example";
        default: return "sip:+49895550" + std::to_string(10 + random_.below(89)) + "@sp.example";
    }
}

// Nothing has been said in this call for longer than anything is repeated: what the one end sends the other one hears.
bool Simulation::compare(const std::string& name, bool last) {
    std::optional<SimPeer::Agreed> caller, callee;
    for (const auto& p : peers_) {
        if (auto found = p->agreed(name, true)) caller = found;
        if (auto found = p->agreed(name, false)) callee = found;
    }
    std::string wrong = caller && callee ? disagreement(*caller, *callee) : std::string();
    if (!wrong.empty() && !last) return false;
    resting_.erase(name);
    if (!caller || !callee) return true;
    ++compared_;
    if ((caller->gap || callee->gap) && conditions_.loss == 0 && !conditions_.troubles)
        wrong += " versions of a description are left out";
    if (wrong.empty()) return true;
    complaints.push_back("call " + name + ": " + wrong);
    if (const auto view = bench_.stack.call(name)) complaints.push_back(view->ladder);
    return true;
}

// Datagrams are lost, doubled and overtake each other; a stream only takes its time.
void Simulation::travel(Transport transport, Duration& last_arrival, std::function<void()> arrive) {
    const auto dice = [&](unsigned percent) { return random_.below(1'000) < percent * 10; };
    const auto delay = [&] {
        return Duration(1 + random_.u32() % static_cast<std::uint32_t>(conditions_.delay.count()));
    };
    ++messages_;
    if (transport != Transport::udp) {
        const Duration now = bench_.now.time_since_epoch();
        last_arrival = std::max(last_arrival, now + delay());
        return bench_.later(last_arrival - now, std::move(arrive));
    }
    if (dice(conditions_.loss)) {
        ++lost_;
        return;
    }
    if (dice(conditions_.duplicates)) bench_.later(delay(), arrive);
    bench_.later(delay(), std::move(arrive));
}

void Simulation::to_edge(SimPeer& from, std::string bytes) {
    const Flow flow = from.peer.id.flow;
    if (bytes.compare(0, 7, "INVITE ") == 0) {
        const auto invite = TextMessage::read(bytes);
        if (invite.has("Replaces")) in_place_.insert(invite.first("Call-ID"));
    }
    travel(flow.transport, last_in_[&from], [this, flow, bytes = std::move(bytes)] {
        if (flow.connection != 0 && closed_.contains(flow.connection)) return;
        bench_.receive(flow, bytes);
    });
}

void Simulation::from_edge(const transaction::Transmit& transmit) {
    note_attempt(*transmit.bytes);
    const Flow& flow = transmit.flow;
    for (const auto& p : peers_) {
        const Flow& at = p->peer.id.flow;
        if (at.realm != flow.realm || at.transport != flow.transport || at.connection != flow.connection) continue;
        if (at.remote != flow.remote) continue;
        SimPeer* peer = p.get();
        return travel(flow.transport, last_out_[peer], [peer, connection = flow.connection, bytes = transmit.bytes] {
            if (peer->peer.id.flow.connection == connection) peer->receive(*bytes);
        });
    }
    // A connection that is gone, or one to a PBX behind NAT that nobody can open.
    bench_.later(10ms, [this, flow] { bench_.close(flow, "no such connection"); });
}

// An INVITE that got any answer but a challenge or a word without state was an attempt, and has one record.
void Simulation::note_attempt(const std::string& bytes) {
    if (bytes.compare(0, 8, "SIP/2.0 ") != 0) return;
    const auto message = TextMessage::read(bytes);
    if (in_place_.contains(message.first("Call-ID"))) return;
    if (message.method() != "INVITE" || message.status() == 407 || message.status() == 481) return;
    // Peers name their calls so; the node's own legs are no attempts.
    const auto id = message.first("Call-ID");
    if (id.find("-call-") == id.npos) return;
    // Who is refused more often than anybody wants to read of is refused without a word of why, and without a record.
    const bool briefly = message.status() >= 400 && !message.has("Reason");
    if (!briefly) attempts_.insert(id);
}

void Simulation::place_call() {
    if (placed_++ >= conditions_.calls) return;
    const unsigned dice = random_.below(100);
    const std::string pbx_number = "sip:+49301234" + std::to_string(10 + random_.below(90)) + "@sp.example";
    const std::string globex_number = "sip:+49895550" + std::to_string(10 + random_.below(89)) + "@sp.example";
    SimPeer &pbx = *peers_[0], &globex = *peers_[1], &core = *peers_[2 + random_.below(2)];
    if (dice < 33)
        pbx.call("sip:+4940987654@sp.example");
    else if (dice < 35)
        pbx.call("sip:112@sp.example");
    else if (dice < 50)
        globex.call("sip:+4940987654@globex.example");
    else if (dice < 80)
        core.call(pbx_number);
    else if (dice < 95)
        core.call(globex_number);
    else
        core.call("sip:+4930999999@sp.example");
    bench_.later(Duration(random_.u32() % static_cast<std::uint32_t>(2 * conditions_.pace.count()) + 1),
                 [this] { place_call(); });
}

// Each trouble passes: what it leaves behind is the question.
void Simulation::make_trouble() {
    if (placed_ >= conditions_.calls) return;
    const auto soon = [&] { return Duration(random_.u32() % 1'500'000'000u); };
    switch (random_.below(6)) {
        case 0: bench_.input(bench_.media.restarted()); break;
        case 1:
            bench_.media.up = false;
            bench_.media_state();
            bench_.later(soon(), [this] {
                bench_.media.up = true;
                bench_.media_state();
            });
            break;
        case 2:
            bench_.media.mood = random_.below(2) == 0 ? MediaPlaneSim::Mood::silent : MediaPlaneSim::Mood::refusing;
            bench_.later(soon(), [this] { bench_.media.mood = MediaPlaneSim::Mood::well; });
            break;
        case 3: break_connection(*peers_[0]); break;
        case 4:
            bench_.input(stack::Drain{true});
            if (random_.below(4) == 0) bench_.input(stack::ReleaseCalls{"the node stops"});
            bench_.later(soon(), [this] { bench_.input(stack::Drain{false}); });
            break;
        case 5: bench_.configure(bench_.config); break;
    }
    bench_.later(Duration(1s) + Duration(random_.u32() % 4'000'000'000u), [this] { make_trouble(); });
}

void Simulation::break_connection(SimPeer& peer) {
    Flow& flow = peer.peer.id.flow;
    const Flow old = flow;
    closed_[old.connection] = true;
    flow.connection = 0;  // none, until it is back
    bench_.close(old);
    peer.connection_lost();
    bench_.later(500ms, [this, &peer] {
        Flow& f = peer.peer.id.flow;
        f.connection = ++connections_;
        f.remote.port = static_cast<std::uint16_t>(40'000 + connections_ % 20'000);
        peer.connected_again();
    });
}

void Simulation::run() {
    bench_.run_for(10s);
    place_call();
    if (conditions_.troubles) make_trouble();
    while (placed_ <= conditions_.calls) bench_.run_for(10s);
    // Healthy again, and time to end what has begun: the longest wait is timer C, then the last retransmissions.
    for (auto& p : peers_) p->quiet = true;
    bench_.media.mood = MediaPlaneSim::Mood::well;
    bench_.media.up = true;
    bench_.media_state();
    bench_.input(stack::Drain{false});
    bench_.run_for(10min);
    judge();
}

void Simulation::judge() {
    const auto complain = [&](const std::string& what, std::size_t how_many) {
        if (how_many != 0) complaints.push_back(std::to_string(how_many) + " " + what);
    };
    const auto left = bench_.left();
    complain("calls left", left.calls);
    complain("transactions left", left.transactions);
    complain("timers left", left.timers);
    complain("media sessions left", left.media_sessions);
    complain("checkpoints left", bench_.checkpoints.size());
    for (const auto& p : peers_) complain("calls left at " + p->peer.id.name, p->calls());
    std::map<std::string, int> records;
    std::set<std::string> ids;
    std::size_t emergencies = 0;
    for (const auto& r : bench_.records) {
        if (r.emergency) ++emergencies;
        const bool expired = r.reason.find("not renewed its session") != r.reason.npos;
        if (expired && conditions_.loss == 0 && !conditions_.troubles)
            complaints.push_back("call " + r.call_id_a + " was ended: " + r.reason);
        // Who has taken the caller's place has made no attempt of his own.
        std::string attempt = r.call_id_a;
        for (const auto& place : r.replaced)
            if (place.side == b2bua::Side::a) {
                attempt = place.call_id;
                break;
            }
        ++records[attempt];
        ids.insert(r.id);
    }
    complain("records share an id", bench_.records.size() - ids.size());
    for (const auto& [call, times] : records) {
        if (times != 1) complaints.push_back("call " + call + " has " + std::to_string(times) + " records");
        if (!attempts_.contains(call)) complaints.push_back("record of a call that was never attempted: " + call);
    }
    for (const auto& call : attempts_)
        if (!records.contains(call)) complaints.push_back("no record of call " + call);
    if (conditions_.calls >= 1'000) {  // what is not done proves nothing
        SimPeer::Counts all;
        for (const auto& p : peers_) all += p->counts;
        for (const auto& [what, times] :
             {std::pair("forked", all.forked), std::pair("answered twice", all.twice),
              std::pair("attended transfer", all.joined), std::pair("blind transfer", all.transferred),
              std::pair("redirected", all.redirected), std::pair("replaced", all.replaced),
              std::pair("offered early", all.early_offers), std::pair("renewed", all.renewed),
              std::pair("left early", all.left_early), std::pair("unheard", all.deaf),
              std::pair("for help", emergencies)})
            if (times == 0) complaints.push_back(std::string("no call was ") + what);
        if (bench_.stack.statistics().calls_forwarded.read() == 0) complaints.push_back("no call was forwarded");
        if (bench_.stack.statistics().carrier_failovers.read() == 0) complaints.push_back("no carrier has failed over");
    }
    if (compared_ < conditions_.calls / (conditions_.troubles ? 500 : 50))
        complain("calls only came to rest and were compared", compared_ + 1);
    for (const auto& [gauge, use] : bench_.shared.gauges.uses({})) complain("calls still counted: " + gauge, use.calls);
}

std::string Simulation::summary() const {
    std::string text = "seed " + std::to_string(conditions_.seed) + ": " + std::to_string(messages_) + " messages, " +
                       std::to_string(lost_) + " lost, " + std::to_string(bench_.records.size()) + " records\n";
    for (const auto& p : peers_) {
        const auto& c = p->counts;
        text += p->peer.id.name + ": " + std::to_string(c.placed) + " placed, " + std::to_string(c.answered) +
                " answered, " + std::to_string(c.refused) + " refused, " + std::to_string(c.cancelled) +
                " cancelled, " + std::to_string(c.held) + " later offers, " + std::to_string(c.pracked) + " PRACKs, " +
                std::to_string(c.transferred) + " transfers, " + std::to_string(c.consulted) + " consultations, " +
                std::to_string(c.joined) + " of them joined, " + std::to_string(c.forked) + " forked, " +
                std::to_string(c.twice) + " answered twice, " + std::to_string(c.redirected) + " redirected, " +
                std::to_string(c.replaced) + " of " + std::to_string(c.replacing) + " replaced, " +
                std::to_string(c.early_offers) + " early UPDATEs, " + std::to_string(c.early_answers) +
                " early answers, " + std::to_string(c.taken_back) + " re-INVITEs cancelled, " +
                std::to_string(c.renewed) + " renewals, " + std::to_string(c.left_early) + " left early, " +
                std::to_string(c.deaf) + " unheard, " + std::to_string(c.failed) + " failed\n";
    }
    std::size_t shown = 0;
    for (const auto& line : complaints)
        if (shown++ < 20) text += line + "\n";
    return text;
}

}  // namespace sallyport::test

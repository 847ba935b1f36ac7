// Lines of a flow that are no messages: time, the network, the media plane, DNS, provisioning, and what must be true
// now.
#include <algorithm>
#include <sstream>

#include "tests/flows/flow_run.h"

namespace sallyport::test {
namespace {

std::string word(const FlowStep& step, std::size_t i) {
    if (i >= step.words.size()) throw FlowError(step.place, "something is missing at the end of the line");
    return step.words[i];
}

std::string seconds_text(TimePoint from, TimePoint to) {
    if (from == TimePoint{} || to == TimePoint{}) return "never";
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(to - from).count());
}

std::string joined(const std::vector<std::string>& list) {
    std::string text;
    for (const auto& one : list) text += (text.empty() ? "" : ",") + one;
    return text;
}

std::string forwards_text(const std::vector<b2bua::Forward>& forwards) {
    std::ostringstream text;
    for (const auto& f : forwards)
        text << (text.tellp() == 0 ? "" : ",") << f.from << ':' << f.status << ':' << f.to << ':' << f.left;
    return text.str();
}

std::string used_text(const b2bua::MediaLeg& leg) {  // highest index received/sent/SRTCP
    if (!leg.keys || !leg.keys->used) return "none";
    const auto highest = [](const std::vector<b2bua::SsrcIndex>& all) {
        return all.empty() ? std::string("0") : std::to_string(all.front().index);
    };
    const b2bua::KeyUse& used = *leg.keys->used;
    return highest(used.received) + "/" + highest(used.sent) + "/" + std::to_string(used.srtcp_sent);
}

std::string replaced_text(const std::vector<b2bua::Replaced>& replaced) {
    std::string text;
    for (const auto& r : replaced)
        text += (text.empty() ? "" : ",") + std::string(r.side == b2bua::Side::a ? "a:" : "b:") + r.end;
    return text;
}

using Facts = std::map<std::string, std::string>;

Facts alive_facts(const StackBench& bench) {
    const auto left = bench.left();
    return {{"calls", std::to_string(left.calls)},
            {"transactions", std::to_string(left.transactions)},
            {"timers", std::to_string(left.timers)},
            {"media", std::to_string(left.media_sessions)},
            {"bindings", std::to_string(bench.shared.locations.size())}};
}

Facts record_facts(const b2bua::CallRecord& r) {
    return {{"status", std::to_string(r.status)},
            {"ended_by", r.ended_by},
            {"trunk", r.trunk},
            {"carrier", r.carrier},
            {"q850", std::to_string(r.q850)},
            {"direction", r.direction},
            {"emergency", r.emergency ? "true" : "false"},
            {"ends", r.ends[0] + "," + r.ends[1]},
            {"forwards", forwards_text(r.forwards)},
            {"replaced", replaced_text(r.replaced)},
            {"caller", r.caller},
            {"called", r.called},
            {"codecs", joined(r.codecs)},
            {"media", std::to_string(r.media.size())},
            {"talked", seconds_text(r.answered, r.ended)},
            {"rang", seconds_text(r.rang, r.ended)}};
}

Facts counter_facts(const stack::StackStatistics& s, const transaction::LayerStatistics& t) {
    const auto text = [](const Counter& c) { return std::to_string(c.read()); };
    return {{"invites", text(s.invites)},
            {"answered", text(s.calls_answered)},
            {"failed", text(s.calls_failed)},
            {"media_away", text(s.calls_refused_media_away)},
            {"failovers", text(s.carrier_failovers)},
            {"forwarded", text(s.calls_forwarded)},
            {"forwards_refused", text(s.forwards_refused)},
            {"parties_replaced", text(s.parties_replaced)},
            {"replaces_refused", text(s.replaces_refused)},
            {"registrations_ok", text(s.registrations_ok)},
            {"challenges", text(s.challenges)},
            {"authentication_failures", text(s.authentication_failures)},
            {"parse_errors", text(s.parse_errors)},
            {"not_sip", text(s.dropped_not_sip)},
            {"merged", text(t.merged_requests)},
            {"records", text(s.records_written)}};
}

// Of the one session: a.direction, b.remote, a.keys.
template <class Session>
Facts media_facts(const Session& session) {
    Facts facts;
    for (const auto& [key, leg] : session.legs) {
        if (key.first != 0) continue;
        const std::string side = key.second == b2bua::Side::a ? "a." : "b.";
        facts[side + "remote"] = leg.remote ? leg.remote->to_string() : "none";
        facts[side + "direction"] = leg.direction ? std::string(to_string(*leg.direction)) : "none";
        facts[side + "transport"] = leg.udptl.value_or(false) ? "udptl" : "rtp";
        facts[side + "used"] = used_text(leg);
        facts[side + "suite"] = leg.keys && !leg.keys->suite.empty() ? leg.keys->suite : "none";
    }
    return facts;
}

}  // namespace

void FlowRun::world(const FlowStep& step) {
    const std::string& verb = step.words[0];
    const auto named = actors_.find(verb);
    if (verb == "wait") return bench_.run_for(read_duration(word(step, 1), step.place));
    if (verb == "media") return set_media(step);
    if (verb == "provision") return provision(step);
    if (verb == "zone") return add_to_zone(step);
    if (verb == "dns") return void(bench_.dns_silent = word(step, 1) == "silent");
    if (verb == "shutdown") return bench_.input(stack::ReleaseCalls{"the node stops"});
    if (verb == "drain") return bench_.input(stack::Drain{word(step, 1) == "on"});
    if (verb == "assert") return check(step);
    if (verb == "lose") {  // lose 2 to core
        const int count = word(step, 1) == "everything" ? 1'000'000 : std::stoi(word(step, 1));
        const auto who = actors_.find(word(step, 3));
        if (who == actors_.end()) throw FlowError(step.place, "nobody is called \"" + word(step, 3) + "\"");
        (word(step, 2) == "to" ? who->second.lose_to : who->second.lose_from) = count;
        return;
    }
    if (named == actors_.end()) throw FlowError(step.place, "\"" + verb + "\" means nothing");
    Actor& a = named->second;
    const std::string& what = word(step, 1);
    Flow& flow = a.peer.id.flow;
    if (what == "closes") return bench_.close(flow);
    if (what == "reconnects") {
        flow.connection = ++connections_;
        ++flow.remote.port;
    } else if (what == "unreachable") {
        a.unreachable = true;
    } else if (what == "reachable") {
        a.unreachable = false;
    } else if (what == "over") {  // pbx over tcp
        flow.transport = word(step, 2) == "udp"   ? Transport::udp
                         : word(step, 2) == "tcp" ? Transport::tcp
                                                  : Transport::tls;
        flow.connection = flow.transport == Transport::udp ? 0 : ++connections_;
        flow.local.port = flow.transport == Transport::tls ? 5061 : 5060;
    } else if (what == "sees") {  // core sees probes
        a.answers_options = false;
    } else {
        throw FlowError(step.place, verb + " cannot \"" + what + "\"");
    }
}

void FlowRun::set_media(const FlowStep& step) {
    const std::string& what = word(step, 1);
    MediaPlaneSim& media = bench_.media;
    if (what == "delay") return void(bench_.media_delay = read_duration(word(step, 2), step.place));
    if (what == "restarts") return bench_.input(media.restarted());
    if (what == "inactive") {  // media inactive a
        b2bua::MediaEvent event;
        event.kind = b2bua::MediaEventKind::inactivity;
        event.side = word(step, 2) == "a" ? b2bua::Side::a : b2bua::Side::b;
        event.session = media.sessions.empty() ? "none" : media.sessions.begin()->first;
        return bench_.input(event);
    }
    if (what == "key-ends") {  // media key-ends a 512
        b2bua::MediaEvent event;
        event.kind = b2bua::MediaEventKind::key_ends;
        event.side = word(step, 2) == "a" ? b2bua::Side::a : b2bua::Side::b;
        event.session = media.sessions.empty() ? "none" : media.sessions.begin()->first;
        event.count = std::stoull(word(step, 3));
        return bench_.input(event);
    }
    if (what == "counts") {  // media counts a 170000
        b2bua::MediaEvent event;
        event.kind = b2bua::MediaEventKind::key_use;
        event.side = event.used.side = word(step, 2) == "a" ? b2bua::Side::a : b2bua::Side::b;
        event.session = media.sessions.empty() ? "none" : media.sessions.begin()->first;
        const std::uint64_t index = std::stoull(word(step, 3));
        event.used.received = {{0xcafe, index}};
        event.used.sent = {{0xbeef, index + 1}};
        event.used.srtcp_sent = static_cast<std::uint32_t>(index / 100);
        return bench_.input(event);
    }
    if (what == "away" || what == "back") {
        media.up = what == "back";
        return bench_.media_state();
    }
    if (what == "lacks") {  // media lacks fax
        media.features.fax = word(step, 2) != "fax";
        return bench_.media_state();
    }
    media.mood = what == "refuses"  ? MediaPlaneSim::Mood::refusing
                 : what == "silent" ? MediaPlaneSim::Mood::silent
                                    : MediaPlaneSim::Mood::well;
}

config::MusicOnHold FlowRun::music_on_hold(const FlowStep& step) const {
    const std::string& whose = word(step, 3);
    using enum config::MusicOnHold;
    if (whose == "pass") return pass;
    if (whose == "own") return own;
    if (whose == "network") return network;
    if (whose == "none") return none;
    throw FlowError(step.place, "no music on hold is \"" + whose + "\": pass, own, network or none");
}

void FlowRun::provision(const FlowStep& step) {
    auto config = bench_.config;
    ++config.revision;
    const std::string& whose = word(step, 1);
    const std::string& what = word(step, 2);
    if (const auto trunk = config.trunks.find(whose); trunk != config.trunks.end()) {
        auto& t = trunk->second;
        if (what == "compatibility")
            t.single_aor_compatibility = true;
        else if (what == "disabled")
            t.disabled = true;
        else if (what == "calls")
            t.limits.concurrent_calls = static_cast<std::uint32_t>(std::stoul(word(step, 3)));
        else if (what == "expires")
            t.limits.registration_expires_seconds = static_cast<std::uint32_t>(std::stoul(word(step, 3)));
        else if (what == "target")
            t.targets = {{word(step, 3), 0, config::Transport::unspecified, 1, 1}};
        else if (what == "emergency")
            t.numbering.dial_plan.emergency_numbers = {word(step, 3)},
            config.routes["help"] = {.id = "help", .carriers = {"one"}, .service_numbers = {word(step, 3)}};
        else if (what == "keeps-redirects")
            t.forwarding.keep_redirects = true;
        else if (what == "udp")
            t.transports = {config::Transport::udp, config::Transport::tls};
        else if (what == "fax-off")
            t.media.fax = config::Fax::off;
        else if (what == "music")
            t.media.music_on_hold = music_on_hold(step);
        else if (what == "sessions")
            t.session_timers.seconds = static_cast<std::uint32_t>(std::stoul(word(step, 3)));
        else if (what == "unreliable")
            t.reliable_provisionals = false;
        else if (what == "overflow-to")
            t.overflow.numbers = {{t.numbers.front(), word(step, 3)}};
        else if (what == "on-net")
            t.on_net = word(step, 3) == "node" ? config::OnNet::node : config::OnNet::customer;
        else if (what == "replaces")
            t.replaces = true;
        else if (what == "customer")
            t.customer = word(step, 3), config.customers.try_emplace(t.customer, config::Customer{.id = t.customer});
        else if (what == "removed")
            config.trunks.erase(trunk);
        else
            throw FlowError(step.place, "a trunk has no \"" + what + "\"");
    } else if (const auto carrier = config.carriers.find(whose); carrier != config.carriers.end()) {
        auto& c = carrier->second;
        if (what == "probes")
            c.options_interval_seconds = static_cast<std::uint32_t>(std::stoul(word(step, 3)));
        else if (what == "disabled")
            c.disabled = true;
        else if (what == "target")
            c.targets = {{word(step, 3), 0, config::Transport::unspecified, 1, 1}};
        else if (what == "fax-off")
            c.media.fax = config::Fax::off;
        else if (what == "music")
            c.media.music_on_hold = music_on_hold(step);
        else if (what == "sessions")
            c.session_timers.seconds = static_cast<std::uint32_t>(std::stoul(word(step, 3)));
        else if (what == "unreliable")
            c.reliable_provisionals = false;
        else if (what == "replaces")
            c.replaces = true;
        else if (what == "diversion")
            c.identity.diversion = true;
        else if (what == "tcp")
            for (auto& target : c.targets) target.transport = config::Transport::tcp;
        else
            throw FlowError(step.place, "a carrier has no \"" + what + "\"");
    } else {
        throw FlowError(step.place, "\"" + whose + "\" is not provisioned");
    }
    bench_.configure(std::move(config));
}

void FlowRun::add_to_zone(const FlowStep& step) {  // zone a NAME ADDRESS; zone srv NAME PRIORITY WEIGHT PORT TARGET
    locate::Answer answer;
    answer.ttl = 60s;
    answer.question.name = word(step, 2);
    if (word(step, 1) == "srv") {
        answer.question.type = locate::RecordType::srv;
        const auto number = [&](std::size_t i) { return static_cast<std::uint16_t>(std::stoul(word(step, i))); };
        answer.srv = {{number(3), number(4), number(5), word(step, 6)}};
    } else {
        answer.question.type = locate::RecordType::a;
        const auto address = IpAddress::parse(word(step, 3));
        if (!address) throw FlowError(step.place, word(step, 3) + " is no address");
        answer.addresses = {*address};
    }
    const auto known = std::find_if(bench_.zone.begin(), bench_.zone.end(),
                                    [&](const auto& a) { return a.question == answer.question; });
    if (known == bench_.zone.end())
        bench_.zone.push_back(std::move(answer));
    else
        known->srv.insert(known->srv.end(), answer.srv.begin(), answer.srv.end());
}

// assert SUBJECT name=pattern ...
void FlowRun::check(const FlowStep& step) {
    const std::string& subject = word(step, 1);
    if (subject == "log") {
        const bool found = std::any_of(bench_.log.begin(), bench_.log.end(),
                                       [&](const auto& fact) { return fact.event == word(step, 2); });
        if (!found) throw FlowError(step.place, "\"" + word(step, 2) + "\" was not logged");
        return;
    }
    for (std::size_t i = 2; i < step.words.size(); ++i) {
        const auto equals = step.words[i].find('=');
        if (equals == std::string::npos) throw FlowError(step.place, "\"" + step.words[i] + "\" is not name=value");
        const std::string name = step.words[i].substr(0, equals), wanted = step.words[i].substr(equals + 1);
        const std::string is = fact(step, subject, name);
        if (!matches(wanted, is))
            throw FlowError(step.place, subject + " " + name + " is " + is + ", expected " + wanted);
    }
}

std::string FlowRun::fact(const FlowStep& step, const std::string& subject, const std::string& name) const {
    Facts facts;
    if (subject == "alive") {
        facts = alive_facts(bench_);
    } else if (subject == "records") {
        facts = {{"count", std::to_string(bench_.records.size())}};
    } else if (subject == "record") {
        if (bench_.records.empty()) throw FlowError(step.place, "there is no call record");
        facts = record_facts(bench_.records.back());
    } else if (subject == "use") {
        return std::to_string(bench_.shared.gauges.calls(name));
    } else if (subject == "counter") {
        facts = counter_facts(bench_.stack.statistics(), bench_.stack.transaction_statistics());
    } else if (subject == "media") {
        if (bench_.media.sessions.size() != 1) throw FlowError(step.place, "there is not exactly one media session");
        facts = media_facts(bench_.media.sessions.begin()->second);
    }
    const auto found = facts.find(name);
    if (found == facts.end()) throw FlowError(step.place, subject + " has no \"" + name + "\"");
    return found->second;
}

}  // namespace sallyport::test

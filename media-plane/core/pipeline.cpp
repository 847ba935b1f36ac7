#include "media-plane/core/pipeline.h"

#include <algorithm>

#include "media-plane/core/captures.h"
#include "media-plane/core/leg_change.h"
#include "media-plane/core/leg_list.h"
#include "media-plane/core/media_ports.h"
#include "media-plane/core/reports.h"
#include "media-plane/core/session_table.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media {
namespace {

namespace limits {
constexpr std::size_t text_bytes = 256;      // of a key's parts, a call's and a trunk's name: they are kept
constexpr std::size_t notes_per_tick = 256;  // legs with events; more have to wait for the next tick
}  // namespace limits

constexpr Duration round = std::chrono::seconds{1};  // in which every session is looked at once
constexpr Duration auth_report_interval = std::chrono::seconds{1};
constexpr Duration key_use_report_interval = std::chrono::seconds{1};  // in the long run
constexpr Duration key_use_report_burst = std::chrono::seconds{10};    // so many before they have to wait

stages::Rates rates_of(std::uint32_t packets_per_second) {
    if (packets_per_second == 0) return {};
    const Duration second = std::chrono::seconds{1};
    return {second / packets_per_second, second / std::max(1u, packets_per_second / 10),
            tolls_under(packets_per_second)};
}

Reply refused(Code code, std::string text) {
    Reply reply;
    reply.code = code;
    reply.text = std::move(text);
    return reply;
}
Reply refused(Refusal refusal) { return refused(refusal.code, std::move(refusal.text)); }

Reply done(const Session& session) {
    Reply reply;
    reply.local = session.local_endpoints();
    return reply;
}

Reply allocated(const Session& session) {
    Reply reply = done(session);
    reply.used = session.key_use();
    reply.latched = session.latched();
    return reply;
}

Event event(EventKind kind, const Leg& leg) {
    Event e;
    e.kind = kind;
    e.key = leg.session->key;
    e.stream = leg.stream;
    e.side = leg.side;
    e.endpoint = leg.rtp.remote();
    return e;
}

std::optional<Refusal> check(const Allocate& command) {
    const auto too_long = [](const std::string& text) { return text.size() > limits::text_bytes; };
    if (command.key.session.empty()) return Refusal{Code::invalid, "session: empty"};
    if (too_long(command.key.session) || too_long(command.key.client) || too_long(command.call) ||
        too_long(command.trunk))
        return Refusal{Code::invalid, "session, client, call, trunk: at most 256 bytes each"};
    if (command.streams < 1 || command.streams > max_streams)
        return Refusal{Code::invalid, "streams: " + std::to_string(command.streams) + ", possible are 1 to 16"};
    return std::nullopt;
}

std::string unknown_port(std::string_view field, const std::string& name, Family family) {
    const std::string_view of_family = family == Family::v4   ? " with an IPv4 address"
                                       : family == Family::v6 ? " with an IPv6 address"
                                                              : "";
    std::string text(field);
    text.append(": no media port \"").append(name, 0, limits::text_bytes).append("\"").append(of_family);
    return text;
}

}  // namespace

struct Pipeline::State {
    State(PipelineConfig c, RandomSource& random)
        : config(std::move(c)),
          ports(config.ports, config.emergency_sessions, random),
          barred{config.forbidden_networks, config.bars_own_ports ? ports.own_addresses() : decltype(barred.own){}},
          rates(rates_of(config.max_packets_per_second)),
          reports(random, *engine, notes, captures, statistics) {}

    // Checks what the command says of legs; `session` already has its sides, and the streams that exist.
    std::optional<Refusal> prepare(LegChanges& changes, const std::vector<LegChange>& legs, Session& session,
                                   std::uint32_t streams) {
        for (const LegChange& change : legs) {
            if (change.stream >= streams)
                return Refusal{Code::invalid,
                               "legs: stream " + std::to_string(change.stream) + " of " + std::to_string(streams)};
            const Leg* current =
                change.stream < session.streams.size() ? &session.leg(change.stream, change.side) : nullptr;
            const SessionSide& side = session.side(change.side);
            if (auto refusal = changes.prepare(change, current, side.address, side.port)) return refusal;
        }
        return std::nullopt;
    }
    // Ports for the new streams, then everything that was prepared. False: no ports, and nothing was changed.
    bool carry_out(LegChanges& changes, const std::vector<LegChange>& legs, Session& session, std::uint32_t streams,
                   std::span<const LocalEndpoint> wishes, TimePoint now) {
        const auto present = static_cast<std::uint32_t>(session.streams.size());
        if (streams > present && !ports.add_streams(session, streams - present, wishes, now)) return false;
        for (const LegChange& change : legs)
            if (change.disabled || change.udptl.value_or(false))
                reports.say_goodbye(session.leg(change.stream, change.side), now);
        changes.apply([&](std::uint32_t stream, Side side) -> Leg& { return session.leg(stream, side); }, now);
        session.settle(now);
        reports.settle(session, now);
        return true;
    }
    Reply no_ports(const Session& session) const {
        const auto pairs = [&](Side side) { return ports.left(session.side(side).port, session.emergency); };
        const MediaPortIndex scarce = session.side(pairs(Side::a) <= pairs(Side::b) ? Side::a : Side::b).port;
        std::string text = "media port \"" + config.ports[scarce].name + "\" has " +
                           std::to_string(ports.left(scarce, session.emergency)) + " pairs of UDP ports left";
        if (!session.emergency && ports.reserved(scarce) != 0)
            text += " beside the " + std::to_string(ports.reserved(scarce)) + " that are kept for emergencies";
        if (ports.left(scarce, session.emergency) > 0) text += ", which a call has only just left";
        return refused(Code::no_ports, std::move(text));
    }
    // All but emergencies share `max_sessions`. Whichever came first, an emergency finds those that are kept for them.
    std::optional<Refusal> check_room(bool emergency) const {
        const std::size_t most = config.max_sessions + config.emergency_sessions;
        const std::size_t ordinary = sessions.size() - emergencies;
        if (sessions.size() >= most) return Refusal{Code::overloaded, std::to_string(most) + " sessions, the limit"};
        if (emergency || ordinary < config.max_sessions) return std::nullopt;
        return Refusal{Code::overloaded, std::to_string(config.max_sessions) + " sessions, the limit"};
    }
    void count_sessions() {
        statistics.sessions.set(sessions.size());
        statistics.emergency_sessions.set(emergencies);
    }
    void report(Leg& leg, TimePoint now, std::vector<Event>& events);
    void look(Session& session, TimePoint now, std::vector<Event>& events);
    void look_at_sending(Leg& leg, TimePoint now, std::vector<Event>& events);
    std::size_t due_looks(TimePoint now);
    void report_key_use(Leg& leg, TimePoint now, std::vector<Event>& events);
    void report_telephone_event(Leg& leg, TimePoint now, std::vector<Event>& events);

    PipelineConfig config;
    MediaPorts ports;
    Barred barred;
    stages::Rates rates;
    std::unique_ptr<srtp::Engine> engine = srtp::make_engine(config.srtp_engine);
    SessionTable sessions;
    std::size_t emergencies = 0;  // of them
    Notes notes;
    std::vector<Event> released;
    Captures captures;
    TimePoint looked_until{};
    PipelineStatistics statistics;
    Reports reports;
};

Pipeline::Pipeline(PipelineConfig config, RandomSource& random)
    : state_(std::make_unique<State>(std::move(config), random)), tables_(state_->ports.tables()) {}
Pipeline::~Pipeline() = default;

void Pipeline::process(std::span<Packet> burst, TimePoint now) {
    SALLYPORT_CHECK(burst.size() <= stages::max_burst);
    State& s = *state_;
    const bool captured = s.captures.any();
    stages::find(burst, s.ports.tables());
    if (stages::relay_at_once(burst, now, s.rates, s.ports.own_addresses(), s.statistics) == 0) return;
    stages::classify(burst);
    if (captured) [[unlikely]]
        s.captures.arrived(burst, now);
    stages::police(burst, now, s.rates);
    stages::unprotect(burst, *s.engine, s.notes, s.statistics);
    stages::police_authentic(burst, now, s.rates);
    if (captured) [[unlikely]]
        s.captures.opened(burst, now);
    stages::latch(burst, now, s.notes, s.statistics);
    stages::account_received(burst, now, s.notes);
    stages::rewrite(burst, now, s.notes, s.statistics);
    if (captured) [[unlikely]]
        s.captures.leaving(burst, now);
    stages::protect(burst, *s.engine, s.notes);
    stages::account(burst, s.statistics);
    stages::end_waiting(burst);
    if (captured) [[unlikely]]
        s.captures.left(burst, now);
}

void Pipeline::not_sent(MediaPortIndex port, std::uint16_t source_port, std::uint16_t length, Drop why) {
    Leg* leg = state_->ports.tables()[port].find(source_port);
    if (!leg) return;
    leg->count_drop(why);
    if (state_->captures.any()) [[unlikely]]
        state_->captures.lost(*leg, source_port, length, why);
    if (source_port % 2 != 0) {
        leg->rtcp_sent.take_back();
        return;
    }
    // The port may have passed to another leg within the time that a packet waits for its next hop.
    const std::uint64_t bytes = length - std::min<std::uint64_t>(length, srtp::facts(leg->suite).rtp_tag_bytes);
    if (leg->packets_sent() == 0 || leg->bytes_sent() < bytes) return;
    leg->sending.fail(why);
    Amount& kept_back = leg->opposite->kept_back;
    ++kept_back.packets;
    kept_back.bytes += bytes;
    if (leg->udptl) leg->take_back(bytes);
}

Reply Pipeline::allocate(const Allocate& command, TimePoint now) {
    State& s = *state_;
    if (Session* existing = s.sessions.find(command.key)) {  // as it is, but what signaling has learnt since
        if (command.answered && existing->answered == TimePoint{}) existing->answered = now;
        return allocated(*existing);
    }
    if (auto refusal = check(command)) return refused(std::move(*refusal));
    const auto side_a = s.ports.find(command.port_a, command.family_a);
    if (!side_a) return refused(Code::unknown_port, unknown_port("port_a", command.port_a, command.family_a));
    const auto side_b = s.ports.find(command.port_b, command.family_b);
    if (!side_b) return refused(Code::unknown_port, unknown_port("port_b", command.port_b, command.family_b));
    if (auto refusal = s.check_room(command.emergency)) return refused(std::move(*refusal));

    auto session = std::make_unique<Session>();
    session->key = command.key;
    session->names = {command.call, command.trunk};
    session->created = now;
    session->inactivity_seconds = command.inactivity_seconds;
    session->emergency = command.emergency;
    if (command.answered) session->answered = now;
    session->sides = {*side_a, *side_b};
    LegChanges changes(*s.engine, s.barred);
    if (auto refusal = s.prepare(changes, command.legs, *session, command.streams)) return refused(std::move(*refusal));
    s.reports.name(*session);
    if (!s.carry_out(changes, command.legs, *session, command.streams, command.restore, now))
        return s.no_ports(*session);
    const Session& added = s.sessions.add(std::move(session));
    if (command.emergency) ++s.emergencies;
    s.count_sessions();
    return allocated(added);
}

Reply Pipeline::modify(const Modify& command, TimePoint now) {
    State& s = *state_;
    Session* session = s.sessions.find(command.key);
    if (!session) return refused(Code::no_session, "no such session");
    if (command.streams > max_streams)
        return refused(Code::invalid, "streams: " + std::to_string(command.streams) + ", possible are 1 to 16");
    const auto streams = std::max(command.streams, static_cast<std::uint32_t>(session->streams.size()));
    LegChanges changes(*s.engine, s.barred);
    if (auto refusal = s.prepare(changes, command.legs, *session, streams)) return refused(std::move(*refusal));
    if (!s.carry_out(changes, command.legs, *session, streams, {}, now)) return s.no_ports(*session);
    if (command.answered && session->answered == TimePoint{}) session->answered = now;
    return done(*session);
}

Reply Pipeline::release(const Release& command, TimePoint now) {
    State& s = *state_;
    Session* session = s.sessions.find(command.key);
    if (!session) return refused(Code::no_session, "no such session");
    Reply reply;
    std::vector<Event> too_late;
    s.look(*session, now, too_late);
    reply.statistics = session->statistics(now);
    s.statistics.observe(*reply.statistics);
    if (command.by_lease) {
        Event e;
        e.kind = EventKind::released;
        e.key = command.key;
        e.statistics = reply.statistics;
        s.released.push_back(std::move(e));
    }
    for (auto& stream : session->streams)
        for (Leg& leg : stream->legs) {
            if (command.call_ends) s.reports.say_goodbye(leg, now);
            s.reports.forget(leg);
            s.notes.remove(leg);
        }
    s.captures.end(*session);
    s.ports.close(*session, now);
    if (session->emergency) --s.emergencies;
    s.sessions.remove(*session);
    s.count_sessions();
    return reply;
}

void Pipeline::State::report(Leg& leg, TimePoint now, std::vector<Event>& events) {
    if (std::exchange(leg.notes.first_packet, false)) events.push_back(event(EventKind::first_packet, leg));
    if (std::exchange(leg.notes.latched, false)) {
        events.push_back(event(EventKind::latched, leg));
        events.back().latched = leg.latched();
    }
    report_key_use(leg, now, events);
    if (leg.has_key_terms && leg.key_terms()->take_news()) {
        events.push_back(event(EventKind::key_ends, leg));
        events.back().count = leg.key_terms()->left();
    }
    report_telephone_event(leg, now, events);
    const std::uint32_t failures = leg.dropped(Drop::auth_failed) - leg.reported.auth_failures;
    if (failures == 0) return;
    if (now < leg.reported.next_auth) {
        notes.add(leg);  // behind those that came meanwhile
        return;
    }
    events.push_back(event(EventKind::srtp_auth_failures, leg));
    events.back().count = failures;
    leg.reported.auth_failures += failures;
    leg.reported.next_auth = now + auth_report_interval;
}

// An SSRC that nobody was told of could not be gone on with, so reports do not wait, as long as they are few. Whoever
// sends plain RTP could make every packet news.
void Pipeline::State::report_key_use(Leg& leg, TimePoint now, std::vector<Event>& events) {
    if (!leg.has_key_news()) return;
    if (leg.reported.next_key_use > now + key_use_report_burst - key_use_report_interval) {
        notes.add(leg);
        return;
    }
    events.push_back(event(EventKind::key_use, leg));
    events.back().used = leg.key_use();
    for (auto* context : {leg.receive_context.get(), leg.send_context.get()})
        if (context) context->forget_news();
    leg.reported.next_key_use = std::max(leg.reported.next_key_use, now) + key_use_report_interval;
}

void Pipeline::State::report_telephone_event(Leg& leg, TimePoint now, std::vector<Event>& events) {
    if (!leg.telephone || !leg.telephone->has_news()) return;
    if (const auto report = leg.telephone->report(now)) {
        events.push_back(event(EventKind::telephone_event, leg));
        events.back().count = report->count;
        events.back().telephone = report->last;
    }
    if (leg.telephone->has_news()) notes.add(leg);  // until it is over, or is not too soon
}

bool Pipeline::tell_again(Event event) {
    State& s = *state_;
    if (event.kind == EventKind::released) {
        s.released.push_back(std::move(event));
        return true;
    }
    Session* session = s.sessions.find(event.key);
    if (!session || event.stream >= session->streams.size()) return false;
    Leg& leg = session->leg(event.stream, event.side);
    if (event.kind == EventKind::latched) {
        leg.notes.latched = true;
    } else if (event.kind == EventKind::key_use) {
        for (auto* context : {leg.receive_context.get(), leg.send_context.get()})
            if (context) context->remember_news();
    } else {
        return false;
    }
    s.notes.add(leg);
    return true;
}

void Pipeline::tick(TimePoint now, std::vector<Event>& events) {
    State& s = *state_;
    std::move(s.released.begin(), s.released.end(), std::back_inserter(events));
    s.released.clear();
    for (std::size_t i = std::min(s.notes.size(), limits::notes_per_tick); i > 0; --i) {
        Leg& leg = *s.notes.first();
        s.notes.remove(leg);
        s.report(leg, now, events);
    }
    if (s.captures.any()) s.captures.tick(now);
    s.sessions.for_next(s.due_looks(now), [&](Session& session) {
        for (auto& stream : session.streams)
            for (Leg& leg : stream->legs)
                if (leg.in_changeover && now >= leg.extras->retired.until) leg.forget_retired_key();
        s.reports.look(session, now);
        s.look(session, now, events);
        for (const Side side : {Side::a, Side::b})
            if (session.has_fallen_silent(side, now))
                events.push_back(event(EventKind::inactivity, session.leg(session.first_expected(side), side)));
    });
}

// As large a part of all sessions as the time since the last tick is of a round.
std::size_t Pipeline::State::due_looks(TimePoint now) {
    const Duration since = std::clamp<Duration>(now - looked_until, {}, round);
    looked_until = now;
    return static_cast<std::size_t>(static_cast<std::uint64_t>(sessions.size()) *
                                    static_cast<std::uint64_t>(since.count()) /
                                    static_cast<std::uint64_t>(round.count())) +
           1;
}

void Pipeline::State::look_at_sending(Leg& leg, TimePoint now, std::vector<Event>& events) {
    const auto change = leg.sending.look(leg.packets_sent(), now);
    if (!change) return;
    events.push_back(event(change->stopped ? EventKind::not_sent : EventKind::sent_again, leg));
    Event& told = events.back();
    told.drop = change->stopped ? change->why : Drop::none;
    told.count =
        change->stopped
            ? change->packets
            : static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(change->lasted).count());
    if (change->stopped) statistics.not_sent.add();
}

void Pipeline::State::look(Session& session, TimePoint now, std::vector<Event>& events) {
    for (auto& stream : session.streams) {
        std::array<bool, 2> flows{};
        for (std::size_t i = 0; i < flows.size(); ++i) flows[i] = stream->legs[i].is_flowing(now);
        for (std::size_t i = 0; i < flows.size(); ++i) {
            Leg& leg = stream->legs[i];
            look_at_sending(leg, now, events);
            leg.look_for_quiet(now);
            const bool due = session.answered != TimePoint{} && leg.expected_since != TimePoint{};
            const TimePoint since = due ? std::max(session.answered, leg.expected_since) : TimePoint{};
            const auto silence = leg.quality.look(leg, since, flows[1 - i], now);
            if (!silence) continue;
            events.push_back(event(silence->begins ? EventKind::silence : EventKind::heard_again, leg));
            events.back().count = static_cast<std::uint64_t>(
                std::chrono::duration_cast<std::chrono::milliseconds>(silence->lasted).count());
            events.back().one_way = silence->one_way;
            if (silence->begins) (silence->one_way ? statistics.one_way : statistics.silences).add();
        }
    }
}

static_assert(Reports::packet_bytes <= Pipeline::own_rtcp_bytes);
bool Pipeline::has_reports() const { return state_->reports.any(); }
std::size_t Pipeline::write_reports(std::span<Packet> room, TimePoint now) { return state_->reports.write(room, now); }

Reply Pipeline::start_capture(const StartCapture& command, TimePoint now) {
    State& s = *state_;
    Session* session = s.sessions.find(command.key);
    if (!session) return refused(Code::no_session, "no such session");
    const CaptureTerms terms{command.decrypted, command.packets, now + command.time};
    if (!s.captures.start(*session, terms, command.ring, now))
        return refused(Code::overloaded, std::to_string(Captures::most) + " captures are under way, the limit");
    return {};
}

Reply Pipeline::stop_capture(const StopCapture& command) {
    state_->captures.stop(*command.ring);
    return {};
}

std::vector<SessionStatistics> Pipeline::list(const SessionKey& after, std::size_t limit, TimePoint now) const {
    std::vector<SessionStatistics> all;
    state_->sessions.for_each_after(after, [&](const Session& session) {
        if (all.size() >= limit) return false;
        all.push_back(session.statistics(now));
        return true;
    });
    return all;
}

std::size_t Pipeline::sessions() const { return state_->sessions.size(); }
std::size_t Pipeline::free_udp_ports(MediaPortIndex port) const { return state_->ports.pool(port).free(); }
std::size_t Pipeline::reserved_udp_ports(MediaPortIndex port) const { return state_->ports.reserved(port); }
std::size_t Pipeline::resting_udp_ports(MediaPortIndex port, TimePoint now) { return state_->ports.resting(port, now); }
std::size_t Pipeline::total_udp_ports(MediaPortIndex port) const { return state_->ports.pool(port).total(); }
const PipelineStatistics& Pipeline::statistics() const { return state_->statistics; }

}  // namespace sallyport::media

// What can cross in a call that is up: re-INVITE with and without an offer, UPDATE, CANCEL, BYE of either party, and
// the node's own renewal of a session, in every order in which messages can be delivered (RFC 3261 14, 15, RFC 3311 5,
// RFC 5407); the same while a call rings that has been answered in an acknowledged 18x (RFC 3262, RFC 3311 5.2),
// between its 2xx and the ACK; and with the loss of each message, or one that overtakes another. Each order is played
// from the beginning, under virtual time. $SALLYPORT_GLARE_ACTIONS: of both parties together, 2 unless it says more.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <vector>

#include "tests/simulate/user_agent.h"
#include "tests/support/stack_bench.h"

using namespace sallyport;
using namespace sallyport::test;

namespace {

enum class Act : std::uint8_t { reinvite, offerless, update, cancel, bye };
using Program = std::vector<Act>;
constexpr std::string_view name_of(Act act) {
    constexpr std::array<std::string_view, 5> names{"re-INVITE", "INVITE without offer", "UPDATE", "CANCEL", "BYE"};
    return names[static_cast<std::size_t>(act)];
}
std::string text_of(const Program& program) {
    std::string text;
    for (const Act act : program) text += (text.empty() ? "" : ", ") + std::string(name_of(act));
    return text.empty() ? "nothing" : text;
}

// What may happen next. Those of the two parties do not touch each other.
enum class Step : std::uint8_t {
    act_a,
    hear_a,
    answer_a,
    act_b,
    hear_b,
    answer_b,
    from_a,
    from_b,
    timer,
    lose_to_a,
    lose_to_b,
    lose_from_a,
    lose_from_b,
    overtake_a,
    overtake_b
};
constexpr std::size_t step_count = 15;
bool is_of(Step step, char party) {
    const bool a = step <= Step::answer_a, b = step >= Step::act_b && step <= Step::answer_b;
    return party == 'a' ? a : b;
}
// Of two steps that commute only one order is tried.
bool is_repeated(Step before, Step next) { return is_of(before, 'b') && is_of(next, 'a'); }

// Where the call is when the race begins.
enum class Start : std::uint8_t { up, unacknowledged, ringing, settled };
constexpr std::string_view name_of(Start start) {
    constexpr std::array<std::string_view, 4> names{"up", "not acknowledged", "ringing", "answered by a 183"};
    return names[static_cast<std::size_t>(start)];
}

struct Race {
    Program a, b;
    bool timer = false;  // the node renews the session of leg B meanwhile
    Start start = Start::up;
    bool loses = false, reorders = false;  // one message
};

config::Snapshot calm_world() {
    auto config = world_config();
    config.carriers.at("one").options_interval_seconds = 86'400;
    for (auto& [id, trunk] : config.trunks) trunk.session_timers.seconds = 0;
    config.carriers.at("one").session_timers.seconds = 0;
    return config;
}

class Play {
public:
    explicit Play(const Race& race)
        : race_(race),
          bench_([this](const auto& t) { (t.flow.realm == core_realm ? to_b_ : to_a_).push_back(*t.bytes); },
                 world(race)) {
        bench_.media.keep_commands = 0;
        a_.peer.id.updates = b_.peer.id.updates = true;
        a_.call("<sip:+4989555001@globex.example;user=phone>", "<sip:+4940987654@globex.example>",
                "sip:+4940987654@globex.example");
        settle(0s);
        if (race.start == Start::ringing) return;
        if (race.start == Start::settled) {
            b_.ring();
            settle(0s);
            return;
        }
        b_.answer();
        if (race.start == Start::unacknowledged) {
            deliver(b_, flow_b_);
            return;
        }
        settle(0s);
        REQUIRE(a_.up);
        REQUIRE(b_.up);
        if (race.timer) bench_.run_for(44'999ms);
        settle(0s);
    }

    bool may(Step step) const {
        switch (step) {
            case Step::act_a: return next_a_ < race_.a.size() && can(a_, race_.a[next_a_]);
            case Step::act_b: return next_b_ < race_.b.size() && can(b_, race_.b[next_b_]);
            case Step::hear_a: return !to_a_.empty();
            case Step::hear_b: return !to_b_.empty();
            case Step::answer_a: return a_.rings();
            case Step::answer_b: return b_.rings();
            case Step::from_a: return !a_.said.empty();
            case Step::from_b: return !b_.said.empty();
            case Step::timer: return race_.timer && !timer_done_;
            case Step::lose_to_a: return loses_ && !to_a_.empty();
            case Step::lose_to_b: return loses_ && !to_b_.empty();
            case Step::lose_from_a: return loses_ && !a_.said.empty();
            case Step::lose_from_b: return loses_ && !b_.said.empty();
            case Step::overtake_a: return reorders_ && a_.said.size() > 1;
            case Step::overtake_b: return reorders_ && b_.said.size() > 1;
        }
        return false;
    }
    void take(Step step) {
        switch (step) {
            case Step::act_a: return act(a_, race_.a[next_a_++]);
            case Step::act_b: return act(b_, race_.b[next_b_++]);
            case Step::hear_a: return hear(a_, to_a_);
            case Step::hear_b: return hear(b_, to_b_);
            case Step::answer_a: return void(a_.answer());
            case Step::answer_b: return void(b_.answer());
            case Step::from_a: return deliver(a_, flow_a_);
            case Step::from_b: return deliver(b_, flow_b_);
            case Step::timer: timer_done_ = true; return bench_.run_for(2ms);
            case Step::lose_to_a: return lose(to_a_);
            case Step::lose_to_b: return lose(to_b_);
            case Step::lose_from_a: return lose(a_.said);
            case Step::lose_from_b: return lose(b_.said);
            case Step::overtake_a: return overtake(a_.said);
            case Step::overtake_b: return overtake(b_.said);
        }
    }

    // Everything comes to rest; then the call ends, if it has not. What is wrong, or nothing.
    std::string judge() {
        settle(50s);
        if (!b_.up && !b_.over) b_.answer();
        settle(50s);
        std::string wrong = a_.complaint + b_.complaint;
        if (a_.over != b_.over) wrong += "one party thinks that the call is over; ";
        if (a_.busy() || b_.busy()) wrong += "a request was never answered; ";
        if (!a_.over) {
            if (a_.mine != b_.theirs || a_.theirs != b_.mine)
                wrong += "a: " + a_.mine + "/" + a_.theirs + ", b: " + b_.mine + "/" + b_.theirs + "; ";
            for (const auto& [key, session] : bench_.media.sessions)
                for (const auto& [place, leg] : session.legs) {
                    const auto& said = place.second == b2bua::Side::a ? a_.mine : b_.mine;
                    if (leg.direction && to_string(*leg.direction) != said)
                        wrong +=
                            "the media plane has " + std::string(to_string(*leg.direction)) + " for " + said + "; ";
                }
            a_.hang_up();
            settle(50s);
            if (!b_.over) wrong += "BYE did not arrive; ";
        }
        settle(5min);
        const auto left = bench_.left();
        if (left.calls + left.transactions + left.timers + left.media_sessions != 0) wrong += "something is left; ";
        if (bench_.records.size() != 1) wrong += std::to_string(bench_.records.size()) + " records; ";
        return wrong;
    }

private:
    static config::Snapshot world(const Race& race) {
        auto config = calm_world();
        if (race.timer) config.carriers.at("one").session_timers.seconds = 90;
        return config;
    }
    bool can(const UserAgent& party, Act act) const {
        if (party.over) return false;
        if (!party.up) {  // before it is answered: UPDATE, the caller's CANCEL, and the callee's refusal for BYE
            if (act == Act::update) return party.may_update_early();
            return &party == &a_ ? act == Act::cancel && party.invites() : act == Act::bye && party.rings();
        }
        if (act == Act::cancel) return party.invites();
        return act == Act::bye ? party.may_hang_up() : !party.busy();
    }
    void act(UserAgent& party, Act act) {
        const std::string direction = &party == &a_ ? "sendonly" : "inactive";
        switch (act) {
            case Act::reinvite: return void(party.offer("INVITE", direction));
            case Act::offerless: return void(party.ask_for_offer());
            case Act::update: return void(party.offer("UPDATE", direction));
            case Act::cancel: return void(party.cancel());
            case Act::bye: return void(party.up ? party.hang_up() : party.refuse());
        }
    }
    static void hear(UserAgent& party, std::deque<std::string>& queue) {
        const std::string bytes = std::move(queue.front());
        queue.pop_front();
        party.hear(bytes);
    }
    void lose(std::deque<std::string>& queue) {
        queue.pop_front();
        loses_ = false;
    }
    void overtake(std::deque<std::string>& queue) {
        std::swap(queue[0], queue[1]);
        reorders_ = false;
    }
    void deliver(UserAgent& party, const Flow& flow) {
        const std::string bytes = std::move(party.said.front());
        party.said.pop_front();
        bench_.receive(flow, bytes);
        bench_.run_for(0ms);  // the media plane answers at once
    }
    bool calm() {
        bool any = false;
        for (bool moved = true; moved; any |= moved) {
            moved = false;
            for (const Step step : {Step::from_a, Step::from_b, Step::hear_a, Step::hear_b})
                while (may(step)) {
                    take(step);
                    moved = true;
                }
            if (a_.up && a_.rings()) moved |= a_.answer();
            if (b_.up && b_.rings()) moved |= b_.answer();
        }
        return any;
    }
    void settle(Duration duration) {
        const TimePoint end = bench_.now + duration;
        calm();
        TimePoint repeats = race_.loses ? bench_.now + 3s : TimePoint::max();
        while (true) {
            const TimePoint next = std::min(bench_.stack.next_deadline().value_or(TimePoint::max()), repeats);
            if (next > end) break;
            bench_.run_until(std::max(bench_.now, next));
            if (next == repeats) {
                repeats += 3s;
                a_.repeat();
                b_.repeat();
            }
            calm();
        }
        bench_.run_until(end);
    }

    const Race& race_;
    std::deque<std::string> to_a_, to_b_;
    StackBench bench_;
    Flow flow_a_ = peer_flow(access_realm, Transport::udp, "198.51.100.20", 5060);
    Flow flow_b_ = peer_flow(core_realm, Transport::udp, "203.0.113.5", 5060);
    UserAgent a_{{"globex", "198.51.100.20", 5060, "198.51.100.21", "globex-product", false, flow_a_, true}};
    UserAgent b_{{"core", "203.0.113.5", 5060, "203.0.113.105", "core-product", false, flow_b_, true}};
    std::size_t next_a_ = 0, next_b_ = 0;
    bool timer_done_ = false;
    bool loses_ = race_.loses, reorders_ = race_.reorders;
};

// Every order, depth first: the next one differs in the last choice that had another way.
struct Orders {
    std::size_t played = 0;

    void explore(const Race& race) {
        struct Choice {
            std::vector<Step> ways;
            std::size_t taken = 0;
        };
        std::vector<Choice> path;
        do {
            Play play(race);
            std::size_t depth = 0;
            std::optional<Step> last;
            while (true) {
                if (depth == path.size()) {
                    Choice choice;
                    for (std::size_t i = 0; i < step_count; ++i) {
                        const Step step = static_cast<Step>(i);
                        if (play.may(step) && !(last && is_repeated(*last, step))) choice.ways.push_back(step);
                    }
                    if (choice.ways.empty()) break;
                    path.push_back(std::move(choice));
                }
                last = path[depth].ways[path[depth].taken];
                play.take(*last);
                ++depth;
            }
            const std::string wrong = play.judge();
            if (!wrong.empty()) {
                std::string order;
                for (const auto& choice : path) order += std::to_string(static_cast<int>(choice.ways[choice.taken]));
                INFO("a: " << text_of(race.a) << "; b: " << text_of(race.b) << (race.timer ? "; timer" : "") << "; "
                           << name_of(race.start) << "; order " << order);
                FAIL(wrong);
            }
            ++played;
            while (!path.empty() && ++path.back().taken == path.back().ways.size()) path.pop_back();
        } while (!path.empty());
    }
};

void programs(std::size_t most, Program begun, std::vector<Program>& out) {
    out.push_back(begun);
    if (begun.size() == most || (!begun.empty() && begun.back() == Act::bye)) return;
    for (const Act act : {Act::reinvite, Act::offerless, Act::update, Act::cancel, Act::bye}) {
        const bool has_invite = begun.empty() || begun.back() == Act::reinvite || begun.back() == Act::offerless;
        if (act == Act::cancel && !has_invite) continue;  // the first INVITE, while it rings
        auto next = begun;
        next.push_back(act);
        programs(most, std::move(next), out);
    }
}

}  // namespace

namespace {

std::size_t actions() {
    const char* wish = std::getenv("SALLYPORT_GLARE_ACTIONS");
    return wish != nullptr ? std::strtoul(wish, nullptr, 10) : 2;
}

// Where there are more ways for each action.
std::size_t fewer_actions() { return std::max<std::size_t>(actions(), 2) - 1; }

// Every race of `most` actions of both parties together that begins there.
void play(Race pattern, std::size_t most, bool with_timer, std::size_t at_least) {
    std::vector<Program> all;
    programs(most, {}, all);
    Orders orders;
    std::size_t races = 0;
    for (const auto& a : all)
        for (const auto& b : all)
            for (const bool timer : {false, true}) {
                if (a.size() + b.size() + (timer ? 1 : 0) > most || (timer && !with_timer)) continue;
                if (a.size() + b.size() == 0 && pattern.start == Start::up) continue;
                pattern.a = a;
                pattern.b = b;
                pattern.timer = timer;
                orders.explore(pattern);
                ++races;
            }
    WARN(races << " races, " << orders.played << " orders, " << name_of(pattern.start));
    CHECK(orders.played > at_least);
}

}  // namespace

TEST_CASE("whatever crosses in whatever order, both parties agree on media and nothing is left") {
    play({}, actions(), true, 100);
}

TEST_CASE("whatever crosses in whatever order before the call is answered, it is answered or over at both ends") {
    for (const Start start : {Start::ringing, Start::settled}) play({.start = start}, fewer_actions(), false, 3);
}

TEST_CASE("whatever is said before the ACK of the first answer has come, in whatever order, both parties agree") {
    play({.start = Start::unacknowledged, .reorders = true}, fewer_actions(), false, 10);
}

TEST_CASE("whichever message is lost, in whatever order, both parties agree on media and nothing is left") {
    play({.loses = true}, fewer_actions(), true, 100);
    for (const Start start : {Start::ringing, Start::settled, Start::unacknowledged})
        play({.start = start, .loses = true}, fewer_actions(), false, 10);
}

TEST_CASE("whichever message overtakes another, both parties agree on media and nothing is left") {
    play({.reorders = true}, actions(), true, 100);
}

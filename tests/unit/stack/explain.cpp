// What would become of an INVITE, said beforehand, is what becomes of it.
#include "signaling/stack/explain.h"

#include <set>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::SnapshotPtr snapshot_of(config::Snapshot snapshot) {
    snapshot.build_indexes();
    return std::make_shared<const config::Snapshot>(std::move(snapshot));
}

config::Snapshot world() {
    config::Snapshot w;
    w.trunks.emplace("acme", Bench::default_trunk());
    w.carriers.emplace("core", Bench::default_carrier());
    w.routes.emplace("all", config::Route{.id = "all", .carriers = {"core"}});
    return w;
}

Question question(const Bench& b, config::SnapshotPtr config, std::string message) {
    Question q{.message = std::move(message), .id = "acme", .config = std::move(config)};
    q.node = Bench::stack_config();
    q.now = q.at = b.now;
    return q;
}

const HeaderChange* change_of(const Explanation& explained, std::string_view name) {
    for (const auto& change : explained.headers)
        if (change.name == name) return &change;
    return nullptr;
}

// What two INVITEs have in common when nothing but chance lies between them: no tags, branches and random names.
std::vector<std::string> essence(const sip::Message& invite) {
    using enum sip::HeaderName;
    const std::set<sip::HeaderName> random{via, call_id, session_id, content_length};
    std::vector<std::string> out{std::string(invite.request_uri())};
    for (std::size_t i = 0; i < invite.field_count(); ++i) {
        const auto field = invite.field(i);
        if (random.contains(field.name)) continue;
        auto value = std::string(field.value);
        value = value.substr(0, value.find(";tag="));
        out.push_back(std::string(field.name_text) + ": " + value);
    }
    return out;
}

// Any configuration, any message: what is drawn is small, so that rules meet.
class Chance {
public:
    explicit Chance(std::uint64_t seed) : random_(seed) {}
    bool one_in(std::uint32_t n) { return random_.below(n) == 0; }
    template <class T>
    T any(std::initializer_list<T> choices) {
        return choices.begin()[random_.below(static_cast<std::uint32_t>(choices.size()))];
    }

    config::Snapshot config() {
        auto w = world();
        auto& trunk = w.trunks.at("acme");
        auto& carrier = w.carriers.at("core");
        trunk.disabled = one_in(20);
        trunk.customer = one_in(2) ? "c" : "";
        trunk.limits = {.concurrent_calls = any({0u, 1u, 3u}), .calls_per_second = any({0.0, 1.0, 3.0})};
        trunk.limits.bandwidth_kbps = any({0u, 90u, 200u});
        trunk.limits.burst = trunk.limits.calls_per_second > 0 ? any({0u, 2u}) : 0;
        trunk.limits.barred_prefixes = {any({"+4420", "+7"})};
        if (one_in(2)) trunk.number_limits = {{{"+4930100", "+4930109"}, any({0u, 1u}), any({1u, 2u})}};
        if (one_in(3)) trunk.destinations.allowed_prefixes = {"+44", "+1"};
        if (one_in(2)) {
            trunk.destinations.time_zone = "X";
            trunk.destinations.zone = std::make_shared<config::TimeZone>(config::TimeZone{"X", 3'600, {}});
            trunk.destinations.hours = {{{any({"+1", "+44"})}, {{0x7f, 0, any<std::uint16_t>({1, 1'439})}}}};
        }
        trunk.numbering.dial_plan = {"49", "30", "0", "00"};
        if (one_in(2)) trunk.numbering.dial_plan.emergency_numbers = {"112"};
        trunk.identity.screening = any({config::Screening::substitute, config::Screening::reject});
        trunk.identity.trusted = one_in(3);
        trunk.media.codecs = any<std::vector<std::string>>({{}, {"PCMA"}, {"G729"}});
        carrier.identity.untrusted = one_in(3);
        carrier.disabled = one_in(20);
        carrier.headers = headers();
        trunk.headers = headers();
        config::CustomerLimits limits{any({0u, 2u}), any({0.0, 2.0}), 0, any({0u, 170u})};
        w.customers.emplace("c", config::Customer{"c", "", limits, one_in(10)});
        if (one_in(4)) w.routes.at("all").prefix = "+44";
        return w;
    }
    std::string from_pbx(const Bench& b, const std::string& id) {
        const std::string uri =
            any({"sip:+442055501@sip.example.net", "sip:0044205550@x", "tel:+1-212-5550100", "sip:+19005550100@x",
                 "sip:112@x", "urn:service:sos", "sip:+4930150@x", "sip:bob@x", "sip:23@x", "sip:+43155501@x"});
        return b.invite(uri, description(), id, 1, extra());
    }
    std::string from_core(const Bench& b, const std::string& id) {
        const std::string uri = any({"sip:+4930101@10.0.0.1", "sip:+4930150@10.0.0.1", "sip:+4940999@10.0.0.1",
                                     "sip:101@10.0.0.1", "tel:+4930102"});
        return b.core_invite(uri, one_in(4) ? "" : plain_sdp("192.0.2.21", 6000), id, extra());
    }

private:
    config::HeaderRules headers() {
        using enum config::HeaderAction;
        config::HeaderRules rules;
        const auto any_rule = [this] {
            return any<config::HeaderRule>({{add, "X-Added", "", "1"},
                                            {remove, "X-Internal", "", ""},
                                            {remove, "Subject", "ticket *", ""},
                                            {rewrite, "Subject", "* *", "$2 of $1"}});
        };
        while (one_in(2)) rules.in.push_back(any_rule());
        while (one_in(2)) rules.out.push_back(any_rule());
        return rules;
    }
    std::string description() {
        const auto whole = secure_sdp("198.51.100.10", 5004, "A");
        return any<std::string>({whole, whole, whole, plain_sdp("198.51.100.10", 5004), "", "nonsense"});
    }
    std::string extra() {
        std::string out;
        for (const auto* field :
             {"Subject: ticket 17", "Subject: hello", "X-Internal: 1", "Privacy: id", "Privacy: critical;unknown",
              "P-Asserted-Identity: <sip:+4930105@sip.example.net>",
              "P-Asserted-Identity: <sip:+4989999@elsewhere.example>", "P-Preferred-Identity: <tel:+4930111>",
              "Session-Expires: 10", "Require: 100rel", "Max-Breadth: 5"})
            if (one_in(6)) out += std::string(field) + "\r\n";
        return out;
    }
    SeededRandom random_;
};

}  // namespace

TEST_CASE("Every rule that speaks is told, with the INVITE that would be sent and what it changes") {
    Bench b;
    b.bind();
    auto w = world();
    auto& trunk = w.trunks.at("acme");
    trunk.customer = "c";
    w.customers.emplace("c", config::Customer{"c", "", {10, 0, 0, 1'000}});
    trunk.number_limits = {{{"+4930101", "+4930101"}, 2, 0}};
    trunk.headers.in = {{config::HeaderAction::remove, "X-Internal", "", ""}};
    w.carriers.at("core").headers.out = {{config::HeaderAction::add, "X-Group", "", "7"}};
    const auto config = snapshot_of(w);
    const auto explained =
        explain(question(b, config,
                         b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "e@pbx", 1,
                                  "X-Internal: secret\r\nSubject: hello\r\n")),
                b.shared);
    REQUIRE(explained.has_value());
    REQUIRE(explained->verdict);
    std::vector<std::string_view> rules;
    for (const auto& line : explained->verdict->trace) rules.push_back(line.rule);
    CHECK(rules == std::vector<std::string_view>{"party", "emergency", "standing", "called number", "loop", "caller",
                                                 "permission", "on net", "destination", "customer", "availability",
                                                 "limits"});
    CHECK(explained->verdict->trace.back().text == "within the limits: customer c, numbers +4930101, 84 kbit/s");
    CHECK(explained->status == 0);
    CHECK(explained->request_uri == "sip:+442055501@192.0.2.20;user=phone");
    CHECK(explained->target == "UDP 192.0.2.20:5060");
    REQUIRE(change_of(*explained, "X-Internal"));
    CHECK(change_of(*explained, "X-Internal")->after.empty());
    REQUIRE(change_of(*explained, "X-Group"));
    CHECK(change_of(*explained, "X-Group")->after == std::vector<std::string>{"7"});
    CHECK(change_of(*explained, "Subject") == nullptr);  // crosses as it is
    REQUIRE(explained->limits.size() == 3);
    CHECK(explained->limits[0].limit.concurrent_calls == 10);
    CHECK(explained->limits[0].use.calls == 0);
    CHECK(b.shared.gauges.uses("").empty());
    CHECK(b.silent());
}

TEST_CASE("A message as an editor leaves it is understood; what is none, or nobody's, is told") {
    Bench b;
    b.bind();
    const auto config = snapshot_of(world());
    auto text = b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"));
    for (auto at = text.find('\r'); at != text.npos; at = text.find('\r')) text.erase(at, 1);
    auto q = question(b, config, text);
    auto explained = explain(q, b.shared);
    REQUIRE(explained.has_value());
    CHECK_FALSE(explained->invite.empty());  // though Content-Length counts other line ends
    q.message = "OPTIONS sip:x SIP/2.0\r\n\r\n";
    CHECK(explain(q, b.shared).error().text.find("no INVITE") != std::string::npos);
    q.message = "INVITE \r\n\r\n";
    CHECK(explain(q, b.shared).has_error());
    q.message = text;
    q.id = "nobody";
    CHECK(explain(q, b.shared).error().text == "there is no trunk \"nobody\"");
    q.kind = policy::PartyKind::carrier;
    CHECK(explain(q, b.shared).error().text == "there is no carrier \"nobody\"");
    auto w = world();
    w.trunks.at("acme").realm = "moon";
    auto elsewhere = question(b, snapshot_of(w), text);
    CHECK(explain(elsewhere, b.shared).error().text.find("no realm \"moon\"") != std::string::npos);
}

TEST_CASE("A message that no rule is asked about is refused as calls are, with its response") {
    Bench b;
    b.bind();
    auto q = question(b, snapshot_of(world()),
                      b.invite("sip:+442055501@sip.example.net", "", "e@pbx", 1, "Require: teleport\r\n"));
    const auto explained = explain(q, b.shared);
    REQUIRE(explained.has_value());
    CHECK_FALSE(explained->verdict);
    CHECK(explained->status == 420);
    CHECK(explained->response.starts_with("SIP/2.0 420 "));
}

TEST_CASE("An overflow is explained with the trunk that takes the call and its limits, and every rule that spoke") {
    Bench b;
    auto w = world();
    auto other = Bench::default_trunk();
    other.id = "spare";
    other.mode = config::TrunkMode::static_;
    other.registration_aor.clear();
    other.credentials.clear();
    other.domain = "spare.example.net";
    other.numbers = {{"+4930200", "+4930299"}};
    other.transports = {config::Transport::udp};
    other.targets = {{"198.51.100.99", 5060, config::Transport::udp}};
    other.sources = {*config::AddressBlock::parse("198.51.100.99")};
    other.media.srtp = config::SrtpPolicy::off;
    other.limits.concurrent_calls = 5;
    w.trunks.emplace("spare", other);
    w.trunks.at("acme").overflow.numbers = {{{"+4930101", "+4930101"}, "+4930250"}};
    const auto config = snapshot_of(w);
    b.give(ConfigChanged{config});
    auto q = question(b, config, b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    q.kind = policy::PartyKind::carrier;
    q.id = "core";
    const auto explained = explain(q, b.shared);
    REQUIRE(explained.has_value());
    CHECK(explained->target == "UDP 198.51.100.99:5060");
    CHECK(explained->verdict->admitted.trunk == "spare");
    CHECK(explained->verdict->admitted.called == "+4930250");
    CHECK(explained->verdict->trace.front().rule == "party");
    CHECK(explained->verdict->trace.back().text == "within the limits: trunk spare");
    REQUIRE(explained->limits.size() == 1);
    CHECK(explained->limits.front().limit.gauge == policy::trunk_gauge("spare"));
}

TEST_CASE("A media plane that is away, a node that is full, and what a refused call would take are told as they are") {
    Bench b;
    b.bind();
    auto w = world();
    const auto why = [&](auto change) {
        auto q = question(b, snapshot_of(w), b.invite("sip:+442055501@x", secure_sdp("198.51.100.10", 5004, "A")));
        change(q);
        const auto explained = explain(q, b.shared);
        REQUIRE(explained.has_value());
        REQUIRE(explained->verdict->reject);
        return explained->verdict;
    };
    CHECK(why([](Question& q) { q.media_up = false; })->reject->why == policy::Refusal::media_away);
    CHECK(why([](Question& q) { q.node.max_calls = 0; })->reject->why == policy::Refusal::full);
    w.trunks.at("acme").limits.bandwidth_kbps = 50;
    const auto verdict = why([](Question&) {});
    CHECK(verdict->reject->why == policy::Refusal::too_much_bandwidth);
    CHECK(verdict->admitted.media_kbps == 84);
}

TEST_CASE("A question that nobody waits for any more is left") {
    Bench b;
    b.bind();
    auto q = question(b, snapshot_of(world()), b.invite("sip:+442055501@x", secure_sdp("198.51.100.10", 5004, "A")));
    int asked = 0;
    q.cancelled = [&] { return ++asked > 1; };
    const auto explained = explain(q, b.shared);
    REQUIRE(explained.has_error());
    CHECK(explained.error().text.empty());
}

TEST_CASE("Names are not looked up: what they stand for is said by their name") {
    Bench b;
    b.bind();
    auto w = world();
    w.carriers.at("core").targets = {{"sip.carrier.example", 0, config::Transport::unspecified, 0, 0}};
    const auto explained = explain(
        question(b, snapshot_of(w), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"))),
        b.shared);
    REQUIRE(explained.has_value());
    CHECK(explained->target == "UDP sip.carrier.example:5060");
    CHECK(explained->request_uri == "sip:+442055501@sip.carrier.example;user=phone");
}

TEST_CASE("Another time is asked about with what is registered and counted now") {
    Bench b;
    b.bind();
    auto w = world();
    auto& destinations = w.trunks.at("acme").destinations;
    destinations.time_zone = "UTC";
    destinations.zone = std::make_shared<config::TimeZone>(config::TimeZone{"UTC", 0, {}});
    destinations.hours = {{{"+44"}, {{0x01, 9 * 60, 10 * 60}}}};  // Monday
    w.trunks.at("acme").limits.calls_per_second = 0.01;
    const auto config = snapshot_of(w);
    b.give(ConfigChanged{config});
    b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    b.find("INVITE");  // has taken the turn of the next hundred seconds
    auto q = question(b, config, b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
    const auto why = [&](TimePoint at) {
        q.at = at;
        const auto explained = explain(q, b.shared);
        REQUIRE(explained.has_value());
        REQUIRE(explained->verdict->reject);
        return explained->verdict->reject->why;
    };
    CHECK(why(b.now) == policy::Refusal::outside_hours);          // Friday
    const TimePoint monday(std::chrono::seconds(1'799'659'800));  // 09:30, four days ago
    CHECK(why(monday + 90min) == policy::Refusal::outside_hours);
    CHECK(why(monday) == policy::Refusal::too_fast);  // in the window, and yet the turn is over
}

TEST_CASE(
    "Property: for any configuration and message the explanation is what the live path does, and changes nothing") {
    int went_on = 0, refused = 0;
    std::set<std::string> refusals;
    for (std::uint64_t seed = 1; seed <= 400; ++seed) {
        Chance chance(seed);
        Bench b(Bench::default_trunk(), seed);
        if (!chance.one_in(8)) b.bind();
        const auto config = snapshot_of(chance.config());
        b.give(ConfigChanged{config});
        const bool draining = chance.one_in(25);
        b.give(Drain{draining});
        for (int call = 0; call < 6; ++call) {
            b.sent.clear();
            const bool pbx_calls = !chance.one_in(3);
            const std::string id = "call-" + std::to_string(call) + "@peer";
            const std::string message = pbx_calls ? chance.from_pbx(b, id) : chance.from_core(b, id);
            auto q = question(b, config, message);
            q.draining = draining;
            q.seed = seed;
            if (!pbx_calls) q.kind = policy::PartyKind::carrier, q.id = "core";
            if (!pbx_calls && config->carriers.at("core").disabled) {
                REQUIRE(explain(q, b.shared).error().text.find("carrier core is disabled") == 0);
                continue;
            }
            const auto before = b.shared.gauges.uses("").size();
            const auto explained = explain(q, b.shared);
            INFO("seed " << seed << ", call " << call << ":\n" << message);
            REQUIRE(explained.has_value());
            REQUIRE(b.shared.gauges.uses("").size() == before);

            if (pbx_calls && b.shared.locations.size() == 0) break;  // nobody to be taken for: a challenge comes first
            b.receive(pbx_calls ? b.pbx_flow() : b.core_flow(), message);
            std::optional<sip::Message> invite, response;
            while (!b.sent.empty()) {
                const auto sent = b.next();
                if (sent.is_request() && sent.method() == sip::Method::invite && !invite) invite = sent;
                if (!sent.is_request() && sent.status() >= 300 && !response) response = sent;
            }
            REQUIRE(explained->invite.empty() == !invite);
            if (invite) {
                ++went_on;
                CHECK(essence(parse(explained->invite)) == essence(*invite));
            } else {
                ++refused;
                REQUIRE(response);
                CHECK(explained->status == response->status());
                CHECK(essence(parse(explained->response)).size() == essence(*response).size());
            }
            if (!explained->verdict) continue;
            std::string trace;
            for (const auto& line : explained->verdict->trace) trace += (trace.empty() ? "" : ", ") + line.text;
            const auto view = b.stack.call(id);
            REQUIRE(view);
            CHECK(view->ladder.find(trace.substr(0, 80)) != std::string::npos);  // as much as a ladder shows
            if (const auto& reject = explained->verdict->reject) {
                CHECK(b.records.back().reason == explained->verdict->trace.back().text);
                CHECK(b.records.back().q850 == reject->q850);
                refusals.insert(std::string(to_string(reject->why)));
            }
            b.run_for(std::chrono::milliseconds(chance.any({0, 100, 700})));
        }
    }
    CHECK(went_on > 200);
    CHECK(refused > 300);
    for (const auto* name : {"barred-destination", "outside-hours", "too-many-calls", "too-much-bandwidth", "too-fast",
                             "customer-disabled", "trunk-disabled", "unknown-number", "caller-not-allowed",
                             "not-a-number", "no-route", "draining"}) {
        INFO(name);
        CHECK(refusals.contains(name));
    }
}

}  // namespace sallyport::stack

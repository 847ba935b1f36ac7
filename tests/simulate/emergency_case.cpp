#include "tests/simulate/emergency_case.h"

#include <algorithm>

#include "tests/support/world.h"

namespace sallyport::test {
namespace {

constexpr const char* edge_access_v6 = "2001:db8:a::1";
constexpr const char* edge_core_v6 = "2001:db8:c::1";
constexpr const char *acme_v4 = "198.51.100.7", *acme_v6 = "2001:db8:a::7";
constexpr const char *globex_v4 = "198.51.100.20", *globex_v6 = "2001:db8:a::20";

void vary_limits(config::Trunk& t, Dice& dice) {
    if (dice.chance(30)) t.limits.concurrent_calls = 1;
    if (dice.chance(20)) t.limits.calls_per_second = 0.001;
    if (dice.chance(20)) t.limits.cost_per_day = 0.01;
    if (dice.chance(20)) t.limits.bandwidth_kbps = 1;
    if (dice.chance(20)) t.limits.barred_prefixes = {"+1", "+49"};
    if (dice.chance(20)) t.number_limits = {{t.numbers.front(), 1, 1}};
    if (dice.chance(20)) t.destinations.allowed_prefixes = {"+1"};
    if (dice.chance(10)) {
        t.destinations.time_zone = "UTC";
        if (!dice.careless) t.destinations.zone = std::make_shared<config::TimeZone>(config::TimeZone{"UTC", 0, {}});
        t.destinations.hours = {{{""}, {}}};
    }
}

void vary_media(config::MediaPolicy& media, Dice& dice) {
    if (dice.chance(20)) media.codecs = {dice.one_of<const char*>({"G722", "PCMU", "opus"})};
    if (dice.chance(20)) media.packet_milliseconds = 30;
    media.early_media =
        dice.one_of({config::EarlyMedia::described, config::EarlyMedia::announced, config::EarlyMedia::none});
    media.music_on_hold = dice.one_of({config::MusicOnHold::pass, config::MusicOnHold::none});
    media.latch_any_address = dice.chance(50);
}

void vary_identity(config::TrunkIdentity& identity, Dice& dice) {
    identity.trusted = dice.chance(50);
    identity.screening =
        dice.one_of({config::Screening::substitute, config::Screening::reject, config::Screening::pass});
    identity.from =
        dice.one_of({config::FromPolicy::normalise, config::FromPolicy::transparent, config::FromPolicy::anonymise});
    identity.omit_asserted = dice.chance(50);
    identity.restrict_by_default = dice.chance(50);
    identity.ignore_preferred = dice.chance(50);
}

config::HeaderRules header_rules(Dice& dice) {
    config::HeaderRules rules;
    if (dice.chance(20)) rules.in.push_back({config::HeaderAction::remove, "X-Ours", "", ""});
    if (dice.chance(20)) rules.out.push_back({config::HeaderAction::add, "X-Group", "", std::string(200, 'x')});
    if (dice.chance(20)) rules.out.push_back({config::HeaderAction::rewrite, "Subject", "*", "<$1>"});
    return rules;
}

void vary_trunk(config::Trunk& t, Dice& dice) {
    t.disabled = dice.chance(20);
    vary_limits(t, dice);
    vary_media(t.media, dice);
    vary_identity(t.identity, dice);
    t.headers = header_rules(dice);
    t.numbering.own_domain_only = dice.chance(50);
    t.numbering.dial_plan.emergency_numbers = {"112"};
    if (dice.chance(50)) t.numbering.dial_plan.emergency_numbers.push_back("110");
    if (dice.chance(30)) t.numbering.dial_plan.outside_line = "0";
    if (dice.chance(30)) t.numbering.called_in = {{"1", 1, "+4930123"}};
    if (dice.chance(20)) t.numbering.calling_in = {{"", 0, "+49"}};
    t.session_timers.seconds = dice.one_of<std::uint32_t>({0, 1'800, 3'600});
    t.session_timers.min_seconds = dice.one_of<std::uint32_t>({90, 1'800});
    t.reliable_provisionals = dice.chance(50);
    t.authentication.digest =
        dice.one_of({config::DigestUse::automatic, config::DigestUse::when_unknown, config::DigestUse::per_request});
    t.network.nat = dice.one_of({config::NatMode::on, config::NatMode::off});
    t.forwarding.keep_redirects = dice.chance(50);
    t.on_net = dice.one_of({config::OnNet::carrier, config::OnNet::customer, config::OnNet::node});
    t.replaces = dice.chance(50);
    if (dice.chance(20)) t.overflow.numbers = {{t.numbers.front(), "+49401"}};
    if (dice.chance(40)) t.customer = "both";
    if (dice.chance(20)) t.transports = {config::Transport::tls, config::Transport::udp, config::Transport::tcp};
    const bool tls_alone = !t.allows(config::Transport::udp) && !t.allows(config::Transport::tcp);
    if (dice.chance(30)) t.media.srtp = dice.one_of({config::SrtpPolicy::off, config::SrtpPolicy::required});
    if (!tls_alone && !dice.careless) t.media.srtp = config::SrtpPolicy::off;
    t.tls.required = dice.chance(10) && (tls_alone || dice.careless);
}

IpAddress address(const std::string& text) { return *IpAddress::parse(text); }

// One address that a target stands for, in a mood of its own.
std::string place(const std::string& carrier, unsigned number, bool v6, EmergencyCase& the_case, Dice& dice) {
    const std::string host = (v6 ? "2001:db8:c::" : "203.0.113.") + std::to_string(number);
    the_case.targets.push_back(
        {carrier, address(host).to_string(),
         dice.one_of({Mood::up, Mood::up, Mood::silent, Mood::unreachable, Mood::overloaded, Mood::busy})});
    return host;
}

// An address, or a name with one or two of them behind SRV records (RFC 3263).
config::Target target(const std::string& carrier, unsigned number, EmergencyCase& the_case, Dice& dice) {
    using enum config::Transport;
    const bool v6 = dice.chance(30);
    const auto transport = dice.one_of({udp, udp, tcp});
    const auto priority = static_cast<std::uint16_t>(dice.below(3));
    if (dice.chance(65)) return {place(carrier, number, v6, the_case, dice), 5060, transport, priority, 1};
    const std::string name = "psap-" + std::to_string(number) + ".example";
    locate::Answer srv{{locate::RecordType::srv, (transport == udp ? "_sip._udp." : "_sip._tcp.") + name}};
    srv.ttl = 3'600s;
    for (unsigned i = 0; i <= dice.below(2); ++i) {
        const std::string host = std::string(1, static_cast<char>('a' + i)) + "." + name;
        srv.srv.push_back({static_cast<std::uint16_t>(i), 1, 5060, host});
        locate::Answer of_host{{v6 ? locate::RecordType::aaaa : locate::RecordType::a, host}};
        of_host.ttl = 3'600s;
        of_host.addresses = {address(place(carrier, number + i, v6, the_case, dice))};
        the_case.zone.push_back(std::move(of_host));
    }
    the_case.zone.push_back(std::move(srv));
    return {name, 0, transport, priority, 1};
}

config::Carrier carrier(const std::string& id, unsigned network, EmergencyCase& the_case, Dice& dice) {
    config::Carrier c;
    c.id = id;
    c.realm = "core";
    c.disabled = dice.chance(20);
    if (dice.chance(50)) c.domain = id + ".example";
    c.options_interval_seconds = dice.one_of<std::uint32_t>({30, 3'600});
    c.identity.untrusted = dice.chance(50);
    c.identity.diversion = dice.chance(50);
    c.reliable_provisionals = dice.chance(50);
    c.session_timers.seconds = dice.one_of<std::uint32_t>({0, 1'800});
    if (dice.chance(30)) c.reroute_statuses = {404};
    vary_media(c.media, dice);
    c.headers = header_rules(dice);
    if (dice.chance(20)) c.numbering.called_out = {{"1", 1, "00"}};
    for (unsigned i = 0; i <= dice.below(2); ++i) c.targets.push_back(target(id, network * 10 + i * 2, the_case, dice));
    return c;
}

config::Route route(const std::string& id, Dice& dice) {
    config::Route r;
    r.id = id;
    r.disabled = dice.chance(10);
    for (const auto* carrier : {"one", "two", "three"})
        if (dice.chance(60)) r.choices.push_back({carrier, static_cast<std::uint16_t>(dice.below(2)), 1});
    if (r.choices.empty() && !dice.careless) r.choices.push_back({"one", 0, 1});
    r.price_per_minute = dice.one_of({0.0, 9.0});
    return r;
}

// Of the routes that calls for help take.
void vary_areas(config::Route& r, Dice& dice) {
    for (const auto* country : {"DE", "FR"}) {
        if (dice.chance(50)) continue;
        config::EmergencyArea area;
        area.name = country == std::string("DE") ? "de" : "fr";
        area.civic.emplace_back().country = country;
        for (const auto* carrier : {"one", "two", "three"})
            if (dice.chance(40)) area.choices.push_back({carrier, static_cast<std::uint16_t>(dice.below(2)), 1});
        if (area.choices.empty() && !dice.careless) area.choices.push_back({"two", 0, 1});
        r.areas.push_back(std::move(area));
    }
    r.use_location = dice.chance(70) && (dice.careless || !r.areas.empty());
}

void enable(config::Change& change, const std::string& carrier) {
    for (auto& item : change.items)
        if (auto* c = std::get_if<config::Carrier>(&item); c != nullptr && c->id == carrier) c->disabled = false;
}

void vary_routes(EmergencyCase& the_case, Dice& dice) {
    auto all = route("all", dice), help = route("help", dice), land = route("land", dice);
    land.prefix = "+49";
    vary_areas(all, dice);
    vary_areas(help, dice);
    help.service_numbers = {"112"};
    if (dice.chance(50)) help.service_numbers.push_back("110");
    bool has_all = dice.chance(70), has_help = dice.chance(70);
    if (!dice.careless) {  // one of the two leads somewhere, whatever becomes of the other
        const bool by_all = dice.chance(50);
        (by_all ? has_all : has_help) = true;
        (by_all ? all : help).disabled = false;
        enable(the_case.change, (by_all ? all : help).choices.back().carrier);
        if (!by_all) help.service_numbers = {"112", "110"};
    }
    if (has_all) the_case.change.items.emplace_back(all);
    if (has_help) the_case.change.items.emplace_back(help);
    if (dice.chance(50)) the_case.change.items.emplace_back(land);
}

// A static trunk has one IP version, that of its addresses, and UDP or TCP or both.
void vary_interface(config::Trunk& globex, bool v6, Dice& dice) {
    using enum config::Transport;
    globex.transports = dice.one_of<std::vector<config::Transport>>({{udp}, {udp}, {udp, tcp}, {tcp}});
    const std::string host = v6 ? globex_v6 : globex_v4;
    globex.targets = {{host, 5060, globex.transports.front(), 1, 1}};
    globex.sources = {*config::AddressBlock::parse(host)};
}

// Where the INVITE comes from: mostly as the trunk is provisioned.
Flow flow_of(const config::Trunk& trunk, bool v6, Dice& dice) {
    const bool is_acme = trunk.id == "acme-hq";
    Flow flow;
    flow.realm = access_realm;
    flow.transport = is_acme ? Transport::tls : Transport::udp;
    if (is_acme && trunk.allows(config::Transport::tcp) && dice.chance(50)) flow.transport = Transport::tcp;
    if (!is_acme && (!trunk.allows(config::Transport::udp) || dice.chance(30))) flow.transport = Transport::tcp;
    if (!is_acme && dice.chance(5)) flow.transport = Transport::udp;
    flow.local = {address(v6 ? edge_access_v6 : edge_access),
                  static_cast<std::uint16_t>(flow.transport == Transport::tls ? 5061 : 5060)};
    const char* host = is_acme ? (v6 ? acme_v6 : acme_v4) : (v6 ? globex_v6 : globex_v4);
    flow.remote = {address(host), static_cast<std::uint16_t>(flow.transport == Transport::udp ? 5060 : 40'001)};
    flow.connection = flow.transport == Transport::udp ? 0 : 11;
    return flow;
}

EmergencyCase draw(Dice& dice) {
    EmergencyCase c;
    dice.careless = dice.chance(10);
    config::Snapshot world = world_config();
    config::Trunk acme = world.trunks.at("acme-hq"), globex = world.trunks.at("globex");
    c.trunk = dice.chance(60) ? acme.id : globex.id;
    const bool is_acme = c.trunk == acme.id, v6 = dice.chance(30);
    vary_interface(globex, v6 && !is_acme, dice);
    vary_trunk(is_acme ? acme : globex, dice);
    const config::Trunk& trunk = is_acme ? acme : globex;
    c.change.items = {acme, globex,
                      config::Customer{"both", "", {dice.below(2), 0, 0, dice.below(2)}, dice.chance(20)}};
    unsigned network = 1;
    for (const auto* id : {"one", "two", "three"}) c.change.items.emplace_back(carrier(id, network++, c, dice));
    vary_routes(c, dice);
    c.number = dice.one_of<const char*>({"112", "110", "urn"});
    const std::string dialled = trunk.numbering.dial_plan.outside_line + c.number;
    const std::string host =
        dice.one_of<const char*>({"sp.example", "globex.example", "192.0.2.1", "elsewhere.invalid"});
    c.uri = c.number == "urn"
                ? "urn:service:sos.fire"
                : "sip:" + (dice.chance(30) ? dialled : c.number) + "@" + host + (dice.chance(30) ? ";user=phone" : "");
    c.from = dice.one_of<const char*>({"sip:+4930123401@sp.example", "sip:+19995550000@elsewhere.invalid",
                                       "sip:anonymous@anonymous.invalid", "sip:room-7@sp.example"});
    c.privacy = dice.one_of<const char*>({"", "id", "user;critical", "nonsense;critical", "none"});
    c.registered = dice.chance(80);
    // Who is not known by where he comes from says who he is, and proves it.
    if (is_acme && !c.registered) {
        c.from = "sip:+4930123401@sp.example";
        if (c.number != "urn") c.uri = "sip:" + c.number + "@sp.example";
    }
    c.draining = dice.chance(20);
    c.full = dice.chance(20);
    c.over_limit = dice.chance(30);
    c.busy = dice.chance(20) ? Duration(5s) : Duration(0s);
    const bool as_provisioned = dice.chance(80);
    c.srtp = as_provisioned == (trunk.media.srtp == config::SrtpPolicy::required);
    c.media_full = dice.chance(20);
    c.place.country = dice.one_of<const char*>({"", "DE", "FR", "AT"});
    c.place.routing = dice.one_of<const char*>({"", "yes", "yes", "no"});
    c.place.broken = dice.chance(10);
    c.flow = flow_of(trunk, v6, dice);
    return c;
}

// Its answering points may take the call beside those of the route.
const config::EmergencyArea* area_of(const EmergencyCase& c, const config::Route& route) {
    if (!route.use_location || c.place.country.empty() || c.place.routing != "yes" || c.place.broken) return nullptr;
    for (const auto& area : route.areas)
        if (area.civic.front().country == c.place.country) return &area;
    return nullptr;
}

}  // namespace

EmergencyCase random_emergency(Dice& dice) { return draw(dice); }

stack::StackConfig emergency_node(const EmergencyCase& c) {
    auto node = world_node();
    const auto listen = [](Realm& realm, const char* host, Transport transport) {
        const auto port = static_cast<std::uint16_t>(transport == Transport::tls ? 5061 : 5060);
        realm.listeners.push_back({transport, {address(host), port}, "[" + std::string(host) + "]", port});
    };
    for (const Transport transport : {Transport::udp, Transport::tcp, Transport::tls}) {
        listen(node.realms[access_realm], edge_access_v6, transport);
        listen(node.realms[core_realm], edge_core_v6, transport);
    }
    if (c.full) node.max_calls = 0;
    return node;
}

std::vector<EmergencyTarget> may_answer(const EmergencyCase& c, const config::Snapshot& config) {
    const auto& numbers = config.trunks.at(c.trunk).numbering.dial_plan.emergency_numbers;
    const std::string number = c.number == "urn" ? numbers.front() : c.number;
    const auto by = [&](const auto& is_it) {
        std::vector<EmergencyTarget> out;
        for (const auto& [id, route] : config.routes) {
            if (route.disabled || !is_it(route)) continue;
            auto choices = route.choices;
            if (const auto* area = area_of(c, route))
                choices.insert(choices.end(), area->choices.begin(), area->choices.end());
            for (const auto& choice : choices)
                for (const auto& target : c.targets)
                    if (target.carrier == choice.carrier && !config.carriers.at(choice.carrier).disabled)
                        out.push_back(target);
        }
        return out;
    };
    auto out = by([&](const config::Route& r) {
        return std::find(r.service_numbers.begin(), r.service_numbers.end(), number) != r.service_numbers.end();
    });
    return out.empty() ? by([](const config::Route& r) { return r.is_catch_all(); }) : out;
}

bool is_emergency_of(const EmergencyCase& c, const config::Snapshot& config) {
    const bool udp = c.flow.transport == Transport::udp;
    if (udp && !config.trunks.at(c.trunk).allows(config::Transport::udp)) return false;
    const auto& numbers = config.trunks.at(c.trunk).numbering.dial_plan.emergency_numbers;
    return c.number == "urn" || std::find(numbers.begin(), numbers.end(), c.number) != numbers.end();
}

}  // namespace sallyport::test

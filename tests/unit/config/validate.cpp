// Rules of one resource: every broken one is named by its field.
#include "control/config/validate.h"

#include <catch2/catch.hpp>

#include "sample.h"

using namespace sallyport::config;

namespace {

std::vector<std::string> fields(const FieldErrors& errors) {
    std::vector<std::string> out;
    for (const auto& e : errors) out.push_back(e.field);
    return out;
}
using Fields = std::vector<std::string>;

template <class F>
Fields fields_after(F&& bend) {
    auto trunk = sample_trunk();
    bend(trunk);
    return fields(validate(trunk));
}

}  // namespace

TEST_CASE("resources as the README shows them break no rule") {
    CHECK(validate(sample_trunk()).empty());
    CHECK(validate(sample_static_trunk()).empty());
    CHECK(validate(sample_carrier()).empty());
    CHECK(validate(sample_route()).empty());
}

TEST_CASE("all broken rules of a trunk are reported at once") {
    Trunk trunk;
    trunk.id = "ACME HQ";
    trunk.registration_aor = "acme@";
    trunk.numbers = {{"04930", "04930"}, {"+49301", "+493012"}, {"+4930999", "+4930111"}};
    trunk.limits.max_contacts = 0;
    CHECK(fields(validate(trunk)) == Fields{"name", "realm", "registration_aor", "credentials", "numbers[0].first",
                                            "numbers[1].last", "numbers[2].last", "limits.max_contacts"});
}

TEST_CASE("an error text shows what was given and an example of right") {
    auto trunk = sample_trunk();
    trunk.numbers = {{"04930", "04930"}};
    const auto errors = validate(trunk);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].text ==
          "\"04930\" is no E.164 number: \"+\", country code and number, 2 to 15 digits in all, "
          "e.g. \"+4930123456\"");
}

TEST_CASE("E.164: plus, two to fifteen digits, the first not zero") {
    const auto with = [](const char* n) { return fields_after([&](Trunk& t) { t.numbers = {{n, n}}; }).empty(); };
    CHECK(with("+49"));
    CHECK(with("+123456789012345"));
    CHECK(!with("+1234567890123456"));
    CHECK(!with("+4"));
    CHECK(!with("+0493"));
    CHECK(!with("4930"));
    CHECK(!with("+49 30"));
    CHECK(!with("+49a"));
    CHECK(!with(""));
}

TEST_CASE("an address of record is sip:user@domain and nothing more") {
    const auto with = [](const char* aor) { return fields_after([&](Trunk& t) { t.registration_aor = aor; }).empty(); };
    CHECK(with("sip:acme@sip.example.com"));
    CHECK(with("sip:+4930123@192.0.2.1"));
    CHECK(with("sip:a%20b@example.com"));
    CHECK(!with("sips:acme@sip.example.com"));
    CHECK(!with("sip:acme@sip.example.com:5061"));
    CHECK(!with("sip:acme@sip.example.com;transport=tls"));
    CHECK(!with("sip:acme:secret@sip.example.com"));
    CHECK(!with("sip:@sip.example.com"));
    CHECK(!with("sip:sip.example.com"));
    CHECK(!with("sip:a%2@sip.example.com"));
    CHECK(!with("acme@sip.example.com"));
}

TEST_CASE("each mode says what belongs to the other") {
    CHECK(fields_after([](Trunk& t) {
              t.targets = {{"192.0.2.1", 0, Transport::unspecified, 0, 0}};
              t.sources = {*AddressBlock::parse("192.0.2.1")};
          }) == Fields{"targets", "sources"});
    auto trunk = sample_static_trunk();
    trunk.registration_aor = "sip:a@b.example";
    trunk.single_aor_compatibility = true;
    trunk.domain.clear();
    trunk.targets.clear();
    trunk.sources.clear();
    CHECK(fields(validate(trunk)) ==
          Fields{"registration_aor", "single_aor_compatibility", "domain", "targets", "sources"});
}

TEST_CASE("a registering trunk without its numbers can only be disabled; no trunk takes its own overflow") {
    CHECK(fields_after([](Trunk& t) { t.numbers.clear(); }) == Fields{"numbers"});
    CHECK(fields_after([](Trunk& t) {
              t.numbers.clear();
              t.disabled = true;
          }).empty());
    CHECK(fields_after([](Trunk& t) { t.overflow.trunk = t.id; }) == Fields{"overflow.trunk"});
    CHECK(fields_after([](Trunk& t) { t.overflow.trunk = "acme-dr"; }).empty());
    const auto numbers = [](Trunk& t, std::string first, std::string last, std::string to) {
        t.numbers = {{"+4930100", "+4930199"}};
        t.overflow.numbers = {{{std::move(first), std::move(last)}, std::move(to)}};
    };
    const auto errors_of = [&](std::string first, std::string last, std::string to) {
        return fields_after([&](Trunk& t) { numbers(t, first, last, to); });
    };
    CHECK(errors_of("+4930100", "+4930109", "+49171").empty());
    CHECK(errors_of("+4930100", "+4930109", "+4930150") == Fields{"overflow.numbers[0].to"});
    CHECK(errors_of("+4930100", "+4930109", "112") == Fields{"overflow.numbers[0].to"});
    CHECK(errors_of("+4930190", "+4930200", "+49171") == Fields{"overflow.numbers[0]"});
    CHECK(errors_of("+4930109", "+4930100", "+49171") == Fields{"overflow.numbers[0].last"});
    CHECK(errors_of("4930100", "4930100", "+49171") == Fields{"overflow.numbers[0].first"});
}

TEST_CASE("credentials: user name, hashes of the right length, one entry per user and realm") {
    const auto with = [](Credential c) { return fields_after([&](Trunk& t) { t.credentials = {std::move(c)}; }); };
    const std::string md5(32, 'a'), sha(64, 'b');
    CHECK(with({"u", "", md5, ""}).empty());
    CHECK(with({"u", "", "", ""}) == Fields{"credentials[0].password"});
    CHECK(with({"u", "", "ABC", ""}) == Fields{"credentials[0].ha1_md5"});
    CHECK(with({"u", "", "", md5}) == Fields{"credentials[0].ha1_sha256"});
    CHECK(with({"a:b", "", md5, sha}) == Fields{"credentials[0].username"});
    CHECK(with({"", "", md5, sha}) == Fields{"credentials[0].username"});
    CHECK(with({"u", "a\"b", md5, sha}) == Fields{"credentials[0].digest_realm"});
    CHECK(fields_after([&](Trunk& t) {
              t.credentials = {{"u", "", md5, sha}, {"u", "sip.example.com", md5, sha}};
          }) == Fields{"credentials[1].username"});
}

TEST_CASE("limits are ranges; NaN is no rate") {
    CHECK(fields_after([](Trunk& t) {
              t.limits = {1'000'001, std::nan(""), 65, 59};
          }) == Fields{"limits.concurrent_calls", "limits.calls_per_second", "limits.max_contacts",
                       "limits.registration_expires_seconds"});
    CHECK(fields_after([](Trunk& t) { t.limits = {1'000'000, 10'000, 64, 86'400}; }).empty());
}

TEST_CASE("destinations and cost: prefixes, and prices that are numbers") {
    CHECK(fields_after([](Trunk& t) {
              t.limits.barred_prefixes = {"+979", "979", ""};
              t.limits.cost_per_day = std::nan("");
          }) == Fields{"limits.cost_per_day", "limits.barred_prefixes[1]", "limits.barred_prefixes[2]"});
    CHECK(fields_after([](Trunk& t) {
              t.limits.barred_prefixes = {"+979"};
              t.limits.without_default_bars = true;
              t.limits.cost_per_day = -1;
          }) == Fields{"limits.cost_per_day"});
    Route route{.id = "uk", .prefix = "+44", .carriers = {"core"}};
    route.price_per_minute = 0.25;
    CHECK(validate(route).empty());
    route.price_per_minute = -0.25;
    CHECK(fields(validate(route)) == Fields{"price_per_minute"});
}

TEST_CASE("a trunk bars premium rate and satellites, or what it lists, or nothing") {
    Limits limits;
    for (const auto* number : {"+979123456789", "+8816123", "+8835100", "+87077", "+19005551234"})
        CHECK(limits.bars(number));
    for (const auto* number : {"+12125551234", "+4930123456", "+8613800", "+97150", "112"})
        CHECK_FALSE(limits.bars(number));
    limits.barred_prefixes = {"+4930"};
    CHECK(limits.bars("+4930123456"));
    CHECK(limits.bars("+979123456789"));
    limits.without_default_bars = true;
    CHECK(limits.bars("+4930123456"));
    CHECK_FALSE(limits.bars("+979123456789"));
}

TEST_CASE("media: encoding names, inactivity, port name, nothing twice") {
    CHECK(fields_after([](Trunk& t) {
              t.media.codecs = {"PCMA", "telephone-event", "PCMA", "G 729", ""};
              t.media.inactivity_seconds = 9;
              t.media.port = "Access";
              t.media.packet_milliseconds = 70;
          }) == Fields{"media.codecs[2]", "media.codecs[3]", "media.codecs[4]", "media.inactivity_seconds",
                       "media.packet_milliseconds", "media.port"});
    CHECK(fields_after([](Trunk& t) { t.media.packet_milliseconds = 25; }) == Fields{"media.packet_milliseconds"});
    CHECK(fields_after([](Trunk& t) { t.media.packet_milliseconds = 30; }).empty());
}

TEST_CASE("SRTP whose keys anybody could read is refused [SC-14.4-10]") {
    auto trunk = sample_trunk();
    CHECK(validate(trunk).empty());
    for (const auto transport : {Transport::udp, Transport::tcp}) {
        trunk.transports = {Transport::tls, transport};
        trunk.media.srtp = SrtpPolicy::required;
        CHECK(fields(validate(trunk)) == Fields{"media.srtp"});
        trunk.media.srtp = SrtpPolicy::off;
        CHECK(validate(trunk).empty());
    }
    auto carrier = sample_carrier();
    CHECK(validate(carrier).empty());
    carrier.media.srtp = SrtpPolicy::required;
    CHECK(fields(validate(carrier)) == Fields{"media.srtp"});
    for (auto& target : carrier.targets) target.transport = Transport::tls;
    CHECK(fields(validate(carrier)) == Fields{"media.srtp"});  // it may call over UDP
    carrier.tls.required = true;
    CHECK(validate(carrier).empty());
}

TEST_CASE("session timers: a range, and no more than is granted is demanded") {
    const auto errors_of = [](sallyport::config::SessionTimers timers) {
        return fields_after([timers](Trunk& t) { t.session_timers = timers; });
    };
    CHECK(errors_of({1'800, 90}).empty());
    CHECK(errors_of({0, 90}).empty());
    CHECK(errors_of({0, 86'400}).empty());
    CHECK(errors_of({90, 90}).empty());
    CHECK(errors_of({89, 90}) == Fields{"session_timers.seconds"});
    CHECK(errors_of({86'401, 90}) == Fields{"session_timers.seconds"});
    CHECK(errors_of({600, 601}) == Fields{"session_timers.min_seconds"});
    CHECK(errors_of({600, 89}) == Fields{"session_timers.min_seconds"});
    auto carrier = sample_carrier();
    carrier.session_timers = {600, 601};
    CHECK(fields(validate(carrier)) == Fields{"session_timers.min_seconds"});
}

TEST_CASE("targets are hosts that somebody can have") {
    auto carrier = sample_carrier();
    carrier.targets = {{"sip.carrier.example", 0, Transport::unspecified, 0, 0},
                       {"2001:db8::1", 5060, Transport::udp, 0, 0},
                       {"300.1.2.3", 0, Transport::udp, 0, 0},
                       {"0.0.0.0", 0, Transport::udp, 0, 0},
                       {"239.1.1.1", 0, Transport::udp, 0, 0},
                       {"a b", 0, Transport::udp, 0, 0},
                       {"sip.carrier.example", 0, Transport::unspecified, 5, 5}};
    CHECK(fields(validate(carrier)) ==
          Fields{"targets[2].host", "targets[3].host", "targets[4].host", "targets[5].host", "targets[6]"});
}

TEST_CASE("sources are networks without host bits, and not the whole Internet") {
    auto trunk = sample_static_trunk();
    trunk.sources = {*AddressBlock::parse("0.0.0.0/0"), *AddressBlock::parse("192.0.2.9/24"),
                     *AddressBlock::parse("203.0.113.0/24"), *AddressBlock::parse("203.0.113.0/24")};
    const auto errors = validate(trunk);
    CHECK(fields(errors) == Fields{"sources[0]", "sources[1]", "sources[3]"});
    CHECK(errors[1].text == "\"192.0.2.9/24\" has bits set behind its prefix; did you mean \"192.0.2.0/24\"?");
}

TEST_CASE("a trunk has one IP version: that of its sources, or the one it is given") {
    auto trunk = sample_static_trunk();
    CHECK(trunk.family() == sallyport::Family::v4);
    trunk.sources.push_back(*AddressBlock::parse("2001:db8::/32"));
    trunk.targets.push_back({"2001:db8::1", 0, Transport::tls, 0, 0});
    CHECK(fields(validate(trunk)) == Fields{"targets[1].host", "sources[1]"});
    trunk.network.family = sallyport::Family::v6;
    CHECK(fields(validate(trunk)) == Fields{"targets[0].host", "sources[0]"});
    CHECK(sample_trunk().family() == sallyport::Family::none);
}

TEST_CASE("a static trunk is called over the transports it may call over") {
    auto trunk = sample_static_trunk();
    trunk.targets = {{"pbx.example.com", 0, Transport::unspecified, 0, 0},
                     {"pbx.example.com", 0, Transport::udp, 0, 0}};
    const auto errors = validate(trunk);
    CHECK(fields(errors) == Fields{"targets[1].transport"});
    CHECK(errors[0].text.find("[tls]") != std::string::npos);
    trunk.transports = {Transport::udp};
    trunk.media.srtp = SrtpPolicy::off;
    CHECK(validate(trunk).empty());
    trunk.network.options_interval_seconds = 4;
    CHECK(fields(validate(trunk)) == Fields{"network.options_interval_seconds"});
    CHECK(fields_after([](Trunk& t) { t.network.options_interval_seconds = 30; }) ==
          Fields{"network.options_interval_seconds"});
}

TEST_CASE("carriers: probe interval, reroute statuses") {
    auto carrier = sample_carrier();
    carrier.options_interval_seconds = 1;
    carrier.reroute_statuses = {503, 200, 503, 700};
    carrier.targets.clear();
    CHECK(fields(validate(carrier)) == Fields{"targets", "options_interval_seconds", "reroute_statuses[1]",
                                              "reroute_statuses[2]", "reroute_statuses[3]"});
}

TEST_CASE("routes: prefix and carriers") {
    CHECK(validate(sample_route("r", "+49")).empty());
    CHECK(fields(validate(sample_route("r", "49"))) == Fields{"prefix"});
    CHECK(fields(validate(sample_route("r", "+"))) == Fields{"prefix"});
    auto route = sample_route();
    route.carriers = {};
    CHECK(fields(validate(route)) == Fields{"carriers"});
    route.carriers = {"core", "core"};
    CHECK(fields(validate(route)) == Fields{"carriers[1]"});
}

TEST_CASE("a route has carriers or choices, prefixes with +, and services without") {
    auto route = sample_route();
    route.choices = {{"core", 0, 1}, {"core", 1, 1}};
    route.prefixes = {"+49", "49", ""};
    route.service_numbers = {"112", "+112", ""};
    CHECK(fields(validate(route)) == Fields{"prefixes[1]", "prefixes[2]", "service_numbers[1]", "service_numbers[2]",
                                            "choices", "choices[1].carrier"});
    route.carriers.clear();
    route.choices.pop_back();
    route.prefixes = {"+49"};
    route.service_numbers = {"112"};
    CHECK(validate(route).empty());
}

TEST_CASE("dial plans: digits, a country code where one is needed, nothing twice") {
    CHECK(fields_after([](Trunk& t) {
              t.numbering.dial_plan = {"", "30", "0", "0", "x", 16, {{"4711", "4930"}, {"4711", "+49301"}}, {"+112"}};
          }) == Fields{"numbering.dial_plan.outside_line", "numbering.dial_plan.national_digits",
                       "numbering.dial_plan.country_code", "numbering.dial_plan.international_prefix",
                       "numbering.dial_plan.short_codes[0].number", "numbering.dial_plan.short_codes[1].dialled",
                       "numbering.dial_plan.emergency_numbers[0]"});
    CHECK(fields_after([](Trunk& t) {
              t.numbering.dial_plan = {"49", "30", "0", "00", "9", 10, {{"*21#", "+49301"}}, {"112"}};
          }).empty());
}

TEST_CASE(
    "translation tables: beginnings of numbers, no more stripped than matched, and a PBX is told global numbers") {
    CHECK(fields_after([](Trunk& t) {
              t.numbering.called_in = {{"+49", 4, ""}, {"x", 0, ""}, {"+49", 0, "y"}};
              t.numbering.called_out = {{"+49", 3, "0"}, {"+1", 2, "+49"}, {"+2", 0, ""}, {"+3", 0, "+3"}};
          }) == Fields{"numbering.called_in[0].strip", "numbering.called_in[1].match", "numbering.called_in[2].match",
                       "numbering.called_in[2].prepend", "numbering.called_out[0]", "numbering.called_out[3]"});
    auto carrier = sample_carrier();
    carrier.numbering.called_out = {{"+49", 3, "0"}, {"+", 1, "00"}, {"", 0, ""}};
    CHECK(validate(carrier).empty());
    carrier.numbering.own_domain_only = true;
    carrier.numbering.dial_plan.emergency_numbers = {"112"};
    carrier.reroute_causes = {34, 0, 34, 128};
    CHECK(fields(validate(carrier)) == Fields{"reroute_causes[1]", "reroute_causes[2]", "reroute_causes[3]",
                                              "numbering.own_domain_only", "numbering.dial_plan.emergency_numbers"});
}

TEST_CASE("numbers of a trunk have + and no separators; its default caller is one of them") {
    CHECK(fields_after([](Trunk& t) {
              t.numbers = {{"4930123", "4930123"},
                           {"+1-613-258", "+1-613-258"},
                           {"+49301;phone-context=x", "+49301;phone-context=x"}};
          }).size() == 3);
    CHECK(fields_after([](Trunk& t) { t.identity.default_number = "+4930999"; }) == Fields{"identity.default_number"});
    CHECK(fields_after([](Trunk& t) { t.identity.default_number = "+4930123455"; }).empty());
}

TEST_CASE("a value from outside cannot break out of an error text") {
    auto trunk = sample_trunk();
    trunk.realm = std::string("a\n\x1b[31m") + std::string(1000, 'x');
    const auto errors = validate(trunk);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].text.find('\n') == std::string::npos);
    CHECK(errors[0].text.find('\x1b') == std::string::npos);
    CHECK(errors[0].text.size() < 300);
}

TEST_CASE("what a trunk asks of Digest must be possible [SC-16.6.1-04]") {
    const auto wrong = [](auto change) {
        auto trunk = sample_trunk();
        change(trunk);
        std::vector<std::string> fields;
        for (const auto& e : validate(trunk)) fields.push_back(e.field);
        return fields;
    };
    using Fields = std::vector<std::string>;
    CHECK(wrong([](Trunk& t) {
              t.authentication = {DigestUse::per_request, {DigestAlgorithm::md5}, {"INVITE", "BYE"}, true};
          }).empty());
    CHECK(wrong([](Trunk& t) { t.authentication.methods = {"INVITE"}; }) == Fields{"authentication.methods"});
    CHECK(wrong([](Trunk& t) {
              t.authentication = {DigestUse::per_request, {}, {"ACK", "CANCEL", "no method"}, false};
          }) == Fields{"authentication.methods[0]", "authentication.methods[1]", "authentication.methods[2]"});
    CHECK(wrong([](Trunk& t) {
              t.authentication.algorithms = {DigestAlgorithm::md5, DigestAlgorithm::md5};
          }) == Fields{"authentication.algorithms[1]"});
    CHECK(wrong([](Trunk& t) {
              t.credentials[0].ha1_sha256.clear();
              t.authentication.algorithms = {DigestAlgorithm::sha256};
          }) == Fields{"credentials[0].password"});
    CHECK(wrong([](Trunk& t) { t.registration.min_expires_seconds = 9; }) ==
          Fields{"registration.min_expires_seconds"});
    CHECK(wrong([](Trunk& t) {
              t.limits.registration_expires_seconds = 300;
              t.registration = {120, 301};
          }) == Fields{"registration.default_expires_seconds"});
    CHECK(wrong([](Trunk& t) {
              t.limits.registration_expires_seconds = 100;
              t.registration.min_expires_seconds = 101;
          }) == Fields{"registration.min_expires_seconds"});
}

TEST_CASE("what is allowed but weak is a warning") {
    auto trunk = sample_trunk();
    CHECK(warnings(trunk).size() == 2);  // no limits at all: calls, cost
    trunk.limits.concurrent_calls = 20;
    CHECK(warnings(trunk).size() == 2);
    trunk.limits.calls_per_second = 5;
    CHECK(warnings(trunk).size() == 1);
    trunk.limits.cost_per_day = 100;
    CHECK(warnings(trunk).empty());
    trunk.single_aor_compatibility = true;
    trunk.transports = {Transport::udp};
    trunk.media.latch_any_address = true;
    trunk.authentication.without_qop = true;
    trunk.limits.without_default_bars = true;
    CHECK(warnings(trunk).size() == 5);
    trunk.disabled = true;
    CHECK(warnings(trunk).empty());
}

TEST_CASE("TLS that is required leaves no other transport, and trust belongs to static trunks") {
    auto trunk = sample_trunk();
    trunk.tls.required = true;
    CHECK(fields(validate(trunk)).empty());
    CHECK(trunk.allows(Transport::tls));
    CHECK_FALSE(trunk.allows(Transport::tcp));
    trunk.transports = {Transport::tls, Transport::tcp};
    CHECK(fields(validate(trunk)) == Fields{"transports[1]"});
    CHECK_FALSE(trunk.allows(Transport::tcp));
    trunk = sample_trunk();
    trunk.tls.fingerprints = {std::string(64, 'a')};
    CHECK(fields(validate(trunk)) == Fields{"tls"});

    auto pbx = sample_static_trunk();
    pbx.tls.required = true;
    CHECK(fields(validate(pbx)).empty());
    pbx.targets.push_back({"198.51.100.2", 5060, Transport::udp, 0, 0});
    pbx.targets.push_back({"pbx.example.com", 0, Transport::unspecified, 0, 0});
    CHECK(fields(validate(pbx)) == Fields{"targets[1].transport"});
    auto carrier = sample_carrier();
    carrier.tls.required = true;
    CHECK(fields(validate(carrier)) == Fields{"targets[0].transport"});
}

TEST_CASE("a trust is checked field by field") {
    auto pbx = sample_static_trunk();
    pbx.tls.fingerprints = {std::string(64, 'a'), "abc", std::string(64, 'a')};
    pbx.tls.names = {"pbx.example.com", "not a host"};
    pbx.tls.certificates = {std::string(20'000, 'x')};
    pbx.tls.client_certificate = TlsClientCertificate::none;
    CHECK(fields(validate(pbx)) == Fields{"tls.certificates[0]", "tls.fingerprints[2]", "tls.fingerprints[1]",
                                          "tls.names[1]", "tls.client_certificate"});
}

TEST_CASE("a client certificate is demanded when asked for, and where TLS or a trust is [SC-17.5-02]") {
    PeerTls tls;
    CHECK_FALSE(tls.needs_client_certificate());
    tls.required = true;
    CHECK(tls.needs_client_certificate());
    tls.client_certificate = TlsClientCertificate::none;
    CHECK_FALSE(tls.needs_client_certificate());
    tls = {};
    tls.authorities = {"x"};
    CHECK(tls.needs_client_certificate());
    tls = {};
    tls.client_certificate = TlsClientCertificate::required;
    CHECK(tls.needs_client_certificate());
}

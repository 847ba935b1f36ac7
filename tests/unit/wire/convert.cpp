// Messages to the model and back: nothing lost, nothing secret let out, everything out of range named.
#include <catch2/catch.hpp>

#include "control/wire/change_convert.h"
#include "control/wire/config_convert.h"
#include "control/wire/ha1.h"
#include "control/wire/secrets.h"
#include "control/wire/snapshot_convert.h"
#include "control/wire/time_zone.h"

using namespace sallyport;
using namespace sallyport::wire;

namespace {

const std::string authority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBhDCCASmgAwIBAgIUKGAcv1POfruBQp6drVX1jkX6R2QwCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEcm9vdDAeFw0yNjExMjYxODExNTRaFw0yNjEyMjYxODExNTRa\n"
    "MA8xDTALBgNVBAMMBHJvb3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT7u7GQ\n"
    "K95/rDNAL3fsgJBc18KRteuC/dy5EdE49MvvMGBGMsPThtHde2jZdj7vr6y3BHjE\n"
    "OEWkXG8mfhZGdAOao2MwYTAdBgNVHQ4EFgQUEEgXPvUIJ41TTnCcesZ15q/JSQMw\n"
    "HwYDVR0jBBgwFoAUEEgXPvUIJ41TTnCcesZ15q/JSQMwDwYDVR0TAQH/BAUwAwEB\n"
    "/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDSQAwRgIhAIwGZ7MmxmIwG7Fa\n"
    "vjR9//r4zPGBmx6tn7wU0JgFnWsfAiEA3Ety9uXIX5jdLqufCCIznlxCOSJho5Ri\n"
    "NC0m5rNhHhg=\n"
    "-----END CERTIFICATE-----\n";

config::PeerTls full_tls() {
    return {true,
            config::TlsClientCertificate::required,
            {authority},
            {authority},
            {std::string(64, 'a')},
            {"x.example"},
            true,
            config::OcspPolicy::hard};
}

config::Trunk full_trunk() {
    config::Trunk t;
    t.id = "acme-hq";
    t.display_name = "ACME";
    t.mode = config::TrunkMode::static_;
    t.realm = "access";
    t.registration_aor = "sip:a@b.example";
    t.domain = "c.example";
    t.credentials = {{"u", "r", std::string(32, 'a'), std::string(64, 'b')}};
    t.numbers = {{"+49301", "+49309"}, {"+491", "+491"}};
    t.limits = {10, 2.5, 3, 600, {"+979"}, true, 250, 7, 960};
    t.media = {config::SrtpPolicy::off, {"PCMA", "PCMU"}, 77, true, "media-1"};
    t.disabled = true;
    t.single_aor_compatibility = true;
    t.authentication = {config::DigestUse::per_request,
                        {config::DigestAlgorithm::md5, config::DigestAlgorithm::sha256},
                        {"INVITE"},
                        true};
    t.registration = {90, 300};
    t.transports = {config::Transport::tls, config::Transport::udp, config::Transport::tcp};
    t.targets = {{"192.0.2.1", 5061, config::Transport::tls, 1, 2}};
    t.sources = {*config::AddressBlock::parse("2001:db8::/32"), *config::AddressBlock::parse("192.0.2.1")};
    t.tls = full_tls();
    t.numbering = {{"49", "30", "0", "00", "9", 10, {{"4711", "+4930100"}}, {"112"}},
                   {{"0800", 1, "+49"}},
                   {{"+49", 1, "+"}},
                   {{"1", 0, "+49"}},
                   {{"+1", 2, "+1"}},
                   true};
    t.identity = {true, "+49301", config::Screening::reject, config::FromPolicy::transparent, true, true, true};
    t.overflow = {{{{"+4930100", "+4930109"}, "+49171"}, {{"+4930110", "+4930110"}, "+49172"}}, "acme-dr"};
    t.forwarding.keep_redirects = true;
    t.session_timers = {0, 120};
    t.reliable_provisionals = false;
    t.media.music_on_hold = config::MusicOnHold::network;
    t.media.early_media = config::EarlyMedia::announced;
    t.media.packet_milliseconds = 30;
    t.media.fax = config::Fax::off;
    t.network = {Family::v6, config::NatMode::on, 60};
    t.customer = "acme";
    t.number_limits = {{{"+49301", "+49304"}, 5, 1}};
    t.destinations = {{"+49", "+43"},
                      "Europe/Berlin",
                      time_zone("Europe/Berlin"),
                      {{{"+1", ""}, {{0x1f, 8 * 60, 18 * 60 + 30}, {0x60, 22 * 60, 2 * 60}, {}}}}};
    t.headers = {
        {{config::HeaderAction::remove, "X-Internal", "secret *", ""}},
        {{config::HeaderAction::add, "X-Group", "", "7"}, {config::HeaderAction::rewrite, "Subject", "*", "<$1>"}}};
    t.on_net = config::OnNet::node;
    t.replaces = true;
    t.large_requests = config::LargeRequests::tcp_then_udp;
    t.call_records = config::CallRecords::received;
    t.revision = 42;
    return t;
}

config::Carrier full_carrier() {
    config::Carrier c;
    c.id = "core";
    c.display_name = "Core";
    c.realm = "core";
    c.domain = "core.example";
    c.targets = {{"sip.example", 0, config::Transport::unspecified, 65'535, 65'535}};
    c.options_interval_seconds = 60;
    c.reroute_statuses = {503};
    c.media.codecs = {"PCMA"};
    c.sources = {*config::AddressBlock::parse("198.51.100.0/24")};
    c.tls = full_tls();
    c.numbering.called_out = {{"+", 1, "00"}};
    c.identity.untrusted = true;
    c.reroute_causes = {34, 42};
    c.session_timers = {600, 90};
    c.reliable_provisionals = false;
    c.headers.out = {{config::HeaderAction::add, "X-Group", "", "7"}};
    c.replaces = true;
    c.large_requests = config::LargeRequests::tcp;
    c.media.music_on_hold = config::MusicOnHold::own;
    c.media.early_media = config::EarlyMedia::none;
    c.media.fax = config::Fax::off;
    c.disabled = true;
    c.revision = 7;
    return c;
}

config::Route full_route() {
    config::Route route{"default", "+49", {"core", "other"}, true, 9, {{"core", 1, 2}}, {"+4930"}, {"112"}, 0.25, true};
    route.areas = {{"berlin",
                    {{"DE", {"BE", "B", "Berlin", "Mitte", "4", "Hauptstr"}, "101*"}},
                    {{{52.5, -13.25}, 1'500.5}},
                    {{{{1, 2}, {-3, 4}, {5, -6}}}, {{{0, 0}, {0, 1}, {1, 0}}}},
                    {"core"},
                    {{"core", 1, 2}}},
                   {"choosing", {}, {{}}, {}, {}, {{"core", 1, 2}}}};
    return route;
}

config::SrtpPolicy srtp_of(std::initializer_list<provisioning::v1::Transport> transports) {
    provisioning::v1::Trunk message;
    for (const auto transport : transports) message.add_transports(transport);
    return wire::from_proto(message).value.media.srtp;
}

std::vector<std::string> fields(const config::FieldErrors& errors) {
    std::vector<std::string> out;
    for (const auto& e : errors) out.push_back(e.field);
    return out;
}
using Fields = std::vector<std::string>;

}  // namespace

TEST_CASE("every field of every resource survives the way to the wire and back") {
    const auto trunk = from_proto(to_proto(full_trunk(), Secrets::included));
    CHECK(trunk.errors.empty());
    CHECK(trunk.value == full_trunk());
    const auto carrier = from_proto(to_proto(full_carrier()));
    CHECK(carrier.errors.empty());
    CHECK(carrier.value == full_carrier());
    const auto route = full_route();
    CHECK(from_proto(to_proto(route)).value == route);
    const config::Customer customer{"acme", "ACME", {100, 7.5, 20, 9'600}, true, 3};
    CHECK(from_proto(to_proto(customer)).value == customer);
}

TEST_CASE("a time zone is its changes, one value for all who name it, and nothing else has one") {
    const auto berlin = time_zone("Europe/Berlin");
    REQUIRE(berlin != nullptr);
    CHECK(berlin == time_zone("Europe/Berlin"));
    const auto summer = 1'790'470'800 - 30 * 86'400, change = 1'792'890'000;  // 2026-10-25T01:00:00Z
    CHECK(berlin->offset_at(summer) == 7'200);
    CHECK(berlin->offset_at(change - 1) == 7'200);
    CHECK(berlin->offset_at(change) == 3'600);
    CHECK(berlin->offset_at(4'000'000'000) != 0);  // 2096
    CHECK(time_zone("UTC")->offset_at(change) == 0);
    CHECK(time_zone("Asia/Kolkata")->offset_at(change) == 5 * 3'600 + 1'800);
    CHECK(time_zone("America/St_Johns")->offset_at(change) == -(2 * 3'600 + 1'800));
    for (const auto* none : {"", "Europe/Atlantis", "/etc/passwd", "../Europe/Berlin", "localtime", "europe/berlin",
                             "Europe/Berlin ", "Etc/../UTC"})
        CHECK(time_zone(none) == nullptr);
}

TEST_CASE("words that this version does not know, and carriers that are none, are named by their fields") {
    pb::Trunk trunk;
    trunk.set_mode(pb::TRUNK_MODE_STATIC);
    trunk.set_large_requests(static_cast<pb::LargeRequests>(9));
    trunk.set_call_records(static_cast<pb::CallRecords>(9));
    CHECK(fields(from_proto(trunk).errors) == Fields{"large_requests", "call_records"});
    pb::Carrier carrier;
    carrier.set_large_requests(static_cast<pb::LargeRequests>(9));
    CHECK(fields(from_proto(carrier).errors) == Fields{"large_requests"});
    pb::Route route;
    route.add_areas()->add_carriers("core");
    auto& choice = *route.add_areas()->add_choices();
    choice.set_carrier("trunks/acme");
    choice.set_weight(70'000);
    CHECK(fields(from_proto(route).errors) ==
          Fields{"areas[0].carriers[0]", "areas[1].choices[0].carrier", "areas[1].choices[0].weight"});
}

TEST_CASE("what windows and header rules cannot say is named") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_STATIC);
    auto& hours = *message.mutable_destinations()->add_hours();
    hours.add_windows()->add_days(static_cast<pb::Weekday>(9));
    for (const auto* text : {"8:00", "08:60", "25:00", "24:00", "ab:cd", "08:00:00"})
        hours.add_windows()->set_from(text);
    message.mutable_destinations()->set_time_zone("Europe/Atlantis");
    message.mutable_headers()->add_in()->set_action(static_cast<pb::HeaderAction>(9));
    message.mutable_headers()->add_out();
    message.set_customer("trunks/acme");
    const auto converted = from_proto(message);
    CHECK(fields(converted.errors) == Fields{"customer", "destinations.hours[0].windows[0].days[0]",
                                             "headers.in[0].action", "headers.out[0].action"});
    const auto errors = fields(config::validate(converted.value));
    const auto has = [&](const std::string& field) { return std::count(errors.begin(), errors.end(), field) == 1; };
    CHECK_FALSE(has("destinations.hours[0].windows[0].from"));
    for (int i = 1; i <= 6; ++i) CHECK(has("destinations.hours[0].windows[" + std::to_string(i) + "].from"));
    CHECK(has("destinations.time_zone"));
}

TEST_CASE("a trunk about whose SRTP nobody says anything has it where its keys are safe") {
    using namespace provisioning::v1;
    using enum config::SrtpPolicy;
    CHECK(srtp_of({}) == required);
    CHECK(srtp_of({TRANSPORT_TLS}) == required);
    CHECK(srtp_of({TRANSPORT_TLS, TRANSPORT_UDP}) == off);
    CHECK(srtp_of({TRANSPORT_TCP}) == off);
}

TEST_CASE("no field of the API's trunk is forgotten by the converter") {
    const auto message = to_proto(full_trunk(), Secrets::included);
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
        const auto* field = message.GetDescriptor()->field(i);
        INFO(field->name());
        const auto& r = *message.GetReflection();
        CHECK((field->is_repeated() ? r.FieldSize(message, field) > 0 : r.HasField(message, field)));
    }
}

TEST_CASE("nor is a field of its TLS") {
    const auto message = to_proto(full_trunk(), Secrets::included).tls();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
        const auto* field = message.GetDescriptor()->field(i);
        INFO(field->name());
        const auto& r = *message.GetReflection();
        CHECK((field->is_repeated() ? r.FieldSize(message, field) > 0 : r.HasField(message, field)));
    }
}

TEST_CASE("certificates are looked at when they come in, fingerprints are taken as tools print them") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_STATIC);
    auto& tls = *message.mutable_tls();
    tls.add_authorities(authority);
    tls.add_authorities("no certificate");
    tls.add_certificates(authority + authority);
    tls.add_certificates(authority + "\n \n");
    tls.add_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    tls.add_fingerprints("AB:CD:" + std::string(60, 'E'));
    tls.set_client_certificate(static_cast<pb::TlsClientCertificate>(9));
    tls.set_ocsp(static_cast<pb::OcspPolicy>(9));
    const auto converted = from_proto(message);
    CHECK(fields(converted.errors) == Fields{"tls.client_certificate", "tls.authorities[1]", "tls.certificates[0]",
                                             "tls.certificates[2]", "tls.ocsp"});
    CHECK(converted.value.tls.fingerprints == Fields{"abcd" + std::string(60, 'e')});
}

TEST_CASE("no field of the API's carrier and route is forgotten either") {
    const auto complete = [](const auto& message) {
        for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
            const auto* field = message.GetDescriptor()->field(i);
            INFO(field->full_name());
            const auto& r = *message.GetReflection();
            CHECK((field->is_repeated() ? r.FieldSize(message, field) > 0 : r.HasField(message, field)));
        }
    };
    complete(to_proto(full_carrier()));
    complete(to_proto(full_trunk(), Secrets::hidden).numbering());
    complete(to_proto(full_trunk(), Secrets::hidden).numbering().dial_plan());
    complete(to_proto(full_trunk(), Secrets::hidden).identity());
    complete(to_proto(full_trunk(), Secrets::hidden).limits());
    complete(to_proto(full_trunk(), Secrets::hidden).number_limits(0));
    complete(to_proto(full_trunk(), Secrets::hidden).destinations());
    complete(to_proto(full_trunk(), Secrets::hidden).destinations().hours(0));
    complete(to_proto(full_trunk(), Secrets::hidden).destinations().hours(0).windows(0));
    complete(to_proto(full_trunk(), Secrets::hidden).headers());
    complete(to_proto(full_trunk(), Secrets::hidden).headers().out(1));
    complete(to_proto(config::Customer{"acme", "ACME", {100, 7.5, 20, 9'600}, true, 3}));
    complete(to_proto(config::Customer{"acme", "ACME", {100, 7.5, 20, 9'600}, true, 3}).limits());
    complete(to_proto(full_route()));
    complete(to_proto(full_route()).areas(0));
    complete(to_proto(full_route()).areas(0).civic(0));
    complete(to_proto(full_route()).areas(0).circles(0));
    complete(to_proto(full_route()).areas(0).polygons(0).points(0));
}

TEST_CASE("an enum value of a later version is named, not guessed") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_STATIC);
    message.mutable_identity()->set_screening(static_cast<pb::Screening>(99));
    message.mutable_identity()->set_from(static_cast<pb::FromPolicy>(99));
    CHECK(fields(from_proto(message).errors) == Fields{"identity.screening", "identity.from"});
    pb::Route route;
    route.add_choices()->set_carrier("core");
    CHECK(fields(from_proto(route).errors) == Fields{"choices[0].carrier"});
}

TEST_CASE("a static trunk is probed unless it says otherwise; a registered one is not") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_STATIC);
    CHECK(from_proto(message).value.network.options_interval_seconds == 30);
    message.mutable_network()->set_unprobed(true);
    const auto unprobed = from_proto(message);
    CHECK(unprobed.errors.empty());
    CHECK(unprobed.value.network.options_interval_seconds == 0);
    CHECK(from_proto(to_proto(unprobed.value, Secrets::included)).value == unprobed.value);
    message.mutable_network()->set_options_interval_seconds(10);
    message.mutable_network()->set_nat(static_cast<pb::NatMode>(9));
    message.mutable_network()->set_ip_version(static_cast<pb::IpVersion>(9));
    CHECK(fields(from_proto(message).errors) == Fields{"network.ip_version", "network.nat", "network.unprobed"});
    message.clear_network();
    message.set_mode(pb::TRUNK_MODE_REGISTRATION);
    CHECK(from_proto(message).value.network == config::TrunkNetwork{});
}

TEST_CASE("an operator never gets a hash back, only which algorithms there are") {
    const auto message = to_proto(full_trunk(), Secrets::hidden);
    CHECK(message.credentials(0).ha1_md5().empty());
    CHECK(message.credentials(0).ha1_sha256().empty());
    CHECK(message.credentials(0).password().empty());
    REQUIRE(message.credentials(0).algorithms_size() == 2);
    CHECK(message.credentials(0).algorithms(1) == "SHA-256");
}

TEST_CASE("HA1 as RFC 7616 3.9.1 and RFC 2617 3.5 have it") {
    CHECK(ha1_md5("Mufasa", "testrealm@host.com", "Circle Of Life") == "939e7578ed9e3c518a452acee763bce9");
    CHECK(ha1_md5("Mufasa", "http-auth@example.org", "Circle of Life") == "3d78807defe7de2157e2b0b6573a855f");
    CHECK(ha1_sha256("Mufasa", "http-auth@example.org", "Circle of Life") ==
          "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
}

TEST_CASE("a password becomes both hashes, for the realm that is given or the domain") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_REGISTRATION);
    message.set_registration_aor("sip:Mufasa@http-auth.example");
    auto& credential = *message.add_credentials();
    credential.set_username("Mufasa");
    credential.set_password("Circle of Life");
    CHECK(from_proto(message).value.credentials[0].ha1_md5 == ha1_md5("Mufasa", "http-auth.example", "Circle of Life"));
    credential.set_digest_realm("http-auth@example.org");
    CHECK(from_proto(message).value.credentials[0].ha1_sha256 ==
          "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
    credential.set_ha1_md5(std::string(32, 'a'));
    CHECK(fields(from_proto(message).errors) == Fields{"credentials[0].password"});
}

TEST_CASE("a password is drawn where none is stored, told once, and another one every time [SC-16.6.1-10]") {
    pb::Trunk message;
    message.set_name("trunks/acme");
    message.set_mode(pb::TRUNK_MODE_REGISTRATION);
    message.set_registration_aor("sip:acme@sip.example");
    message.add_credentials()->set_username("acme");
    message.mutable_credentials(0)->set_generate(true);
    auto converted = from_proto(message);
    CHECK(converted.errors.empty());
    SeededRandom random(1);
    const auto secrets = generate_secrets(converted.value, converted.generate, nullptr, random);
    REQUIRE(secrets.size() == 1);
    CHECK(secrets[0].trunk() == "trunks/acme");
    CHECK(secrets[0].digest_realm() == "sip.example");
    CHECK(secrets[0].password().size() == 32);  // 5 bits each
    CHECK(converted.value.credentials[0].ha1_sha256 == ha1_sha256("acme", "sip.example", secrets[0].password()));

    auto again = from_proto(message);
    CHECK(generate_secrets(again.value, again.generate, &converted.value, random).empty());
    CHECK(again.value.credentials[0].ha1_sha256.empty());  // what is stored stays
    const auto renewed = renew_secret(again.value, "acme", "", random);
    CHECK(renewed.password() != secrets[0].password());
    CHECK(again.value.credentials.size() == 1);
    renew_secret(again.value, "spare", "", random);
    CHECK(again.value.credentials.size() == 2);
}

TEST_CASE("a password that somebody would guess is refused, and so is one beside generate [SC-16.6.1-09]") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_REGISTRATION);
    message.set_registration_aor("sip:acme@sip.example");
    auto& credential = *message.add_credentials();
    credential.set_username("acme");
    credential.set_password("Password2024");
    CHECK(fields(from_proto(message).errors) == Fields{"credentials[0].password"});
    credential.set_password("rather hard to guess");
    CHECK(from_proto(message).errors.empty());
    credential.set_generate(true);
    CHECK(fields(from_proto(message).errors) == Fields{"credentials[0].generate"});
}

TEST_CASE("hashes are taken in either case") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_REGISTRATION);
    message.add_credentials()->set_ha1_md5(std::string(32, 'A'));
    CHECK(from_proto(message).value.credentials[0].ha1_md5 == std::string(32, 'a'));
}

TEST_CASE("what the model cannot hold is named: enums, ranges, addresses, names") {
    pb::Trunk message;
    message.set_name("carriers/x");
    message.add_transports(static_cast<pb::Transport>(9));
    message.mutable_media()->set_srtp(static_cast<pb::SrtpPolicy>(9));
    auto& target = *message.add_targets();
    target.set_port(65'536);
    target.set_priority(100'000);
    target.set_weight(100'000);
    target.set_transport(static_cast<pb::Transport>(9));
    message.add_sources("192.0.2.0/24");
    message.add_sources("192.0.2.0/33");
    CHECK(fields(from_proto(message).errors) == Fields{"name", "mode", "transports[0]", "targets[0].port",
                                                       "targets[0].transport", "targets[0].priority",
                                                       "targets[0].weight", "sources[1]", "media.srtp"});
    pb::Route route;
    route.add_carriers("core");
    CHECK(fields(from_proto(route).errors) == Fields{"carriers[0]"});
    pb::Carrier carrier;
    carrier.add_reroute_statuses(70'000);
    CHECK(fields(from_proto(carrier).errors) == Fields{"reroute_statuses[0]"});
}

TEST_CASE("absent numbers get their documented defaults; one number is a range of one") {
    pb::Trunk message;
    message.set_mode(pb::TRUNK_MODE_REGISTRATION);
    message.add_numbers()->set_first("+4930");
    const auto trunk = from_proto(message).value;
    CHECK(trunk.limits.max_contacts == 4);
    CHECK(trunk.limits.registration_expires_seconds == 3'600);
    CHECK(trunk.limits.concurrent_calls == 60);
    CHECK(trunk.limits.calls_per_second == 10);
    CHECK(trunk.limits.cost_per_day == 100);
    message.mutable_limits();
    CHECK(from_proto(message).value.limits.concurrent_calls == 0);
    CHECK(from_proto(message).value.limits.calls_per_second == 0);
    CHECK(from_proto(message).value.limits.cost_per_day ==
          100);  // what is new is bounded though other limits are written
    message.mutable_limits()->set_cost_per_day(0);
    CHECK(from_proto(message).value.limits.cost_per_day == 0);
    CHECK(trunk.media.inactivity_seconds == 300);
    CHECK(trunk.media.srtp == config::SrtpPolicy::required);
    CHECK(trunk.numbers[0].last == "+4930");
    const auto carrier = from_proto(pb::Carrier()).value;
    CHECK(carrier.media.srtp == config::SrtpPolicy::off);
    CHECK(carrier.options_interval_seconds == 30);
    CHECK(carrier.reroute_statuses == std::vector<std::uint16_t>{408, 500, 502, 503, 504});
}

TEST_CASE("violations carry the API's field paths; a field that could not be converted is told once") {
    pb::ApplyRequest request;
    auto& trunk = *request.add_changes()->mutable_put_trunk();
    trunk.set_name("trunks/acme");
    trunk.set_mode(pb::TRUNK_MODE_REGISTRATION);
    trunk.add_sources("nonsense");
    request.add_changes();
    request.add_changes()->set_delete_("trunks/none");
    const auto converted = from_proto(request);
    const auto outcome = config::apply({}, converted.change);
    REQUIRE(outcome.has_error());
    Fields all;
    for (const auto& v : merge(converted.violations, outcome.error(), converted.prefixes)) all.push_back(v.field);
    CHECK(all == Fields{"changes[0].put_trunk.sources[0]", "changes[1]", "changes[0].put_trunk.realm",
                        "changes[0].put_trunk.registration_aor", "changes[0].put_trunk.credentials",
                        "changes[0].put_trunk.sources", "changes[0].put_trunk.numbers", "changes[2].delete"});
}

TEST_CASE("two violations of one field are both told") {
    const config::Violations two{{0, "numbers[0]", "overlaps a"}, {0, "numbers[0]", "overlaps b"}};
    CHECK(merge({}, two, {"trunk"}) ==
          FieldViolations{{"trunk.numbers[0]", "overlaps a"}, {"trunk.numbers[0]", "overlaps b"}});
    CHECK(merge({{"trunk.numbers[0]", "cannot be read"}}, two, {"trunk"}).size() == 1);
}

TEST_CASE("a mask replaces what it names, nested fields and whole lists, and nothing else") {
    const auto stored = to_proto(full_trunk(), Secrets::hidden);
    pb::Trunk update;
    update.mutable_limits()->set_concurrent_calls(99);
    update.set_display_name("ignored");
    update.add_numbers()->set_first("+1");
    google::protobuf::FieldMask mask;
    mask.add_paths("limits.concurrent_calls");
    mask.add_paths("numbers");
    mask.add_paths("single_aor_compatibility");
    const auto merged = merge(stored, update, mask);
    CHECK(merged.violations.empty());
    CHECK(merged.message.limits().concurrent_calls() == 99);
    CHECK(merged.message.limits().max_contacts() == 3);
    CHECK(merged.message.numbers_size() == 1);
    CHECK(merged.message.display_name() == "ACME");
    CHECK(!merged.message.single_aor_compatibility());
    CHECK(merged.message.name() == "trunks/acme-hq");
}

TEST_CASE("without a mask what is set is replaced; with * everything is") {
    const auto stored = to_proto(full_trunk(), Secrets::hidden);
    pb::Trunk update;
    update.set_realm("other");
    const auto some = merge(stored, update, {});
    CHECK(some.message.realm() == "other");
    CHECK(some.message.display_name() == "ACME");
    google::protobuf::FieldMask all;
    all.add_paths("*");
    const auto whole = merge(stored, update, all);
    CHECK(whole.message.display_name().empty());
    CHECK(whole.message.name() == "trunks/acme-hq");
}

TEST_CASE("a mask with paths that are none is refused, each named") {
    google::protobuf::FieldMask mask;
    mask.add_paths("limits.calls");
    mask.add_paths("realm");
    mask.add_paths("credentials.password");
    const auto merged = merge(pb::Trunk(), pb::Trunk(), mask);
    REQUIRE(merged.violations.size() == 2);
    CHECK(merged.violations[0].field == "update_mask.paths[0]");
    CHECK(merged.violations[1].field == "update_mask.paths[2]");
}

TEST_CASE("error details fit the trailer of a client that was not told otherwise") {
    FieldViolations many;
    for (int i = 0; i < 100; ++i) many.push_back({"changes[0].put_trunk.numbers", std::string(200, 'x')});
    const auto status = bad_request(3, "refused", many);
    CHECK(status.ByteSizeLong() < 6'000);
    google::rpc::BadRequest details;
    REQUIRE(status.details(0).UnpackTo(&details));
    CHECK(status.details(0).type_url() == "type.googleapis.com/google.rpc.BadRequest");
    const auto shown = details.field_violations_size() - 1;
    CHECK(details.field_violations(shown).description() == "and " + std::to_string(100 - shown) + " more");
    google::rpc::BadRequest whole;
    REQUIRE(bad_request(3, "refused", many, 1u << 20).details(0).UnpackTo(&whole));
    CHECK(whole.field_violations_size() == 100);
}

TEST_CASE("a snapshot arrives whole, with hashes and indexes, or not at all") {
    config::Snapshot snapshot;
    snapshot.revision = 5;
    auto trunk = full_trunk();
    trunk.disabled = false;
    trunk.mode = config::TrunkMode::registration;
    snapshot.trunks[trunk.id] = trunk;
    snapshot.carriers["core"] = full_carrier();
    snapshot.customers["acme"] = {"acme", "ACME", {100, 0, 0, 0}};
    auto message = to_proto(snapshot);
    const auto received = wire::from_proto(message);
    REQUIRE(received.has_value());
    CHECK((*received)->revision == 5);
    CHECK((*received)->trunks.at("acme-hq") == trunk);
    CHECK((*received)->trunks.at("acme-hq").destinations.zone == time_zone("Europe/Berlin"));
    CHECK((*received)->customer_of(trunk)->limits.concurrent_calls == 100);
    CHECK((*received)->trunk_by_number("+49305")->id == "acme-hq");
    message.mutable_trunks(0)->add_sources("nonsense");
    const auto refused = wire::from_proto(message);
    REQUIRE(refused.has_error());
    CHECK(refused.error().sentence.find("trunks/acme-hq: sources[2]: ") == 0);
}

TEST_CASE("etags are revisions; anything else is none") {
    CHECK(revision_of(etag_of(18'446'744'073'709'551'615u)) == 18'446'744'073'709'551'615u);
    for (const auto* text : {"", "x", "1x", "-1", " 1"}) CHECK(revision_of(text) == 0);
}

#include "control/cli/command_tree.h"

#include "control/cli/help_texts.h"
#include "control/cli/instant.h"
#include "control/cli/trunk_sheet.h"

namespace sallyport::cli {

CommandTree::CommandTree()
    : app_("sallyport: provisions and looks after Sallyport, a session border controller.", "sallyport") {
    app_.footer(examples);
    app_.require_subcommand(1);
    app_.set_version_flag("--version", SALLYPORT_VERSION);
    app_.set_help_all_flag("--help-all", "help of every command");
    app_.fallthrough();
    app_.add_option("--server", connection_.server, "address and port of sallyport-control, e.g. 127.0.0.1:7443");
    app_.add_option("--ca", connection_.ca, "PEM file of the CA that signed control's certificate");
    app_.add_option("--cert", connection_.cert, "PEM file of your client certificate");
    app_.add_option("--key", connection_.key, "PEM file of its private key");
    app_.add_option("--server-name", connection_.server_name, "name in control's certificate, if not the address");
    app_.add_option("--timeout", connection_.timeout_seconds, "seconds that control may take to answer")
        ->check(CLI::Range(0.1, 3'600.0))
        ->capture_default_str();
    app_.add_flag("--json", json_, "print JSON for programs instead of tables");
    add_apply();
    add_resources();
    add_status();
    add_trunks();
    add_customers();
    add_explain();
    add_drain();
    add_registrations();
    add_secrets();
    add_calls();
    add_media();
    add_dns();
    add_certificates();
    add_records();
    add_completion();
}

CLI::App* CommandTree::group(const std::string& name, const std::string& help) {
    auto* group = app_.add_subcommand(name, help);
    group->require_subcommand(1);
    group->fallthrough();
    return group;
}

CLI::App* CommandTree::verb(CLI::App* parent, const std::string& name, const std::string& help, Command command) {
    auto* verb = parent->add_subcommand(name, help);
    verb->fallthrough();
    verb->callback([this, command = std::move(command)] { command_ = command; });
    return verb;
}

void CommandTree::watchable(CLI::App* verb) {
    verb->add_option("--watch", watch_, "again every SECONDS (2 if not given) until Ctrl-C")
        ->expected(0, 1)
        ->default_str("2")
        ->check(CLI::Range(0.2, 3'600.0));
}

void CommandTree::add_apply() {
    auto* apply_verb = verb(&app_, "apply", "create and change resources from a YAML file, all or nothing",
                            [this](Session& s) { return apply(s, apply_); });
    apply_verb->footer(apply_help);
    apply_verb->add_option("-f,--file", apply_.file, "YAML file; - reads standard input")->required();
    apply_verb->add_flag("--dry-run", apply_.dry_run, "check everything and show the difference, change nothing");
    apply_verb->add_flag("--prune", apply_.prune, "delete what exists and the file does not name");
}

void CommandTree::add_resources() {
    const std::pair<const char*, const char*> kinds[] = {
        {"trunk", "trunks"}, {"carrier", "carriers"}, {"route", "routes"}, {"customer", "customers"}};
    auto* get_group = group("get", "one resource as YAML, ready for apply -f");
    auto* list_group = group("list", "resources as a table");
    auto* delete_group = group("delete", "delete a resource");
    for (const auto& [kind, plural] : kinds) {
        const std::string name = kind;
        auto* one = verb(get_group, name, "one " + name, [this, name](Session& s) { return get(s, name, name_); });
        one->add_option("NAME", name_, "e.g. acme-hq")->required();
        verb(list_group, plural, std::string("all ") + plural, [name](Session& s) { return list(s, name); });
        auto* gone = verb(delete_group, name, "delete one " + name,
                          [this, name](Session& s) { return remove(s, name, name_, etag_, dry_run_); });
        gone->add_option("NAME", name_, "e.g. acme-hq")->required();
        gone->add_option("--etag", etag_, "only if this is still its etag (see get)");
        gone->add_flag("--dry-run", dry_run_, "only say whether it could be deleted");
    }
}

void CommandTree::add_status() {
    watchable(verb(&app_, "status", "daemons, planes, carriers, warnings", [](Session& s) { return status(s); }));
}

void CommandTree::add_trunks() {
    auto* trunks = group("trunk", "how trunks are, and what their PBXs' administrators need");
    watchable(verb(trunks, "list", "state of every trunk, since when, and why",
                   [](Session& s) { return list_trunk_states(s); }));
    auto* show = verb(trunks, "show", "one trunk: state, registrations, calls",
                      [this](Session& s) { return show_trunk(s, name_); });
    show->add_option("NAME", name_, "e.g. acme-hq")->required();
    auto* sheet = verb(trunks, "sheet", "what the administrator of its PBX needs",
                       [this](Session& s) { return trunk_sheet(s, name_, pbx_); });
    sheet->add_option("NAME", name_, "e.g. acme-hq")->required();
    sheet->add_option("--pbx", pbx_, "with a configuration to start from")->check(CLI::IsMember(sheet_pbxs()));
}

void CommandTree::add_customers() {
    auto* customers = group("customer", "what customers use of the limits of their trunks together");
    watchable(verb(customers, "list", "calls and media of every customer, and its limits",
                   [](Session& s) { return list_customer_states(s); }));
    auto* show = verb(customers, "show", "one customer", [this](Session& s) { return show_customer(s, name_); });
    show->add_option("NAME", name_, "e.g. acme")->required();
}

void CommandTree::add_explain() {
    auto* explain_verb = verb(&app_, "explain", "what the node would do with an INVITE, and every rule that says so",
                              [this](Session& s) {
                                  explain_.at = instant(at_).value_or(0);
                                  return explain(s, explain_);
                              });
    explain_verb->footer(explain_help);
    explain_verb->add_option("FILE", explain_.file, "an INVITE as on the wire; - reads standard input")->required();
    auto* whose = explain_verb->add_option_group("whose");
    whose->add_option("--trunk", explain_.trunk, "the PBX of this trunk sends it, e.g. acme-hq");
    whose->add_option("--carrier", explain_.carrier, "this carrier sends it, e.g. core");
    whose->require_option(1);
    explain_verb->add_option("--candidate", explain_.candidate,
                             "with this file applied, which is not: YAML as for apply -f");
    explain_verb->add_option("--at", at_, "at this time, e.g. 2026-11-29T03:00:00Z; if not given now")
        ->check(CLI::Validator(instant_problem, "TIME"));
}

void CommandTree::add_drain_options(CLI::App* drain_verb) {
    drain_verb->add_flag("!--no-wait", drain_.wait, "do not wait until the last one has ended");
    drain_verb->add_option("--max-wait", drain_.patience_seconds, "seconds; then exit code 1, still draining")
        ->check(CLI::Range(0.1, 1e6));
}

void CommandTree::add_drain() {
    add_drain_options(verb(&app_, "drain", "no new work: 503 for calls, registrations and OPTIONS; calls go on",
                           [this](Session& s) { return drain(s, drain_); }));
    verb(&app_, "undrain", "take new work again", [](Session& s) { return undrain(s); });
}

void CommandTree::add_registrations() {
    auto* registrations = verb(group("registration", "what PBXs have registered"), "list", "registrations as a table",
                               [this](Session& s) { return list_registrations(s, trunk_, lost_); });
    registrations->add_option("--trunk", trunk_, "of this trunk only");
    registrations->add_flag("--lost", lost_, "those too whose connection is gone");
    watchable(registrations);
}

void CommandTree::add_secrets() {
    auto* secret = verb(group("secret", "passwords of trunks"), "generate",
                        "a new password of a trunk, 160 random bits, shown this once",
                        [this](Session& s) { return generate_secret(s, name_, username_); });
    secret->add_option("TRUNK", name_, "e.g. acme-hq")->required();
    secret->add_option("--username", username_, "of this credential; that of the first one if not given");
    auto* lockouts = group("lockout", "who gave wrong credentials too often");
    watchable(
        verb(lockouts, "list", "sources and names that are locked out", [](Session& s) { return list_lockouts(s); }));
    auto* release = verb(lockouts, "release", "end lock-outs before their time",
                         [this](Session& s) { return release_lockouts(s, source_, trunk_); });
    auto* which = release->add_option_group("which");
    which->add_option("--source", source_, "of this address, e.g. 192.0.2.10");
    which->add_option("--trunk", trunk_, "of this trunk's user names and AOR");
    which->add_flag("--all", all_, "every one");
    which->require_option(1, 2);
}

void CommandTree::add_calls() {
    auto* calls = group("call", "live calls and finished ones");
    auto* list_verb = verb(calls, "list", "live calls first, then finished ones, newest first",
                           [this](Session& s) { return list_calls(s, trunk_, live_, limit_); });
    list_verb->add_option("--trunk", trunk_, "of this trunk only");
    list_verb->add_flag("--live", live_, "live calls only");
    list_verb->add_option("--limit", limit_, "at most so many, 50 if not given")->check(CLI::Range(1, 1'000'000));
    watchable(list_verb);
    auto* show = verb(calls, "show", "one call: facts, message ladder, media",
                      [this](Session& s) { return show_call(s, name_); });
    show->add_option("ID", name_, "as listed, or the SIP Call-ID of either leg")->required();
}

void CommandTree::add_media() {
    auto* media = group("media", "the media plane");
    watchable(
        verb(media, "sessions", "media sessions with their legs", [](Session& s) { return list_media_sessions(s); }));
    auto* top = verb(media, "top", "the worst or the most active sessions, again and again on a terminal",
                     [this](Session& s) { return show_top(s, top_); });
    top->add_option("--sort", top_.by, "what comes first")->check(CLI::IsMember(top_words()))->capture_default_str();
    top->add_option("--trunk", top_.trunk, "of this trunk only");
    top->add_option("--limit", top_.limit, "so many sessions")->check(CLI::Range(1, 200))->capture_default_str();
    top->add_flag("--once", once_, "once, as it is where the output is no terminal");
    top->callback([this] {
        command_ = [this](Session& s) { return show_top(s, top_); };
        refreshes_ = true;
    });
    watchable(top);
    auto* capture = verb(media, "capture", "packets of one call into a file for tshark and Wireshark",
                         [this](Session& s) { return capture_media(s, capture_); });
    capture->footer(capture_help);
    capture->add_option("CALL", capture_.call, "as listed, the SIP Call-ID of either leg, or a media session")
        ->required();
    capture->add_option("--file", capture_.file, "pcapng; - is standard output; nothing is overwritten")->required();
    capture->add_option("--seconds", capture_.seconds, "at most")->check(CLI::Range(1, 3'600))->capture_default_str();
    capture->add_option("--packets", capture_.packets, "at most")
        ->check(CLI::Range(1, 10'000'000))
        ->capture_default_str();
    capture->add_flag("--decrypted", capture_.decrypted, "what SRTP hides, in clear (role decrypt)");
    add_drain_options(verb(media, "drain", "no new media sessions: 503 for calls but emergencies; what is up goes on",
                           [this](Session& s) { return drain_media(s, drain_); }));
    verb(media, "undrain", "take new media sessions again", [](Session& s) { return undrain_media(s); });
}

void CommandTree::add_dns() {
    auto* dns = group("dns", "what the provider publishes for its PBXs");
    const auto common = [this](CLI::App* verb) {
        verb->add_option("DOMAIN", dns_.domain, "the domain that PBXs are configured with, e.g. sip.example.com")
            ->required();
        verb->add_option("--realm", dns_.realm, "the realm of the PBXs, if the node has several");
    };
    auto* zone = verb(dns, "zone", "print the zone: NAPTR, SRV and one IP version to a host name",
                      [this](Session& s) { return print_zone(s, dns_); });
    common(zone);
    zone->add_option("--ttl", dns_.ttl_seconds, "seconds, 300 if not given")->check(CLI::Range(1, 604'800));
    auto* check = verb(dns, "check", "walk DNS as a PBX would: exit code 1 if it does not lead here",
                       [this](Session& s) { return check_dns(s, dns_); });
    common(check);
    check->add_option("--server", dns_.server,
                      "ask this one, e.g. 192.0.2.53 or 192.0.2.53@5353; if not given those of /etc/resolv.conf");
}

void CommandTree::add_certificates() {
    auto* request = group("certificate", "what the node shows its PBXs over TLS")
                        ->add_subcommand("request", "a new key, and a request for your CA to sign");
    request->fallthrough();
    request->footer(certificate_help);
    request->callback([this] {
        local_command_ = [this](bool json, std::ostream& out) { return request_certificate(certificate_, json, out); };
    });
    request
        ->add_option("--realm-domain", certificate_.domain,
                     "the domain that PBXs are configured with, e.g. sip.example.com")
        ->required()
        ->check(CLI::Validator(realm_domain_problem, "NAME"));
    request
        ->add_option("--san", certificate_.also,
                     "one more name, may be repeated: NAME (as SIP URI and DNS name), URI:sip:NAME or DNS:NAME")
        ->allow_extra_args(false)
        ->check(CLI::Validator(alternative_name_problem, "NAME"));
    request->add_option("--key-type", certificate_.key_type, "of the key")
        ->check(CLI::IsMember(key_type_words()))
        ->capture_default_str();
    request->add_option("--key-out", certificate_.key_out,
                        "where the key goes, mode 0600; if not given beside the request, ending in .key");
    request->add_option("--out", certificate_.out, "where the request goes")->required();
}

void CommandTree::add_records() {
    auto* records = group("record", "call records for billing");
    auto* fetch = verb(records, "fetch", "the next records of a consumer, one JSON object per line",
                       [this](Session& s) { return fetch_records(s, consumer_, max_, acknowledge_); });
    fetch->add_option("--consumer", consumer_, "whose place in the spool, e.g. billing")->required();
    fetch->add_option("--max", max_, "at most so many, 1000 if not given")->check(CLI::Range(1, 10'000));
    fetch->add_flag("--ack", acknowledge_, "acknowledge what was printed");
    auto* ack = verb(records, "ack", "acknowledge: these records are safe, go on behind them",
                     [this](Session& s) { return acknowledge_records(s, consumer_, name_); });
    ack->add_option("--consumer", consumer_, "whose place in the spool, e.g. billing")->required();
    ack->add_option("POSITION", name_,
                    "as fetch printed it, e.g. 12:4096; one behind what was acknowledged before is refused")
        ->required();
}

void CommandTree::add_completion() {
    auto* completion = group("completion", "shell completion");
    completion->add_subcommand("bash", "source <(sallyport completion bash)")->callback([this] { completion_ = true; });
}

}  // namespace sallyport::cli

// What each command of `sallyport` does once its arguments are known. Each prints to `out`, returns the exit code, and
// throws Failure for a sentence on standard error and exit code 1.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "control/cli/connection.h"

namespace sallyport::cli {

enum Exit : int { done = 0, refused = 1, usage = 2 };

struct Session {
    Client& client;
    bool json = false;
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
};

struct ApplyArguments {
    std::string file;  // "-": standard input
    bool dry_run = false;
    bool prune = false;
};
int apply(Session& session, const ApplyArguments& arguments);

struct ExplainArguments {
    std::string file;            // an INVITE; "-": standard input
    std::string trunk, carrier;  // one of them: whose it is
    std::string candidate;       // YAML as for apply; empty: what is provisioned
    std::int64_t at = 0;         // seconds since 1970; 0: now
};
int explain(Session& session, const ExplainArguments& arguments);

// kind: "trunk", "carrier", "route", "customer"; name with or without "trunks/".
int get(Session& session, const std::string& kind, const std::string& name);
int list(Session& session, const std::string& kind);
int remove(Session& session, const std::string& kind, const std::string& name, const std::string& etag, bool dry_run);

struct DnsArguments {
    std::string domain;  // the PBXs' provider domain
    std::string realm;   // empty: the only access realm
    std::string server;  // empty: those of /etc/resolv.conf
    std::uint32_t ttl_seconds = 300;
};
int print_zone(Session& session, const DnsArguments& arguments);
int check_dns(Session& session, const DnsArguments& arguments);

// Of the realm's certificate. Needs no daemon.
struct CertificateArguments {
    std::string domain;                // what PBXs are configured with
    std::vector<std::string> also;     // "NAME" (sip URI and DNS name), "URI:sip:NAME", "DNS:NAME"
    std::string key_type = "ec-p256";  // one of key_type_words()
    std::string key_out;               // empty: `out` with the ending .key
    std::string out;
};
int request_certificate(CertificateArguments arguments, bool json, std::ostream& out);
std::vector<std::string> key_type_words();
// Sentences; empty: nothing is wrong.
std::string realm_domain_problem(const std::string& word);
std::string alternative_name_problem(const std::string& word);

int status(Session& session);
int list_registrations(Session& session, const std::string& trunk, bool lost);
int list_lockouts(Session& session);
int release_lockouts(Session& session, const std::string& source, const std::string& trunk);
int generate_secret(Session& session, const std::string& trunk, const std::string& username);
int list_calls(Session& session, const std::string& trunk, bool live_only, int limit);
int show_call(Session& session, const std::string& id);
int list_media_sessions(Session& session);
struct TopArguments {
    std::string by = "mos";  // one of top_words()
    std::string trunk;       // empty: of every trunk
    int limit = 10;
};
int show_top(Session& session, const TopArguments& arguments);
std::vector<std::string> top_words();
struct CaptureArguments {
    std::string call;  // its id, the SIP Call-ID of a leg, or a media session's name
    std::string file;  // "-": standard output
    std::uint32_t seconds = 60;
    std::uint64_t packets = 100'000;
    bool decrypted = false;
};
int capture_media(Session& session, const CaptureArguments& arguments);
int fetch_records(Session& session, const std::string& consumer, int max, bool acknowledge);
int acknowledge_records(Session& session, const std::string& consumer, const std::string& position);

int list_customer_states(Session& session);
int show_customer(Session& session, const std::string& name);
// "3 of 10", or "3" where nothing limits it.
std::string used_text(std::uint64_t used, std::uint64_t limit, std::string_view unit = {});

int list_trunk_states(Session& session);
int show_trunk(Session& session, const std::string& name);
// What the administrator of the trunk's PBX needs; `pbx`: "" or one of sheet_pbxs().
int trunk_sheet(Session& session, const std::string& name, const std::string& pbx);
struct DrainArguments {
    bool wait = true;             // until no call is left
    double patience_seconds = 0;  // at most; 0: as long as it takes
};
int drain(Session& session, const DrainArguments& arguments);
int undrain(Session& session);
// The same of the media plane alone: no new media sessions.
int drain_media(Session& session, const DrainArguments& arguments);
int undrain_media(Session& session);

// One object, indented, field names as in the protos; numbers of 64 bits are strings, as protobuf's JSON has them.
void print_json(std::ostream& out, const google::protobuf::Message& message);

}  // namespace sallyport::cli

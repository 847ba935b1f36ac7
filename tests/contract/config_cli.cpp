// The `sallyport` command against the real daemon: what an operator types, reads, and gets as exit code.
#include <signal.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "config_daemon.h"
#include "control/records/spool.h"

using namespace sallyport::test;

namespace {

struct Ran {
    int code;
    std::string out, err;
};

// The operator's shell on that daemon's host.
struct Shell {
    ControlDaemon daemon;
    std::string client = "oss";

    Ran run(const std::string& arguments) const {
        const auto certificate = daemon.path(client);
        const auto command = "SALLYPORT_CLI_CONFIG=" + daemon.path("cli.yaml") +
                             " SALLYPORT_SERVER=" + daemon.server() + " SALLYPORT_CA=" + daemon.path("ca.pem") +
                             " SALLYPORT_CERT=" + certificate + ".pem SALLYPORT_KEY=" + certificate +
                             ".key " SALLYPORT_CLI " " + arguments + " >" + daemon.path("out") + " 2>" +
                             daemon.path("err");
        const int status = std::system(command.c_str());
        return {WEXITSTATUS(status), read_file(daemon.path("out")), read_file(daemon.path("err"))};
    }
    std::string file(const std::string& name, std::string_view text) const {
        write_file(daemon.path(name), text);
        return daemon.path(name);
    }
    Shell() { write_file(daemon.path("cli.yaml"), ""); }
};

constexpr std::string_view good = R"(kind: Trunk
name: acme-hq
mode: registration
realm: access
registration_aor: sip:acme-hq@sip.example.com
credentials:
  - {username: acme-hq, password: correct-horse}
numbers: ["+4930123400..+4930123499"]
---
kind: Carrier
name: core
realm: core
targets: [{host: 192.0.2.9, port: 5060, transport: udp}]
---
kind: Route
name: default
prefix: ""
carriers: [core]
)";

bool contains(const std::string& text, std::string_view part) {
    INFO(text);
    INFO(part);
    const bool found = text.find(part) != std::string::npos;
    CHECK(found);
    return found;
}

}  // namespace

TEST_CASE(
    "apply: the dry run shows what would change and changes nothing; then it is done, then there is nothing to do") {
    Shell shell;
    const auto file = shell.file("p.yaml", good);
    const auto dry = shell.run("apply -f " + file + " --dry-run");
    CHECK(dry.code == 0);
    CHECK(dry.out ==
          "create     trunks/acme-hq\ncreate     carriers/core\ncreate     routes/default\n"
          "dry run: nothing was applied\n");
    CHECK(shell.run("list trunks").out == "NAME  MODE  REALM  REACHED AT  NUMBERS  CALLS  STATE\n");
    const auto applied = shell.run("apply -f " + file);
    CHECK(applied.code == 0);
    contains(applied.out, "create     trunks/acme-hq\n");
    contains(applied.out, "revision 1 is stored\n");
    contains(shell.run("apply -f - < " + file).out, "unchanged  trunks/acme-hq\n");
}

TEST_CASE("apply: what changes is shown field by field, secrets by name only, and --prune deletes the rest") {
    Shell shell;
    shell.run("apply -f " + shell.file("p.yaml", good));
    const auto changed = shell.file("q.yaml", R"(kind: Trunk
name: acme-hq
mode: registration
realm: access
registration_aor: sip:acme-hq@sip.example.com
credentials: [{username: acme-hq, password: another-horse}]
numbers: ["+4930123400..+4930123499", "+4930500"]
limits: {concurrent_calls: 20, calls_per_second: 10}
)");
    const auto ran = shell.run("apply --prune -f " + changed);
    CHECK(ran.code == 0);
    contains(ran.out,
             "update     trunks/acme-hq\n"
             "             credentials.password: (secret) -> (another secret)\n"
             "             numbers: + +4930500\n"
             "             limits.concurrent_calls: 60 -> 20\n");
    contains(ran.out, "delete     carriers/core\n");
    contains(ran.out, "delete     routes/default\n");
    CHECK(ran.out.find("horse") == std::string::npos);
}

TEST_CASE(
    "apply: faults of the file and faults that the server sees are told alike, with line and column, exit code 1") {
    Shell shell;
    const auto syntax = shell.file("bad.yaml", "kind: Trunk\nname: x\nmode: registraton\nrealms: y\n");
    const auto first = shell.run("apply -f " + syntax);
    CHECK(first.code == 1);
    CHECK(first.err == syntax + ":3:7: trunks/x: mode: \"registraton\" is not one of registration, static\n" + syntax +
                           ":4:1: trunks/x: realms: there is no such field; did you mean \"realm\"?\n"
                           "2 problems; nothing was applied\n");
    shell.run("apply -f " + shell.file("p.yaml", good));
    const auto meaning = shell.file("bad.yaml", R"(- kind: Route
  name: other
  prefix: "49"
  carriers: [core, nowhere]
- kind: Trunk
  name: beta
  mode: registration
  realm: access
  registration_aor: sip:beta@sip.example.com
  credentials: [{username: beta}]
  numbers:
    - "+4930123450"
    - "030123"
)");
    const auto second = shell.run("apply -f " + meaning);
    CHECK(second.code == 1);
    CHECK(second.err ==
          meaning +
              ":3:11: routes/other: prefix: \"49\" is no prefix: \"+\" and up to 15 digits, e.g. \"+49\", or \"\" for "
              "every number\n" +
              meaning +
              ":4:20: routes/other: carriers[1]: \"carriers/nowhere\" does not exist; create it first, or in the "
              "same request\n" +
              meaning +
              ":10:17: trunks/beta: credentials[0].password: is missing: give password, or ha1_md5 and "
              "ha1_sha256\n" +
              meaning +
              ":12:7: trunks/beta: numbers[0]: \"+4930123450\" overlaps \"+4930123400..+4930123499\" of "
              "trunks/acme-hq\n" +
              meaning +
              ":13:7: trunks/beta: numbers[1].first: \"030123\" is no E.164 number: \"+\", country code and number, "
              "2 to 15 digits in all, e.g. \"+4930123456\"\n"
              "5 problems; nothing was applied\n");
    contains(shell.run("status").out, "configuration revision 1:");
}

TEST_CASE("apply: a hundred faults come back whole, more than a gRPC trailer usually takes") {
    Shell shell;
    std::string text;
    for (int i = 0; i < 90; ++i)
        text += "- {kind: Route, name: r" + std::to_string(i) + ", prefix: \"" + std::string(70, 'x') +
                "\", carriers: [a]}\n";
    const auto ran = shell.run("apply -f " + shell.file("p.yaml", text));
    CHECK(ran.code == 1);
    contains(ran.err, ":50:");
    contains(ran.err, "100 problems; nothing was applied");
}

TEST_CASE("get prints what apply takes back; list, delete and their refusals are sentences") {
    Shell shell;
    shell.run("apply -f " + shell.file("p.yaml", good));
    const auto got = shell.run("get trunk acme-hq");
    CHECK(got.code == 0);
    contains(got.out, "kind: Trunk\nname: acme-hq\nmode: registration\n");
    CHECK(got.out.find("password") == std::string::npos);
    contains(shell.run("apply -f " + shell.file("got.yaml", got.out)).out, "unchanged  trunks/acme-hq");
    contains(shell.run("list trunks").out, "acme-hq  registration  access  sip:acme-hq@sip.example.com");
    contains(shell.run("list carriers").out, "core  core   192.0.2.9:5060  30s    enabled");
    contains(shell.run("list routes").out, "default  (all)   core      enabled");
    const auto used = shell.run("delete carrier core");
    CHECK(used.code == 1);
    CHECK(used.err == "sallyport: name: \"carriers/core\" is used by routes/default; change or delete that first\n");
    const auto absent = shell.run("get route none");
    CHECK(absent.code == 1);
    CHECK(absent.err == "sallyport: \"routes/none\" does not exist\n");
    CHECK(shell.run("delete route default --dry-run").out == "routes/default would be deleted\n");
    CHECK(shell.run("delete route default --etag 77").code == 1);
    CHECK(shell.run("delete route default --etag 1").out == "routes/default is deleted, revision 2 is stored\n");
    CHECK(shell.run("delete carrier carriers/core").code == 0);
}

TEST_CASE("--json is JSON, for every command") {
    Shell shell;
    shell.run("apply -f " + shell.file("p.yaml", good));
    for (const auto* arguments : {"list trunks", "list carriers", "list routes", "get trunk acme-hq", "status",
                                  "call list", "delete route default --dry-run"}) {
        const auto ran = shell.run(std::string(arguments) + " --json");
        INFO(arguments);
        CHECK(ran.code == 0);
        write_file(shell.daemon.path("j"), ran.out);
        CHECK(std::system(("python3 -m json.tool " + shell.daemon.path("j") + " >/dev/null").c_str()) == 0);
    }
    contains(shell.run("apply --json -f " + shell.daemon.path("p.yaml")).out, "\"action\": \"unchanged\"");
    CHECK(shell.run("get trunk acme-hq --json").out.find("ha1_md5\": \"\"") != std::string::npos);
}

TEST_CASE("status says which daemons are down and why, and what is weak although it is allowed") {
    Shell shell;
    shell.run("apply -f " + shell.file("p.yaml", std::string(good) + R"(---
kind: Trunk
name: old-pbx
mode: registration
single_aor_compatibility: true
realm: access
registration_aor: sip:old@sip.example.com
credentials: [{username: old, password: seven-old-phones}]
numbers: [{first: "+4989100"}]
)"));
    const auto ran = shell.run("status");
    CHECK(ran.code == 0);
    contains(ran.out, "node edge-1, version ");
    contains(ran.out, "configuration revision 1: 2 trunks, 1 carrier, 1 route, 0 customers");
    contains(ran.out, "sallyport-control    up ");
    contains(ran.out, "sallyport-media      DOWN ");
    contains(ran.out, "warning: trunks/old-pbx is in single-AOR compatibility mode: not SIPconnect 2.0");
    const auto registrations = shell.run("registration list");
    CHECK(registrations.code == 1);
    contains(registrations.err, "sallyport: sallyport-signaling is not reachable at unix:");
}

TEST_CASE("finished calls are listed and shown with their media from the record") {
    Shell shell;
    {
        sallyport::records::SpoolOptions options;
        options.directory = shell.daemon.path("records");
        auto spool = sallyport::records::Spool::open(options);
        (*spool)->append(
            R"({"schema":1,"id":"c0ffee","trunk":"acme-hq","direction":"from-pbx","from":"+4930123450","to":"+4940999",)"
            R"("sip_call_ids":["abc@pbx"],"started_at":"2026-11-21T12:30:00.125Z","answered_at":"2026-11-21T12:30:05.500Z",)"
            R"("ended_at":"2026-11-21T12:31:05.750Z","ended_by":"caller","sip_status":200,"q850_cause":16,"media":[)"
            R"({"side":"a","stream":0,"packets_received":3000,"packets_sent":2999,"lost":1,"jitter_ms":1.5,)"
            R"("srtp":"AES_CM_128_HMAC_SHA1_80","local":"192.0.2.1:40000","remote":"192.0.2.7:9"}]})");
    }
    contains(shell.run("call list").out,
             "c0ffee  acme-hq  from-pbx   +4930123450  +4940999  ended  2026-11-21 12:30:00  200");
    const auto shown = shell.run("call show abc@pbx");
    CHECK(shown.code == 0);
    contains(shown.out, "call         c0ffee\n");
    contains(shown.out, "cause        caller, Q.850 16\n");
    contains(shown.out,
             "a     0       3000 packets  2999 packets  1     1.5 ms  AES_CM_128_HMAC_SHA1_80  192.0.2.1:40000  "
             "192.0.2.7:9");
    shell.client = "billing";
    const auto fetched = shell.run("record fetch --consumer billing --ack");
    CHECK(fetched.code == 0);
    contains(fetched.out, "\"id\":\"c0ffee\"");
    CHECK(shell.run("record fetch --consumer billing").out.empty());
    const auto back = shell.run("record ack --consumer billing 1:0");
    CHECK(back.code == 1);
    contains(back.err, "\"1:0\" is behind what was acknowledged");
    const auto beyond = shell.run("record ack --consumer billing 999999:0");
    CHECK(beyond.code == 1);
    contains(beyond.err, "the spool has no segment 999999");
    CHECK(shell.run("record ack --consumer other 1:0").code == 0);
    contains(shell.run("record fetch --consumer other").out, "\"id\":\"c0ffee\"");
    CHECK(shell.run("record ack --consumer Billing 1:0").code == 1);
}

TEST_CASE("who may not, cannot reach or mistypes gets one sentence and the right exit code") {
    Shell shell;
    const auto file = shell.file("p.yaml", good);
    shell.client = "noc";
    const auto viewer = shell.run("apply -f " + file);
    CHECK(viewer.code == 1);
    CHECK(viewer.err ==
          "sallyport: the client certificate of \"noc\" has the role viewer, this needs provisioner: a "
          "certificate with OU=provisioner in its subject\n");
    shell.client = "stranger";
    const auto stranger = shell.run("list trunks");
    CHECK(stranger.code == 1);
    contains(stranger.err, "is the client certificate (--cert) signed by the CA that control trusts?");
    shell.client = "oss";
    CHECK(shell.run("list trunks --ca " + shell.daemon.path("stranger.pem")).err ==
          "sallyport: cannot reach sallyport-control at " + shell.daemon.server() +
              ": its certificate is not signed by the CA given with --ca\n");
    CHECK(shell.run("list trunks --server-name edge-9").err ==
          "sallyport: cannot reach sallyport-control at " + shell.daemon.server() +
              ": its certificate is for another name (see --server-name)\n");
    const auto server = shell.daemon.server();
    shell.daemon.signal(SIGSTOP);
    CHECK(shell.run("list trunks --timeout 0.3").err ==
          "sallyport: sallyport-control at " + server + " does not answer\n");
    shell.daemon.signal(SIGCONT);
    shell.daemon.stop(SIGTERM);
    CHECK(shell.run("list trunks").err ==
          "sallyport: cannot reach sallyport-control at " + server + ": nobody listens there (is it running?)\n");
    CHECK(shell.run("apply -f /nowhere").err == "sallyport: cannot read /nowhere\n");
    CHECK(shell.run("lst trunks").code == 2);
    CHECK(shell.run("--help").code == 0);
    CHECK(shell.run("--version").code == 0);
}

TEST_CASE("--watch goes on while control is away and after it is back") {
    Shell shell;
    const auto script = "timeout 3 " SALLYPORT_CLI " call list --watch 0.2 --server " + shell.daemon.server() +
                        " --ca " + shell.daemon.path("ca.pem") + " --cert " + shell.daemon.path("oss.pem") + " --key " +
                        shell.daemon.path("oss.key") + " > " + shell.daemon.path("watched") + " 2>&1";
    const int status = std::system(script.c_str());
    CHECK(WEXITSTATUS(status) == 124);
    const auto text = read_file(shell.daemon.path("watched"));
    std::size_t pages = 0;
    for (auto at = text.find("no calls"); at != text.npos; at = text.find("no calls", at + 1)) ++pages;
    CHECK(pages >= 2);
}

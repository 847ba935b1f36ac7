// The command line as far as it needs no server: usage, help, where the server is, refusals in sentences.
#include "control/cli/command_line.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "control/cli/connection.h"

using namespace sallyport::cli;

namespace {

struct Ran {
    int code;
    std::string out, err;
};
Ran ran_with(std::vector<std::string> arguments) {
    std::istringstream in;
    std::ostringstream out, err;
    const int code = run(std::move(arguments), in, out, err);
    return {code, out.str(), err.str()};
}

struct Environment {
    Environment() {
        for (const auto* name : {"SERVER", "CA", "CERT", "KEY", "SERVER_NAME"})
            unsetenv(("SALLYPORT_" + std::string(name)).c_str());
        setenv("SALLYPORT_CLI_CONFIG", path.c_str(), 1);
    }
    ~Environment() {
        std::filesystem::remove(path);
        unsetenv("SALLYPORT_CLI_CONFIG");
        unsetenv("SALLYPORT_SERVER");
    }
    void file(const std::string& text) const { std::ofstream(path) << text; }
    std::string path = "/tmp/sallyport-cli-" + std::to_string(getpid()) + ".yaml";
};

}  // namespace

TEST_CASE("help teaches with examples and is a success") {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--help"}, {"apply", "--help"}, {"call", "list", "--help"}, {"--help-all"}}) {
        const auto ran = ran_with(arguments);
        CHECK(ran.code == 0);
        CHECK(ran.out.find("--help") != std::string::npos);
    }
    CHECK(ran_with({"--help"}).out.find("sallyport apply -f trunks.yaml --dry-run") != std::string::npos);
    CHECK(ran_with({"apply", "--help"}).out.find("registration_aor: sip:acme-hq@sip.example.com") != std::string::npos);
}

TEST_CASE("wrong usage is exit code 2 and says what was probably meant") {
    CHECK(ran_with({}).code == 2);
    CHECK(ran_with({}).err == "sallyport: which command? Run with --help for the commands and examples.\n");
    CHECK(ran_with({"list", "trunks", "--timeout", "0"}).code == 2);
    CHECK(ran_with({"apply"}).code == 2);
    CHECK(ran_with({"get", "trunk"}).code == 2);
    CHECK(ran_with({"list", "trunks", "--frobnicate"}).code == 2);
    CHECK(ran_with({"call", "list", "--limit", "0"}).code == 2);
    const auto typed = ran_with({"registraton", "list"});
    CHECK(typed.code == 2);
    CHECK(typed.err.find("there is no command \"registraton\"; did you mean \"registration\"?") != std::string::npos);
}

TEST_CASE("options come before the environment, the environment before the file, and the file before nothing") {
    Environment environment;
    environment.file("server: file:1\nca: /file/ca\n");
    setenv("SALLYPORT_SERVER", "environment:1", 1);
    Connection given{.server = "option:1"}, none;
    given.complete();
    none.complete();
    CHECK(given.server == "option:1");
    CHECK(none.server == "environment:1");
    CHECK(none.ca == "/file/ca");
    unsetenv("SALLYPORT_SERVER");
    Connection file;
    file.complete();
    CHECK(file.server == "file:1");
    environment.file("");
    Connection nothing;
    nothing.complete();
    CHECK(nothing.server == "127.0.0.1:7443");
}

TEST_CASE("a bad file and missing certificates are said in one sentence, exit code 1") {
    Environment environment;
    environment.file("srver: x\n");
    const auto bad = ran_with({"list", "trunks"});
    CHECK(bad.code == 1);
    CHECK(bad.err ==
          "sallyport: " + environment.path + ":1:1: srver: there is no such field; did you mean \"server\"?\n");
    environment.file("");
    const auto no_ca = ran_with({"list", "trunks"});
    CHECK(no_ca.code == 1);
    CHECK(no_ca.err.find("no ca is given: control takes calls over mutual TLS only; use --ca FILE, SALLYPORT_CA") !=
          std::string::npos);
    CHECK(ran_with({"--ca", "/nowhere", "list", "trunks"}).err == "sallyport: cannot read --ca /nowhere\n");
}

namespace {

struct Directory {
    Directory() { std::filesystem::create_directory(path); }
    ~Directory() { std::filesystem::remove_all(path); }
    std::string file(const std::string& name) const { return path + '/' + name; }
    std::string read(const std::string& name) const {
        std::ifstream in(file(name));
        return {std::istreambuf_iterator<char>(in), {}};
    }
    std::string path = "/tmp/sallyport-certificate-" + std::to_string(getpid());
};

}  // namespace

TEST_CASE("a certificate request and its key are made without a daemon, and never over a file that is there") {
    Directory directory;
    const std::vector<std::string> arguments{"certificate",    "request",
                                             "--realm-domain", "SIP.example.com",
                                             "--san",          "DNS:edge-1.example.com",
                                             "--san",          "sip.example.com",
                                             "--out",          directory.file("edge.csr")};
    const auto made = ran_with(arguments);
    CHECK(made.err.empty());
    REQUIRE(made.code == 0);
    CHECK(made.out.find("URI:sip:sip.example.com, DNS:sip.example.com, DNS:edge-1.example.com\n") != std::string::npos);
    CHECK(directory.read("edge.csr").starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    const auto key = directory.read("edge.key");
    CHECK(key.starts_with("-----BEGIN PRIVATE KEY-----"));
    using std::filesystem::perms;
    CHECK(std::filesystem::status(directory.file("edge.key")).permissions() ==
          (perms::owner_read | perms::owner_write));

    const auto again = ran_with(arguments);
    CHECK(again.code == 1);
    CHECK(again.err == "sallyport: " + directory.file("edge.key") +
                           " is there already; nothing was written. Name another file, or move it away\n");
    CHECK(directory.read("edge.key") == key);
    std::filesystem::rename(directory.file("edge.key"), directory.file("kept.key"));
    CHECK(ran_with(arguments).code == 1);
    CHECK_FALSE(std::filesystem::exists(directory.file("edge.key")));

    auto json = arguments;
    json.back() = directory.file("rsa.csr");
    json.insert(json.end(), {"--key-type", "rsa-2048", "--key-out", directory.file("rsa.pem"), "--json"});
    const auto object = nlohmann::json::parse(ran_with(json).out);
    CHECK(object["key"] == directory.file("rsa.pem"));
    CHECK(object["request"] == directory.file("rsa.csr"));
    CHECK(object["key_type"] == "rsa-2048");
    CHECK(object["subject_alt_names"] ==
          nlohmann::json{"URI:sip:sip.example.com", "DNS:sip.example.com", "DNS:edge-1.example.com"});
}

TEST_CASE("a certificate request that cannot be made is refused in a sentence, and leaves nothing") {
    Directory directory;
    const auto with = [&](const std::string& domain, const std::string& san, const std::string& out,
                          std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"certificate", "request", "--realm-domain", domain, "--san", san, "--out", out});
        return ran_with(more);
    };
    const auto out = directory.file("edge.csr");
    CHECK(ran_with({"certificate", "request", "--realm-domain", "sip.example.com"}).code == 2);
    for (const auto* domain : {"192.0.2.1", "sip:sip.example.com", "*.example.com", "a b", ""}) {
        const auto refused = with(domain, "x.example.com", out);
        CHECK(refused.code == 2);
        CHECK(refused.err.find("is no host name; right would be sip.example.com") != std::string::npos);
    }
    for (const auto* san : {"IP:192.0.2.1", "URI:sips:x", "DNS:*.example.com", "URI:sip:u@x.example.com"}) {
        const auto refused = with("sip.example.com", san, out);
        CHECK(refused.code == 2);
        CHECK(refused.err.find("right would be sip.example.com, URI:sip:sip.example.com or DNS:sip.example.com") !=
              std::string::npos);
    }
    CHECK(with("sip.example.com", "x.example.com", out, {"--key-type", "dsa"}).code == 2);
    CHECK(with("sip.example.com", "x.example.com", out, {"--key-out", out}).code == 1);
    const auto nowhere = with("sip.example.com", "x.example.com", directory.file("no/edge.csr"),
                              {"--key-out", directory.file("edge.key")});
    CHECK(nowhere.code == 1);
    CHECK(nowhere.err == "sallyport: cannot write " + directory.file("no/edge.csr") + ": No such file or directory\n");
    CHECK(std::filesystem::is_empty(directory.path));
}

TEST_CASE("completion knows every command and option") {
    const auto script = ran_with({"completion", "bash"});
    CHECK(script.code == 0);
    for (const auto* part :
         {"\"call list\") words=\"", "--live", "\"record\") words=\"fetch ack", "complete -F _sallyport sallyport"})
        CHECK(script.out.find(part) != std::string::npos);
}

TEST_CASE("only what may pass is watched again: control or a plane that is away or busy") {
    const auto may_pass = [](grpc::StatusCode code) { return to_failure({code, "x"}, "edge:7443").may_pass; };
    for (const auto code : {grpc::UNAVAILABLE, grpc::DEADLINE_EXCEEDED, grpc::RESOURCE_EXHAUSTED})
        CHECK(may_pass(code));
    for (const auto code : {grpc::PERMISSION_DENIED, grpc::UNAUTHENTICATED, grpc::NOT_FOUND, grpc::INVALID_ARGUMENT,
                            grpc::UNIMPLEMENTED, grpc::FAILED_PRECONDITION})
        CHECK_FALSE(may_pass(code));
}

TEST_CASE("what the network says becomes a sentence; what control says stays one") {
    const auto sentence = [](grpc::StatusCode code, const char* words) {
        return to_failure({code, words}, "edge:7443").sentence;
    };
    CHECK(sentence(grpc::UNAVAILABLE,
                   "failed to connect to all addresses; last error: UNKNOWN: ipv4:1.2.3.4:1: Failed to "
                   "connect to remote host: Connection refused") ==
          "cannot reach sallyport-control at edge:7443: nobody listens there (is it running?)");
    CHECK(sentence(grpc::UNAVAILABLE, "failed to connect to all addresses; last error: UNKNOWN: x: No route to host") ==
          "cannot reach sallyport-control at edge:7443: No route to host");
    CHECK(sentence(grpc::UNAVAILABLE, "sallyport-media is not reachable at unix:/x/media.sock: Connection refused") ==
          "sallyport-media is not reachable at unix:/x/media.sock: Connection refused");
    CHECK(sentence(grpc::DEADLINE_EXCEEDED, "Deadline Exceeded") == "sallyport-control at edge:7443 does not answer");
    CHECK(sentence(grpc::NOT_FOUND, "\"trunks/x\" does not exist") == "\"trunks/x\" does not exist");
}

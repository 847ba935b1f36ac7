// The command line as far as it needs no server: usage, help, where the server is, refusals in sentences.
#include "control/cli/command_line.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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

TEST_CASE("completion knows every command and option") {
    const auto script = ran_with({"completion", "bash"});
    CHECK(script.code == 0);
    for (const auto* part :
         {"\"call list\") words=\"", "--live", "\"record\") words=\"fetch ack", "complete -F _sallyport sallyport"})
        CHECK(script.out.find(part) != std::string::npos);
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

// What is made to be large once it is understood, and bursts of every method: what a body says is carried or refused
// and never expanded, and a burst leaves nothing but its answers.
#include <malloc.h>

#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Trunk with_emergency_number() {
    auto trunk = Bench::default_trunk();
    trunk.numbering.dial_plan.emergency_numbers = {"112"};
    return trunk;
}

std::string multipart(std::string_view more) {
    return "--b1\r\nContent-Type: application/sdp\r\n\r\n" + secure_sdp("198.51.100.10", 5004, "A") + "\r\n" +
           std::string(more) + "--b1--\r\n";
}

// Entities of entities: ten to the power of ten words once somebody expands them.
std::string laughing_location() {
    std::string out = "<?xml version=\"1.0\"?>\r\n<!DOCTYPE presence [\r\n<!ENTITY l0 \"lol\">\r\n";
    for (int i = 1; i <= 10; ++i) {
        out += "<!ENTITY l" + std::to_string(i) + " \"";
        for (int k = 0; k < 10; ++k) out += "&l" + std::to_string(i - 1) + ";";
        out += "\">\r\n";
    }
    return out + "]>\r\n<presence entity=\"pres:a@b\">&l10;</presence>";
}
std::string foreign_location() {
    return "<!DOCTYPE presence [<!ENTITY x SYSTEM \"file:///etc/passwd\"><!ENTITY % y SYSTEM "
           "\"http://192.0.2.9/\">%y;]>"
           "<presence>&x;</presence>";
}
std::string endless_location() {
    std::string out = "<presence>";
    while (out.size() < 50'000) out += "<a><!-- ";
    return out;  // none of them closed
}

std::string request(std::string_view method, std::uint64_t number, const Flow& flow) {
    const std::string n = std::to_string(number), name(method);
    const std::string from = flow.realm == 1 ? "<sip:+44205550100@core.example.org>" : "<sip:+4930101@sip.example.net>";
    const std::string user = flow.realm == 1 ? "+4930155" : "+442055501";
    return name + " sip:" + user + "@sip.example.net SIP/2.0\r\nVia: SIP/2.0/" +
           std::string(to_string(flow.transport)) + " " + flow.remote.to_string() + ";branch=z9hG4bK" + name + n +
           "\r\nMax-Forwards: 70\r\nFrom: " + from + ";tag=f\r\nTo: <sip:" + user +
           "@sip.example.net>\r\nCall-ID: " + name + n + "\r\nCSeq: 1 " + name +
           "\r\nContact: <sip:" + flow.remote.to_string() + ">\r\nContent-Length: 0\r\n\r\n";
}

}  // namespace

TEST_CASE(
    "INVITEs with as many body parts as one can hold are 400, for help as well, and make no call (CVE-2022-21723) "
    "[reliability 2]") {
    Bench b(with_emergency_number());
    b.bind();
    std::string empty_parts;
    while (empty_parts.size() < 60'000) empty_parts += "--b1\r\n\r\n\r\n";
    int calls = 0;
    for (const std::string_view uri : {"sip:+442055501@sip.example.net", "sip:112@sip.example.net"})
        for (const std::string_view type :
             {"multipart/mixed;boundary=b1", "multipart/mixed", "multipart/mixed;boundary="}) {
            std::string text = b.invite(uri, multipart(empty_parts), std::to_string(++calls) + "@p");
            text.replace(text.find("application/sdp"), 15, type);
            b.receive(b.pbx_flow(), text);
            INFO(uri << " " << type);
            CHECK(b.find("400").cseq().method == sip::Method::invite);
            CHECK(b.silent());
        }
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.media.empty());
}

TEST_CASE(
    "A location that is an XML bomb crosses byte for byte or is refused: nobody expands it (CVE-2022-24763) "
    "[reliability 19]") {
    int calls = 0;
    for (const std::string& location : {laughing_location(), foreign_location(), endless_location()})
        for (const std::string_view uri : {"sip:112@sip.example.net", "sip:+442055501@sip.example.net"}) {
            Bench b(with_emergency_number());
            b.bind();
            const std::string part =
                "--b1\r\nContent-Type: application/pidf+xml\r\nContent-ID: <a@b>\r\n\r\n" + location;
            std::string text = b.invite(uri, multipart(part + "\r\n"), std::to_string(++calls) + "@p");
            text.replace(text.find("application/sdp"), 15, "multipart/mixed;boundary=b1");
            const auto before = mallinfo2().uordblks;
            b.receive(b.pbx_flow(), text);
            const auto to_core = b.find("INVITE");
            const std::string_view body = to_core.body();
            CHECK(body.find("\r\n" + part + "\r\n--b1--") != body.npos);
            CHECK(body.size() < multipart(part).size() + 200);
            CHECK(mallinfo2().uordblks < before + 20 * text.size());
            // Nor is it read where it comes alone, or from a callee.
            std::string alone = b.invite(uri, location, std::to_string(++calls) + "@p");
            alone.replace(alone.find("application/sdp"), 15, "application/pidf+xml");
            b.sent.clear();
            b.receive(b.pbx_flow(), alone);
            const auto answer = b.next();
            INFO(answer.text().substr(0, 400));
            CHECK(answer.status() == 100);
            CHECK(b.find("INVITE").body() == location);
            b.sent.clear();
            std::string busy = b.answer(to_core, 486, "bob", {}, location);
            busy.replace(busy.find("application/sdp"), 15, "application/pidf+xml");
            b.receive(b.core_flow(), busy);
            CHECK(b.find("486").body().empty());
        }
}

TEST_CASE("An Identity of any kind goes by: nobody's certificate is fetched for it (GHSA-mrq5) [reliability 24]") {
    Bench b;
    b.bind();
    const std::string token = "eyJhbGciOiJub25lIn0.e30.";
    int calls = 0;
    for (const auto& value : {std::string("x"), token, token + ";info=<http://127.0.0.1/a.cer>;alg=none",
                              token + ";info=<https://10.0.0.1:8443/a.cer>;alg=HS256;ppt=shaken",
                              token + ";info=<https://cert.example.org/100MB.cer>;alg=ES256", std::string(";info=<>;;"),
                              std::string(16'000, 'a') + ";info=<https://[::1]/a.cer>"}) {
        INFO(value.substr(0, 100));
        const std::string id = std::to_string(++calls) + "@identity";
        b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), id,
                                         1, "Identity: " + value + "\r\n"));
        b.receive(b.core_flow(), b.core_invite("sip:+4930101@10.0.0.1", plain_sdp("192.0.2.21", 6000), id + "c",
                                               "Identity: " + value + "\r\n"));
        CHECK(b.next("100").is_request() == false);
        CHECK(b.find("INVITE").is_request());
        CHECK(b.find("INVITE").is_request());
        CHECK(b.questions.empty());
        b.sent.clear();
    }
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", secure_sdp("198.51.100.10", 5004, "A"), "long",
                                     1, "Identity: " + std::string(65'536, 'a') + "\r\n"));
    CHECK(b.next().status() >= 400);
    CHECK(b.questions.empty());
}

TEST_CASE(
    "A burst of every method, from anybody, is answered in full and leaves nothing behind (CVE-2021-41145) "
    "[reliability 11] [reliability 12]") {
    Shared shared;
    auto config = Bench::stack_config();
    config.max_transactions = 1'000;
    config.max_calls = 50;
    config.recent_calls = 10;  // their ladders are kept on purpose
    Bench b(shared, config, 1);
    b.configure(Bench::default_trunk(), Bench::default_carrier());
    b.sent.clear();
    const std::array sources{b.stranger_flow(), b.pbx_flow(), b.core_flow()};
    using Statuses = std::array<std::uint16_t, 3>;  // to a stranger, a registered PBX, the core; 0: no answer
    // INVITEs, and MESSAGEs of the core, go on to the other side, which says nothing; ACK is never answered.
    const std::map<std::string_view, Statuses> right{{"INVITE", {407, 0, 0}},        {"ACK", {0, 0, 0}},
                                                     {"BYE", {481, 481, 481}},       {"CANCEL", {481, 481, 481}},
                                                     {"OPTIONS", {200, 200, 200}},   {"REGISTER", {401, 401, 405}},
                                                     {"PRACK", {481, 481, 481}},     {"UPDATE", {481, 481, 481}},
                                                     {"INFO", {405, 405, 405}},      {"REFER", {405, 405, 405}},
                                                     {"SUBSCRIBE", {401, 489, 489}}, {"NOTIFY", {405, 405, 405}},
                                                     {"MESSAGE", {405, 405, 0}},     {"PUBLISH", {405, 405, 405}},
                                                     {"XYZZY", {501, 501, 501}}};
    std::uint64_t number = 0;
    const auto burst = [&](int each, bool full) {
        for (std::size_t who = 0; who < sources.size(); ++who)
            for (const auto& [method, statuses] : right)
                for (int i = 0; i < each; ++i) {
                    b.receive(sources[who], request(method, ++number, sources[who]));
                    std::map<std::uint16_t, int> answers;
                    while (!b.silent()) {
                        const auto message = b.next();
                        if (!message.is_request() && message.status() != 100) ++answers[message.status()];
                    }
                    INFO(method << " of " << who);
                    const bool refused = full && answers.contains(503);
                    CHECK(answers.size() == (statuses[who] == 0 && !refused ? 0 : 1));
                    if (statuses[who] != 0 && !refused) CHECK(answers[statuses[who]] == 1);
                    if (who == 0) CHECK_FALSE(refused);  // for whom nothing is kept there is always room
                    CHECK(b.stack.alive().transactions <= 2 * (config.max_transactions + config.max_calls));
                    CHECK(b.stack.alive().calls <= config.max_calls);
                }
        b.facts.clear(), b.media.clear(), b.records.clear(), b.questions.clear(), b.checkpoints.clear();
    };
    const auto settle = [&] {
        b.run_for(200s);
        CHECK(b.stack.alive().calls == 0);
        CHECK(b.stack.alive().transactions == 0);
        b.sent.clear(), b.records.clear(), b.media.clear(), b.facts.clear(), b.checkpoints.clear();
        return mallinfo2().uordblks;
    };
    b.bind();
    burst(10, false);
    std::size_t before = 0;
    for (int round = 0; round < 8; ++round) {
        if (round == 4) before = settle();  // tables have the size that they keep
        b.run_for(40s);
        b.sent.clear();
        b.shared.locations.remove_trunk("acme");
        b.bind();
        burst(1'000, true);
    }
    CHECK(settle() < before + (64u << 10));
}

}  // namespace sallyport::stack

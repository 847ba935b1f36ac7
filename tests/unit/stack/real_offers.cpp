// Descriptions of other people's making through a whole call: what products offer becomes a valid offer on the other
// leg or 488, and nothing of their side is in it; offers and answers of another relay's tests come out as they do
// there, where that relay was asked for nothing of its own.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <set>

#include "control/base/bytes.h"
#include "tests/support/testdata.h"
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

config::Trunk taking(config::SrtpPolicy srtp) {
    auto trunk = Bench::default_trunk();
    trunk.media.srtp = srtp;
    trunk.network.nat = config::NatMode::on;  // products were recorded behind routers
    return trunk;
}

// What the core is offered for it; nothing: the caller was refused, with that status.
std::optional<std::string> offered(Bench& b, const std::string& description, std::uint16_t& refused) {
    b.bind();
    b.receive(b.pbx_flow(), b.invite("sip:+442055501@sip.example.net", description));
    while (!b.silent()) {
        const auto message = b.next();
        if (message.is_request() && message.method() == sip::Method::invite) return std::string(message.body());
        if (!message.is_request() && message.status() >= 300) refused = message.status();
    }
    return std::nullopt;
}

// One line per stream: what it is, live or not, its direction, its payload types.
std::string outline(const sdp::SessionDescription& d) {
    std::string out;
    for (std::size_t i = 0; i < d.media.size(); ++i) {
        const auto view = sdp::view_stream(d, i);
        out += view.media + (view.rejected ? " refused" : " live " + std::string(to_string(view.direction)));
        if (!view.rejected)
            for (const auto& format : std::set<std::string>(d.media[i].formats.begin(), d.media[i].formats.end()))
                out += " " + format;
        out += "\n";
    }
    return out;
}

std::string text_of(const nlohmann::json& lines) {
    std::string out;
    for (const auto& line : lines) {
        std::string text = line;
        for (auto at = text.find("PORT"); at != text.npos; at = text.find("PORT")) text.replace(at, 4, "4000");
        out += text + "\r\n";
    }
    return out;
}

}  // namespace

TEST_CASE(
    "Products' descriptions through a call: a valid offer on the other leg or 488, and nothing of their side in it") {
    const auto root = test::testdata();
    if (!root) {
        std::cout << "skipped: no test data (corpus/sdp)\n";
        return;
    }
    std::size_t crossed = 0, refused_ones = 0;
    for (const auto& file : test::files_in(*root / "corpus/sdp", ".sdp"))
        for (const auto srtp : {config::SrtpPolicy::required, config::SrtpPolicy::off}) {
            INFO(file);
            const std::string text = test::contents(file);
            Bench b(taking(srtp));
            std::uint16_t refused = 0;
            const auto offer = offered(b, text, refused);
            if (!offer) {
                CHECK((refused == 488 || refused == 400));
                ++refused_ones;
                b.run_for(40s);
                CHECK(b.stack.alive().calls == 0);
                continue;
            }
            ++crossed;
            const auto source = sdp::parse(text);
            const auto told = described(*offer);
            REQUIRE(source.has_value());
            CHECK(told.media.size() == source->media.size());
            for (std::size_t i = 0; i < source->media.size(); ++i) {
                const auto theirs = sdp::view_stream(*source, i);
                if (theirs.rtp_endpoint && !theirs.rtp_endpoint->address.is_unspecified())
                    CHECK(offer->find(theirs.rtp_endpoint->address.to_string()) == std::string::npos);
                for (const auto& line : theirs.crypto) CHECK(offer->find(to_base64(line.key)) == std::string::npos);
            }
            for (const auto* leak : {"candidate", "ice-", "fingerprint", "a=group", "a=mid", "ssrc", "0.0.0.0"})
                CHECK(offer->find(leak) == std::string::npos);
            b.run_for(200s);  // nobody answers
            b.run_for(200s);
            CHECK(b.stack.alive().calls == 0);
        }
    CHECK(crossed >= 60);
    CHECK(refused_ones >= 60);
}

TEST_CASE("Plain offers and answers of another relay's tests come out of a call as they do there") {
    const auto root = test::testdata();
    if (!root) {
        std::cout << "skipped: no test data (offer-answer/cases.jsonl)\n";
        return;
    }
    // Where we differ on purpose, by file and line of the step.
    const std::map<std::string, std::string> we_differ{};
    struct Step {
        std::string place, in, out;
        bool plain = false;
    };
    std::map<std::string, std::pair<Step, Step>> calls;  // the first offer and the first answer of each
    std::vector<std::string> order;
    std::ifstream in(*root / "offer-answer" / "cases.jsonl");
    for (std::string line; std::getline(in, line);) {
        const auto json = nlohmann::json::parse(line);
        const std::string file = json["file"];
        const std::string call = file + " " + std::to_string(json["call"].get<int>());
        const bool plain = json["flags"] == "" && json["proto_in"] == "RTP/AVP" && json["proto_out"] == "RTP/AVP";
        const Step step{file.substr(file.find("tests") + 5) + ":" + std::to_string(json["line"].get<int>()),
                        text_of(json["sdp_in"]), text_of(json["sdp_out"]), plain};
        if (!calls.contains(call)) order.push_back(call);
        auto& [offer, answer] = calls[call];
        if (json["op"] == "offer" && offer.place.empty()) offer = step;
        if (json["op"] == "answer" && answer.place.empty() && !offer.place.empty()) answer = step;
    }
    std::size_t offers = 0, answers = 0, refused_ones = 0;
    std::string differing;
    for (const auto& name : order) {
        const auto& [offer, answer] = calls.at(name);
        if (!offer.plain || !answer.plain || sdp::parse(offer.out).has_error() || sdp::parse(answer.out).has_error())
            continue;
        INFO(offer.place);
        Bench b(taking(config::SrtpPolicy::off));
        std::uint16_t refused = 0;
        b.bind();
        const auto invite = parse(b.invite("sip:+442055501@sip.example.net", offer.in));
        b.receive(b.pbx_flow(), invite.text());
        sip::Message to_core;
        while (!b.silent()) {
            const auto message = b.next();
            if (message.is_request() && message.method() == sip::Method::invite) to_core = message;
            if (!message.is_request() && message.status() >= 300) refused = message.status();
        }
        if (refused != 0) {  // addresses of another IP version than the leg's, and the like
            CHECK(refused == 488);
            ++refused_ones;
            continue;
        }
        const auto expected = outline(described(offer.out)), is = outline(described(to_core.body()));
        if (is != expected && !we_differ.contains(offer.place))
            differing += offer.place + " offer:\n" + is + "theirs:\n" + expected;
        ++offers;
        b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", answer.in));
        sip::Message ok;
        while (!b.silent()) {
            const auto message = b.next();
            if (!message.is_request() && message.status() >= 200) ok = message;
        }
        if (ok.status() != 200) {
            ++refused_ones;
            continue;
        }
        const auto answer_expected = outline(described(answer.out)), answer_is = outline(described(ok.body()));
        if (answer_is != answer_expected && !we_differ.contains(answer.place))
            differing += answer.place + " answer:\n" + answer_is + "theirs:\n" + answer_expected;
        ++answers;
    }
    INFO(differing);
    CHECK(differing.empty());
    CHECK(offers >= 50);
    CHECK(answers >= 50);
    CHECK(refused_ones < offers);
}

}  // namespace sallyport::stack

// Offer/answer steps recorded from another relay's tests: for the plain ones (RTP to RTP, no policy asked for) our leg
// is told the same streams, payload types and directions. Where we differ on purpose, the step is listed with the
// reason.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "signaling/sdp/media_rewrite.h"
#include "tests/support/testdata.h"

using namespace sallyport;
using namespace sallyport::sdp;

namespace {

// "auto-daemon-tests" + file + ":" + line of the answer or offer.
const std::map<std::string, std::string> we_differ{
    {"-bundle.pl:446", "an answer that revives a stream of another kind is refused"},
    {"-rtp-ext.pl:232", "it transcodes, we do not"},
    {"-rtp-ext.pl:289", "it transcodes, we do not"},
    {"-rtp-ext.pl:350", "it transcodes, we do not"},
    {"-sdp-manipulations.pl:116", "direction of a refused stream, which has none"},
    {".pl:13002", "direction of a refused stream, which has none"},
    {".pl:29478", "red is left out: its parameters name other payload types"},
    {".pl:29509", "red is left out: its parameters name other payload types"},
};

std::string text_of(const nlohmann::json& lines) {
    std::string out;
    for (const auto& line : lines) {
        std::string text = line;
        for (auto at = text.find("PORT"); at != text.npos; at = text.find("PORT")) text.replace(at, 4, "4000");
        out += text + "\r\n";
    }
    return out;
}

// One line per stream: what it is, live or not, its direction, its payload types.
std::string outline(const SessionDescription& d) {
    std::string out;
    for (std::size_t i = 0; i < d.media.size(); ++i) {
        const StreamView view = view_stream(d, i);
        out += view.media + (view.rejected ? " refused " : " live ") + std::string(to_string(view.direction));
        const std::set<std::string> formats(d.media[i].formats.begin(), d.media[i].formats.end());
        if (!view.rejected)
            for (const auto& format : formats) out += " " + format;
        out += "\n";
    }
    return out;
}

}  // namespace

TEST_CASE("plain offers and answers come out as from another relay") {
    if (!test::testdata()) {
        WARN("skipped: no test data");
        return;
    }
    StreamAnchor ours{{IpAddress::v4(203, 0, 113, 1), 4000}, {IpAddress::v4(203, 0, 113, 1), 4001}, {}, false};
    const std::vector<StreamAnchor> anchors(limits::media, ours);
    std::ifstream in(*test::testdata() / "offer-answer" / "cases.jsonl");
    std::map<std::string, SessionDescription> last_offer;  // by file and call
    std::size_t compared = 0, differing = 0;
    for (std::string line; std::getline(in, line);) {
        const auto step = nlohmann::json::parse(line);
        const std::string file = step["file"];
        const std::string call = file + std::to_string(step["call"].get<int>());
        const std::string place = file.substr(file.find("tests") + 5) + ":" + std::to_string(step["line"].get<int>());
        const auto source = sdp::parse(text_of(step["sdp_in"]));
        INFO(place);
        REQUIRE(source.has_value());
        const bool is_offer = step["op"] == "offer";
        if (is_offer) last_offer[call] = *source;
        if (step["flags"] != "" || step["proto_in"] != "RTP/AVP" || step["proto_out"] != "RTP/AVP") continue;
        if (!last_offer.contains(call)) continue;
        const auto theirs = sdp::parse(text_of(step["sdp_out"]));
        if (theirs.has_error()) continue;  // wildcards that are no SDP
        const auto out = anchor(*source, is_offer ? nullptr : &last_offer[call], anchors, {});
        const bool same = out.has_value() && outline(*out) == outline(*theirs);
        INFO((out.has_value() ? outline(*out) : std::string(to_string(out.error()))) << "theirs:\n"
                                                                                     << outline(*theirs));
        CHECK(same != we_differ.contains(place));
        ++compared;
        differing += same ? 0 : 1;
    }
    CHECK(compared > 200);
    CHECK(differing == we_differ.size());
}

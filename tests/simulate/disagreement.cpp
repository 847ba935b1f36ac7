// What two ends of a call at rest have to have in common, and the media plane with them: what one describes is what the
// other one was told by us, and what the one sends is what the other one takes.
#include <algorithm>

#include "tests/simulate/simulation.h"

namespace sallyport::test {
namespace {

std::string base64(const Bytes& bytes) {
    constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i + 2 < bytes.size(); i += 3) {
        const auto at = [&](std::size_t n) { return static_cast<std::uint32_t>(bytes[i + n]); };
        const std::uint32_t bits = at(0) << 16 | at(1) << 8 | at(2);
        for (int shift = 18; shift >= 0; shift -= 6) out += letters[bits >> shift & 63];
    }
    return out;
}

std::string text_of(const std::vector<std::string>& codecs) {
    std::string text;
    for (const auto& codec : codecs) text += (text.empty() ? "" : ",") + codec;
    return text;
}

// Of what one end sends: the type that it was told, made into the one that the other end has said.
std::string mapping(const b2bua::MediaLeg& leg, const Agreement& from, const Agreement& to) {
    for (const auto& codec : from.codecs()) {
        const auto sent = from.theirs.type_of(codec), heard = to.mine.type_of(codec);
        if (!sent || !heard) return codec + " has no type";
        const auto pair = std::pair(static_cast<std::uint8_t>(*sent), static_cast<std::uint8_t>(*heard));
        const auto& map = leg.payload_map;
        if (!map || std::find(map->begin(), map->end(), pair) == map->end())
            return codec + " is sent as " + std::to_string(*sent) + " and heard as " + std::to_string(*heard) +
                   ", which the media plane does not know";
    }
    return {};
}

bool has_refused(const SimPeer::Agreed& end, const std::string& direction) {
    return std::any_of(end.refused.begin(), end.refused.end(),
                       [&](const Session& offer) { return offer.direction == direction; });
}

// Of one end and its leg of the media plane.
std::string leg_differs(const b2bua::MediaLeg& leg, const Agreement& end) {
    const Session& mine = end.mine;
    if (leg.disabled) return "is off";
    if (!leg.direction || to_string(*leg.direction) != mine.direction) return "has another direction";
    if (mine.address != "0.0.0.0" && (!leg.remote || leg.remote->port != mine.port))
        return "sends to " + (leg.remote ? leg.remote->to_string() : "nowhere") + ", not to " + mine.address + ":" +
               std::to_string(mine.port);
    // A private address has our own stand in for it (NAT mode).
    const bool is_private = mine.address.compare(0, 3, "10.") == 0;
    if (mine.address != "0.0.0.0" && !is_private && leg.remote->address.to_string() != mine.address)
        return "sends to " + leg.remote->to_string() + ", not to " + mine.address;
    if (mine.key.empty() != (!leg.keys || leg.keys->suite.empty())) return "has keys, or none, where the end has not";
    if (mine.key.empty()) return {};
    if (base64(leg.keys->receive) != mine.key) return "expects another key than the end has";
    if (base64(leg.keys->send) != end.theirs.key) return "sends under another key than the end was told";
    return {};
}

}  // namespace

std::string Simulation::disagreement(const SimPeer::Agreed& caller, const SimPeer::Agreed& callee) const {
    const Agreement &a = caller.agreement, &b = callee.agreement;
    const std::string of_a = a.mine.direction + "/" + a.theirs.direction + " " + text_of(a.codecs()),
                      of_b = b.theirs.direction + "/" + b.mine.direction + " " + text_of(b.codecs());
    if (of_a != of_b) {
        // One end has settled with the node what the other one refuses to be told: as after a hold by PRACK, which is
        // answered before the callee can be asked.
        if (has_refused(callee, a.mine.direction) || has_refused(caller, b.mine.direction)) return {};
        return "the caller has " + of_a + ", the callee " + of_b;
    }
    for (const auto& [name, session] : bench_.media.sessions) {
        const auto is_told = [&](b2bua::Side side, const Session& told) {
            return std::any_of(session.local.begin(), session.local.end(), [&](const b2bua::MediaLocal& local) {
                return local.stream == 0 && local.side == side && local.rtp.port == told.port &&
                       local.rtp.address.to_string() == told.address;
            });
        };
        // Ports are used again: one of them alone names no session.
        if (!is_told(b2bua::Side::a, a.theirs) || !is_told(b2bua::Side::b, b.theirs)) continue;
        const auto leg_a = session.legs.find({0, b2bua::Side::a}), leg_b = session.legs.find({0, b2bua::Side::b});
        if (leg_a == session.legs.end() || leg_b == session.legs.end()) return "the media plane was told of no leg";
        if (auto wrong = leg_differs(leg_a->second, a); !wrong.empty()) return "leg a of the media plane " + wrong;
        if (auto wrong = leg_differs(leg_b->second, b); !wrong.empty()) return "leg b of the media plane " + wrong;
        if (auto wrong = mapping(leg_a->second, a, b); !wrong.empty()) return "from the caller: " + wrong;
        return mapping(leg_b->second, b, a);
    }
    return "no media session has both ports that were told, " + std::to_string(a.theirs.port) + " and " +
           std::to_string(b.theirs.port);
}

}  // namespace sallyport::test

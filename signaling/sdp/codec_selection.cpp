// Codec policy and payload type numbers, RFC 3264 6.1 and 8.3.2, RFC 4733 (telephone-event), RFC 3389 (CN).
#include "signaling/sdp/codec_selection.h"

#include <algorithm>
#include <array>

#include "signaling/sdp/media_rewrite.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

// rtx, red and the many kinds of FEC: their parameters, or their payload, name other formats by number.
bool refers_to_others(const Codec& codec) {
    if (same_name(codec.name, "rtx") || same_name(codec.name, "red")) return true;
    for (std::size_t i = 0; i + 3 <= codec.name.size(); ++i)
        if (same_name(std::string_view(codec.name).substr(i, 3), "fec")) return true;
    return false;
}

bool contains_rate(const std::vector<Codec>& codecs, std::uint32_t rate) {
    return std::any_of(codecs.begin(), codecs.end(), [&](const Codec& c) { return c.clock_rate == rate; });
}

// Each of `to` is paired once; an equal number wins over order, as fmtp variants of one codec differ only by number.
class Pairing {
public:
    explicit Pairing(const std::vector<Codec>& to) : to_(to), used_(to.size(), false) {}

    const Codec* take(const Codec& codec) {
        std::size_t best = to_.size();
        for (std::size_t i = 0; i < to_.size(); ++i) {
            if (used_[i] || !same_codec(codec, to_[i])) continue;
            if (best == to_.size() || to_[i].payload_type == codec.payload_type) best = i;
        }
        if (best == to_.size()) return nullptr;
        used_[best] = true;
        return &to_[best];
    }

private:
    const std::vector<Codec>& to_;
    std::vector<bool> used_;
};

bool is_event(const Codec& codec) { return same_name(codec.name, "telephone-event"); }

const Codec* first_event(const std::vector<Codec>& codecs) {
    const auto found = std::find_if(codecs.begin(), codecs.end(), is_event);
    return found != codecs.end() ? &*found : nullptr;
}

// What a codec of `from` is in `to`. Events of a clock that the other side has none of cross as those that it has:
// the media plane converts their durations.
std::vector<std::pair<const Codec*, const Codec*>> crossings(const std::vector<Codec>& from,
                                                             const std::vector<Codec>& to) {
    std::vector<std::pair<const Codec*, const Codec*>> out;
    Pairing pairing(to);
    for (const auto& c : from) {
        const Codec* match = pairing.take(c);
        if (match == nullptr && is_event(c)) match = first_event(to);
        if (match != nullptr) out.emplace_back(&c, match);
    }
    return out;
}

// RFC 4733 2.1: events have the clock of the audio that they interrupt. Who hears them at one clock hears them at all;
// where those that he has fit one of his codecs, it is left to the others whether they take them.
void add_events_of_other_clocks(const std::vector<Codec>& source, const std::vector<Codec>& primary,
                                std::vector<Codec>& out) {
    const Codec* heard = first_event(source);
    if (heard == nullptr || first_event(out) != nullptr) return;
    for (const auto& audio : primary) {
        const auto is_there = [&](const Codec& c) { return is_event(c) && c.clock_rate == audio.clock_rate; };
        if (std::any_of(out.begin(), out.end(), is_there)) continue;
        out.push_back(*heard);
        out.back().clock_rate = audio.clock_rate;
    }
}

// Numbers that nobody but this node has given, from the less used end; each clock its own, so that one which is offered
// again means what it meant (RFC 3264 8.3.2).
std::size_t first_number_of(const Codec& codec) {
    switch (codec.clock_rate) {
        case 48'000: return 127;
        case 16'000: return 126;
        default: return 125;
    }
}

}  // namespace

bool same_codec(const Codec& a, const Codec& b) {
    return !a.name.empty() && same_name(a.name, b.name) && a.clock_rate == b.clock_rate && a.channels == b.channels;
}

bool is_auxiliary(const Codec& codec) { return is_event(codec) || same_name(codec.name, "CN"); }

std::vector<Codec> apply_policy(const std::vector<Codec>& codecs, const std::vector<std::string>& allowed) {
    std::vector<Codec> out;
    const auto is_candidate = [](const Codec& c) {
        return !c.name.empty() && !is_auxiliary(c) && !refers_to_others(c);
    };
    if (allowed.empty()) {
        std::copy_if(codecs.begin(), codecs.end(), std::back_inserter(out), is_candidate);
    } else {
        for (const auto& name : allowed)
            std::copy_if(codecs.begin(), codecs.end(), std::back_inserter(out),
                         [&](const Codec& c) { return is_candidate(c) && same_name(c.name, name); });
    }
    const std::vector<Codec> primary = out;
    std::copy_if(codecs.begin(), codecs.end(), std::back_inserter(out),
                 [&](const Codec& c) { return is_auxiliary(c) && contains_rate(primary, c.clock_rate); });
    add_events_of_other_clocks(codecs, primary, out);
    return out;
}

std::vector<Selected> for_answer(const std::vector<Codec>& codecs, const std::vector<Codec>& offered) {
    std::vector<Selected> out;
    Pairing pairing(offered);
    for (const auto& c : codecs)
        if (const Codec* match = pairing.take(c)) out.push_back({c.payload_type, match->payload_type, c});
    const Codec *ours = first_event(codecs), *theirs = first_event(offered);
    const bool has_events = std::any_of(out.begin(), out.end(), [](const Selected& s) { return is_event(s.codec); });
    if (ours != nullptr && theirs != nullptr && !has_events)
        out.push_back({ours->payload_type, theirs->payload_type, *theirs});
    return out;
}

void order_as_offered(std::vector<Selected>& answer, const std::vector<Codec>& offered) {
    const auto place = [&](const Selected& s) {
        return std::find_if(offered.begin(), offered.end(),
                            [&](const Codec& c) { return c.payload_type == s.leg_type; });
    };
    std::stable_sort(answer.begin(), answer.end(),
                     [&](const Selected& a, const Selected& b) { return place(a) < place(b); });
}

std::vector<Selected> for_offer(const std::vector<Codec>& codecs, const std::vector<Codec>& known,
                                const std::vector<Codec>& source) {
    std::vector<Selected> out;
    std::array<bool, 128> taken{};
    for (const auto& c : known) taken[c.payload_type] = true;
    Pairing pairing(known);
    std::vector<const Codec*> matches;
    matches.reserve(codecs.size());
    for (const auto& c : codecs) matches.push_back(pairing.take(c));
    const auto is_free = [&](std::size_t type) { return !taken[type]; };
    for (std::size_t i = 0; i < codecs.size(); ++i) {
        const auto is_this = [&](const Codec& c) {
            return c.payload_type == codecs[i].payload_type && c.clock_rate == codecs[i].clock_rate;
        };
        const bool is_theirs = std::any_of(source.begin(), source.end(), is_this);  // else events of another clock
        std::size_t type = matches[i] != nullptr ? matches[i]->payload_type : codecs[i].payload_type;
        if (matches[i] == nullptr && (!is_theirs || !is_free(type)))
            for (type = is_theirs ? 127 : first_number_of(codecs[i]); type > 95 && !is_free(type);) --type;
        if (type == 95) continue;  // none left: this codec is not offered
        taken[type] = true;
        out.push_back({codecs[i].payload_type, static_cast<std::uint8_t>(type), codecs[i]});
    }
    return out;
}

std::optional<Codec> spoken_codec(const StreamView& heard, const StreamView& told) {
    for (const Codec& c : heard.codecs) {
        const auto is_told = [&](const Codec& t) { return same_codec(c, t); };
        if (!is_auxiliary(c) && std::any_of(told.codecs.begin(), told.codecs.end(), is_told)) return c;
    }
    return std::nullopt;
}

std::vector<TelephoneEventType> telephone_events(const StreamView& from, const StreamView& to) {
    std::vector<TelephoneEventType> out;
    for (const auto& c : from.codecs)
        if (is_event(c)) out.push_back({c.payload_type, c.clock_rate, c.clock_rate});
    for (const auto& [received, sent] : crossings(from.codecs, to.codecs))
        for (auto& type : out)
            if (is_event(*received) && type.payload_type == received->payload_type)
                type.sent_clock_rate = sent->clock_rate;
    return out;
}

std::vector<std::pair<std::uint8_t, std::uint8_t>> payload_map(const StreamView& from, const StreamView& to) {
    std::vector<std::pair<std::uint8_t, std::uint8_t>> out;
    for (const auto& [received, sent] : crossings(from.codecs, to.codecs))
        out.emplace_back(received->payload_type, sent->payload_type);
    return out;
}

}  // namespace sallyport::sdp

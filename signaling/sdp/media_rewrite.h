// Speaks one leg's session description in our own name: our addresses, our keys, our o= line; the other party's codecs
// and directions. Topology (addresses, candidates, keys, names of the other side) never crosses. RFC 3264, 4568, 8866.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "signaling/sdp/session_description.h"

namespace sallyport::sdp {

// Our o= line on one leg for the life of its dialog (RFC 3264 8: same id, version + 1 exactly when the text changes).
class OriginState {
public:
    OriginState() = default;
    // `last` is what last() gave before: a restored call goes on counting where it stopped.
    OriginState(std::uint64_t session_id, std::uint64_t version, std::string last = {})
        : session_id_(session_id), version_(version) {
        if (!last.empty()) last_ = std::make_shared<const std::string>(std::move(last));
    }
    // Stamps the origin of `description`, whose connection address is ours, and gives the text to send.
    std::string stamp(SessionDescription description);
    std::uint64_t session_id() const { return session_id_; }
    std::uint64_t version() const { return version_; }
    const std::string& last() const {  // contains our keys: never log it
        static const std::string nothing;
        return last_ ? *last_ : nothing;
    }
    const std::shared_ptr<const std::string>& shared_last() const { return last_; }

private:
    std::uint64_t session_id_ = 0, version_ = 0;
    std::shared_ptr<const std::string> last_;  // with an o= line that says nothing
};

struct StreamAnchor {                  // what we present for one m-line
    Endpoint rtp, rtcp;                // ours, on the leg's own media port
    std::optional<CryptoLine> crypto;  // ours: makes the m-line RTP/SAVP; absent: RTP/AVP, or UDPTL as it is
    bool refuse = false;               // port 0
};
// How a leg is told that the other one's party listens no more (SIPconnect 14.10).
enum class HoldToldAs : std::uint8_t {
    said,         // as that party said it
    unannounced,  // sendonly as sendrecv: to be played to, without a network that notices
    announced,    // inactive as sendonly
    inactive,     // sendonly as inactive
};
// Of the codecs of an answer. RFC 3264 6.1 has them in the order of the offer, so that both parties send the same one:
// so they are where the source has not heard of this offer, and speaks of what it has said before.
enum class AnswerOrder : std::uint8_t { of_source, of_offer };
struct LegProfile {
    bool srtp = false;                // the leg speaks SAVP, or AVP
    std::vector<std::string> codecs;  // allowed names, in order of preference (telephone-event and CN follow their
                                      // audio codec); empty: all, in the order of the source
    HoldToldAs hold = HoldToldAs::said;
    std::uint32_t packet_milliseconds = 0;       // asked for in place of "ptime" and "maxptime" of audio; 0: as said
    AnswerOrder order = AnswerOrder::of_source;  // where `codecs` says none
};
enum class RewriteErrc : std::uint8_t { no_usable_stream, no_common_codec, bad_anchor };
std::string_view to_string(RewriteErrc e);

// From what the other leg's party described (`source`) to what this leg is told: an offer, or an answer to `offer`
// (this leg's party's own offer: same number and order of m-lines, only its payload types; nullptr when we offer).
// Streams the media plane does not carry (neither RTP nor T.38 over UDPTL; T.38 only on legs without SRTP), and those
// without an anchor, keep their slot with port 0. `previous` is what this leg was told last, when we offer again: its
// slots stay, in number and order, and a payload type keeps its codec (RFC 3264 8, 8.3.2).
template <class Text>
Result<SessionDescription, RewriteErrc> anchor(const BasicDescription<Text>& source,
                                               std::type_identity_t<const BasicDescription<Text>*> offer,
                                               const std::vector<StreamAnchor>& anchors, const LegProfile& profile,
                                               const SessionDescription* previous = nullptr);

// What a leg was told, without what its party has not taken: streams that it refuses, codecs that it does not name.
template <class Text>
SessionDescription agreed(SessionDescription told, const BasicDescription<Text>& heard);

// The codec that a party most likely sends: the first of what it has described that it was also told, which carries a
// conversation. Nothing if none is agreed upon.
std::optional<Codec> spoken_codec(const StreamView& heard, const StreamView& told);

// Where one codec has two numbers: {payload type in `from`, payload type in `to`}, matched by name, rate and channels
// in the order of `from`; telephone-event by name alone where the clocks differ. What the media plane has to rewrite on
// packets that go from one party to the other.
std::vector<std::pair<std::uint8_t, std::uint8_t>> payload_map(const StreamView& from, const StreamView& to);
// The payload types of `from` that are telephone-event (RFC 4733), each with the clock of its durations, here and as
// they cross to `to`.
std::vector<TelephoneEventType> telephone_events(const StreamView& from, const StreamView& to);

}  // namespace sallyport::sdp

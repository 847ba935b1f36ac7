// The offer/answer state between the two legs (RFC 3264, 4568): what each party has described, what it was told in our
// name, which keys are used. A plain value: a fork gets a copy, a failed exchange goes back to one. Sends nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/boxed.h"
#include "control/base/random.h"
#include "signaling/b2bua/heard_description.h"
#include "signaling/b2bua/kept_description.h"
#include "signaling/b2bua/media.h"
#include "signaling/sdp/media_rewrite.h"

namespace sallyport::b2bua {

enum class BridgeErrc : std::uint8_t {
    not_sdp,
    srtp_required,      // the leg speaks RTP/SAVP only
    srtp_not_allowed,   // the leg speaks RTP/AVP only
    no_usable_key,      // SAVP without a crypto line this node can use, or one that repeats our key
    bad_address,        // a name, a multicast or loopback address
    wrong_family,       // the other IP version than the leg's (SIPconnect 15)
    private_address,    // of a peer that comes from a public one, and no NAT mode to help it (SIPconnect 16.3)
    nothing_in_common,  // no stream or no codec left
    wrong_answer,       // not an answer to what was offered
    too_few_streams,    // an offer that drops m-lines of an earlier one
    no_port,            // the media plane gave none for a stream
};
std::string_view to_string(BridgeErrc e);
// The Warning (RFC 3261 20.43) that tells the peer's administrator what a 488 is about: "301 sallyport "..."".
std::string warning_of(BridgeErrc e);
template <class T>
using BridgeResult = Result<T, BridgeErrc>;

struct MediaProfile {  // of a leg; from the trunk's or the carrier's media policy
    bool srtp = false;
    std::vector<std::string> codecs;  // empty: all
    bool latch_any_address = false;
    Family family = Family::none;  // of the leg's signalling: its media is of the same (SIPconnect 15)
    bool loopback = false;         // the peer itself is on this host
    IpAddress stand_in;            // NAT mode: where its signalling comes from, taken in place of private addresses
    bool no_private = false;       // its signalling comes from a public address, and there is no NAT mode
    std::vector<IpAddress> advertised = {};        // ours in SDP, in place of the media plane's own of that family
    sdp::HoldToldAs hold = sdp::HoldToldAs::said;  // when this party puts the other one on hold
    std::uint32_t packet_milliseconds = 0;         // that this party is to be sent, and to send; 0: as is said
    bool fax = true;                               // T.38; else it is refused, from and to this party
    bool takes_mki = true;                         // SRTP that names its key in each packet
};

class SdpBridge {
public:
    void set_profile(Side side, MediaProfile profile) { at(side).profile = std::move(profile); }
    const MediaProfile& profile(Side side) const { return at(side).profile; }
    void begin(Side side, std::uint64_t session_id) { at(side).origin = sdp::OriginState(session_id, session_id); }

    // What a party offers; then what the other one is offered in its place; its answer; then the first one's answer.
    BridgeResult<void> hear_offer(Side from, std::string_view sdp);
    BridgeResult<std::string> speak_offer(Side to, const std::vector<MediaLocal>& ports, RandomSource& random);
    BridgeResult<void> hear_answer(Side from, std::string_view sdp);
    BridgeResult<std::string> speak_answer(Side to, const std::vector<MediaLocal>& ports, RandomSource& random,
                                           sdp::AnswerOrder order = sdp::AnswerOrder::of_source);
    // What `to` is offered next has new keys, whatever else is as it was (RFC 3711 9.2).
    void renew_keys(Side to);
    // What `to` was told last and has taken of it, once more as an offer; with the same version where that is all of
    // it.
    std::string repeat(Side to);
    // An answer to `to`'s offer that takes no stream: for an offer that nobody is left to answer.
    std::string speak_refusal(Side to, const std::vector<MediaLocal>& ports);
    bool has_refused(Side to) const;  // that is what it was told last

    // An offer that was given up, with which exchange everything went back, was taken all the same: its keys, and where
    // that party is, hold on this side until it is offered something else. Of no more streams than the other side has.
    void take_given_up(Side to, std::string_view offer, std::string_view answer);

    // An exchange has failed: everything as before, but for the o= versions that the parties have seen since.
    void go_back_to(const SdpBridge& before);

    // What was spoken to `side` since `before` has not left the node: it has heard what it had heard before, and the
    // next version is the next one (RFC 3264 8). True: it would have had another effect, so that the party has to be
    // told.
    bool leave_unsaid(Side side, const SdpBridge& before);

    // Nothing is exchanged for a while: what is kept takes less room.
    void rest();

    std::uint32_t streams() const;                              // of the largest description heard
    std::vector<MediaLeg> media_legs() const;                   // everything known, both sides
    bool expects_media(Side from, std::uint32_t stream) const;  // in the agreed directions
    std::vector<std::string> codecs() const;                    // as last agreed: "PCMA/8000"

    struct Keys {  // of one stream on one side
        Boxed<sdp::CryptoLine> ours, theirs;
    };
    struct SideState {
        MediaProfile profile;
        sdp::OriginState origin;
        HeardDescription heard;
        KeptDescription told;
        // By slot: what it was told there last that was RTP, where it is told of something else now, as a fax. Payload
        // types keep their meanings over it (RFC 3264 8.3.2).
        std::vector<std::optional<sdp::MediaDescription>> spoken;
        bool changed = true;        // heard differs from what was heard before
        std::vector<bool> refused;  // streams of `heard` that this leg may not have
        std::vector<Keys> keys;
    };
    SideState& at(Side side) { return sides_[static_cast<std::size_t>(side)]; }
    const SideState& at(Side side) const { return sides_[static_cast<std::size_t>(side)]; }

private:
    std::array<SideState, 2> sides_;
};

// Whether the one who hears it has anything to do with the difference: other codecs, another direction, a stream that
// is over.
bool means_the_same(const sdp::DescriptionView& a, const sdp::DescriptionView& b);

// Whether a party that has said `heard` takes and sends the same after being told either, be it an offer or an answer.
bool has_same_effect(const sdp::SessionDescription& told, const sdp::SessionDescription& other,
                     const sdp::DescriptionView& heard);

// A session description in a few words, for a ladder: "audio srtp PCMA,PCMU sendonly". Addresses and keys never.
std::string describe(std::string_view sdp_text);

}  // namespace sallyport::b2bua

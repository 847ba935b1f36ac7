// One leg's description in our own name, RFC 3264 5, 6 and 8: slot by slot, nothing copied that is not known to be
// harmless. Chooses no addresses, keys or ports: the anchors bring them.
#include "signaling/sdp/media_rewrite.h"

#include <algorithm>

#include "signaling/sdp/attribute_filter.h"
#include "signaling/sdp/codec_selection.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

bool sends(Direction d) { return d == Direction::sendrecv || d == Direction::sendonly; }
bool receives(Direction d) { return d == Direction::sendrecv || d == Direction::recvonly; }

Direction direction_of(bool send, bool receive) {
    if (send) return receive ? Direction::sendrecv : Direction::sendonly;
    return receive ? Direction::recvonly : Direction::inactive;
}

Connection connection_to(const IpAddress& address) { return {address.family, address.to_string(), address}; }

Attribute attribute(std::string_view name, std::string value) { return {std::string(name), std::move(value), true}; }

std::string rtpmap_value(const Selected& s) {
    std::string out = std::to_string(s.leg_type);
    out.append(1, ' ').append(s.codec.name).append(1, '/').append(std::to_string(s.codec.clock_rate));
    if (s.codec.channels != 1) out.append(1, '/').append(std::to_string(s.codec.channels));
    return out;
}

bool is_packet_time(std::string_view name) { return same_name(name, "ptime") || same_name(name, "maxptime"); }

template <class Text>
Attribute own(const BasicAttribute<Text>& a) {
    return {std::string(a.name), std::string(a.value), a.has_value};
}

template <class Text>
std::vector<StreamView> views_of(const BasicDescription<Text>* description) {
    std::vector<StreamView> out;
    if (description == nullptr) return out;
    for (std::size_t i = 0; i < description->media.size(); ++i) out.push_back(view_stream(*description, i));
    return out;
}

// RFC 4612: nobody takes it, and who has it has UDPTL or G.711 as well.
bool is_fax_over_rtp(const Codec& codec) { return same_name(codec.name, "t38"); }

// One rewrite of one description.
template <class Text>
class Rewrite {
public:
    Rewrite(const BasicDescription<Text>& source, const BasicDescription<Text>* offer,
            const std::vector<StreamAnchor>& anchors, const LegProfile& profile, const SessionDescription* previous)
        : source_(source),
          offer_(offer),
          previous_(previous),
          anchors_(anchors),
          profile_(profile),
          filter_(source),
          theirs_(views_of(&source)),
          offered_(views_of(offer)),
          told_(views_of(previous)) {}

    Result<SessionDescription, RewriteErrc> run() {
        out_.attributes = session_attributes();
        copy_bandwidths(source_.bandwidths, out_.bandwidths);
        bool usable = false, no_codec = false;
        for (std::size_t i = 0; i < slots(); ++i) {
            if (!is_live(i)) {
                out_.media.push_back(refused(i));
                continue;
            }
            if (!anchor_is_sound(anchors_[i])) return RewriteErrc::bad_anchor;
            if (theirs_[i].t38) {
                usable = true;
                out_.media.push_back(fax(i));
                continue;
            }
            const auto codecs = select_codecs(i);
            (codecs.empty() ? no_codec : usable) = true;
            out_.media.push_back(codecs.empty() ? refused(i) : live(i, codecs));
        }
        if (!usable) return no_codec ? RewriteErrc::no_common_codec : RewriteErrc::no_usable_stream;
        return std::move(out_);
    }

private:
    std::size_t slots() const {
        if (offer_ != nullptr) return offer_->media.size();
        return std::max(source_.media.size(), told_.size());
    }
    const BasicMedia<Text>& live_slot(std::size_t i) const {
        return offer_ != nullptr ? offer_->media[i] : source_.media[i];
    }

    // Both sides have it, the media plane can carry it, and the leg's security fits.
    bool is_live(std::size_t i) const {
        if (i >= anchors_.size() || anchors_[i].refuse || i >= theirs_.size()) return false;
        if (theirs_[i].rejected || filter_.betrays(theirs_[i].media)) return false;
        if (theirs_[i].t38) return carries_fax() && (offer_ == nullptr || (offered_[i].t38 && !offered_[i].rejected));
        if (!theirs_[i].rtp) return false;
        if (offer_ == nullptr) return true;
        const StreamView& offered = offered_[i];
        return offered.rtp && !offered.rejected && offered.media == theirs_[i].media && offered.secure == profile_.srtp;
    }

    // UDPTL goes in the clear: not where the leg asks for SRTP.
    bool carries_fax() const { return !profile_.srtp; }

    // A slot that carries nothing: RFC 3264 6, port zero, with the words of whoever opened it, unless they hold an
    // address.
    MediaDescription refused(std::size_t i) const {
        if (offer_ != nullptr) return refused_as(offer_->media[i]);
        return i < source_.media.size() ? refused_as(source_.media[i]) : refused_as(previous_->media[i]);
    }
    template <class Opened>
    MediaDescription refused_as(const Opened& opened) const {
        MediaDescription m;
        m.media = opened.media;
        if (filter_.betrays(m.media)) m.media = "application";
        const bool shows_protocol = !filter_.betrays(opened.protocol);
        if (shows_protocol)
            m.protocol = opened.protocol;
        else
            m.protocol = "RTP/AVP";
        for (const auto& format : opened.formats)
            if (shows_protocol && !filter_.betrays(format)) m.formats.emplace_back(format);
        if (m.formats.empty()) m.formats.push_back("0");  // the grammar wants one
        return m;
    }

    bool anchor_is_sound(const StreamAnchor& a) const {
        if (a.rtp.empty() || a.rtp.port == 0 || a.rtp.address.is_unspecified()) return false;
        return a.crypto.has_value() == profile_.srtp;
    }

    std::vector<Selected> select_codecs(std::size_t i) const {
        const bool is_audio = theirs_[i].media == "audio";  // the policy names audio codecs
        auto allowed = apply_policy(theirs_[i].codecs, is_audio ? profile_.codecs : std::vector<std::string>{});
        std::erase_if(allowed, [&](const Codec& c) { return filter_.betrays(c.name) || is_fax_over_rtp(c); });
        const std::vector<Codec> nothing;
        auto out = offer_ != nullptr
                       ? for_answer(allowed, offered_[i].codecs)
                       : for_offer(allowed, i < told_.size() ? told_[i].codecs : nothing, theirs_[i].codecs);
        if (offer_ != nullptr && profile_.order == AnswerOrder::of_offer && profile_.codecs.empty())
            order_as_offered(out, offered_[i].codecs);
        const bool speaks =
            std::any_of(out.begin(), out.end(), [](const Selected& s) { return !is_auxiliary(s.codec); });
        if (!speaks) out.clear();
        return out;
    }

    void copy_bandwidths(const std::vector<Text>& from, std::vector<std::string>& to) const {
        for (const auto& b : from)
            if (!filter_.betrays(b)) to.emplace_back(b);
    }

    MediaDescription anchored(std::size_t i) {
        const StreamAnchor& anchor = anchors_[i];
        MediaDescription m;
        m.media = live_slot(i).media;
        m.port = anchor.rtp.port;
        if (!out_.connection) out_.connection = connection_to(anchor.rtp.address);
        if (out_.connection->address != anchor.rtp.address) m.connection = connection_to(anchor.rtp.address);
        copy_bandwidths(source_.media[i].bandwidths, m.bandwidths);
        return m;
    }
    void cross_attributes(std::size_t i, MediaDescription& m) const {
        const bool timed = profile_.packet_milliseconds != 0 && m.media == "audio";
        for (const auto& a : source_.media[i].attributes)
            if (filter_.crosses(a.name, a.value) && !(timed && is_packet_time(a.name))) m.attributes.push_back(own(a));
        if (timed) m.attributes.push_back(attribute("ptime", std::to_string(profile_.packet_milliseconds)));
    }

    // ITU-T T.38 D.2.3: its attributes are between the two fax gateways.
    MediaDescription fax(std::size_t i) {
        MediaDescription m = anchored(i);
        m.protocol = live_slot(i).protocol;
        m.formats = {"t38"};
        cross_attributes(i, m);
        if (const Direction d = direction(i); d != Direction::sendrecv)
            m.attributes.push_back({std::string(to_string(d)), {}, false});
        return m;
    }

    MediaDescription live(std::size_t i, const std::vector<Selected>& codecs) {
        const StreamAnchor& anchor = anchors_[i];
        MediaDescription m = anchored(i);
        m.protocol = profile_.srtp ? "RTP/SAVP" : "RTP/AVP";
        if (offer_ != nullptr) m.protocol = offer_->media[i].protocol;
        for (const auto& s : codecs) add_codec(m, source_.media[i], s);
        cross_attributes(i, m);
        m.attributes.push_back({std::string(to_string(direction(i))), {}, false});
        add_rtcp(m, anchor);
        if (anchor.crypto) m.attributes.push_back(attribute("crypto", write_crypto(*anchor.crypto)));
        return m;
    }

    void add_codec(MediaDescription& m, const BasicMedia<Text>& theirs, const Selected& s) const {
        const std::string leg_type = std::to_string(s.leg_type);
        m.formats.push_back(leg_type);
        m.attributes.push_back(attribute("rtpmap", rtpmap_value(s)));
        bool described = false;
        for (const auto& a : theirs.attributes) {
            if (a.name != "fmtp") continue;
            const auto w = words(a.value, 2);
            if (w.size() != 2 || number(w[0], 127) != s.source_type || filter_.betrays(w[1])) continue;
            m.attributes.push_back(attribute("fmtp", leg_type + ' ' + std::string(w[1])));
            described = true;
        }
        // RFC 4733 2.5.2.1 wants the events listed, 2.5.1.1 says what their absence means.
        if (!described && same_name(s.codec.name, "telephone-event"))
            m.attributes.push_back(attribute("fmtp", leg_type + " 0-15"));
    }

    void add_rtcp(MediaDescription& m, const StreamAnchor& anchor) const {
        if (anchor.rtcp.empty() || anchor.rtcp.port == 0) return;
        const bool same_address = anchor.rtcp.address == anchor.rtp.address;
        if (same_address && anchor.rtcp.port == anchor.rtp.port + 1) return;  // what everybody assumes, RFC 3605 2.1
        std::string value = std::to_string(anchor.rtcp.port);
        if (!same_address)
            value.append(anchor.rtcp.address.family == Family::v6 ? " IN IP6 " : " IN IP4 ")
                .append(anchor.rtcp.address.to_string());
        m.attributes.push_back(attribute("rtcp", std::move(value)));
    }

    // The other party's direction as ours; an answer never exceeds what the offer left open (RFC 3264 6.1).
    Direction direction(std::size_t i) const {
        if (offer_ == nullptr) return as_told(theirs_[i].direction);
        const Direction offered = offered_[i].direction;
        // What is less than sendrecv answers what was less already: nobody has put anybody on hold by that. Who is held
        // and asks again goes on hearing the network's music.
        const bool holds = offered == Direction::sendrecv ||
                           (offered == Direction::recvonly && profile_.hold == HoldToldAs::announced);
        const Direction theirs = holds ? as_told(theirs_[i].direction) : theirs_[i].direction;
        return direction_of(sends(theirs) && receives(offered), receives(theirs) && sends(offered));
    }

    Direction as_told(Direction theirs) const {
        switch (profile_.hold) {
            case HoldToldAs::said: return theirs;
            case HoldToldAs::unannounced: return theirs == Direction::sendonly ? Direction::sendrecv : theirs;
            case HoldToldAs::announced: return theirs == Direction::inactive ? Direction::sendonly : theirs;
            case HoldToldAs::inactive: return theirs == Direction::sendonly ? Direction::inactive : theirs;
        }
        return theirs;
    }

    // Languages say something about the call; everything else at session level is about the sender.
    std::vector<Attribute> session_attributes() const {
        std::vector<Attribute> out;
        for (const auto& a : source_.attributes)
            if ((a.name == "lang" || a.name == "sdplang") && filter_.crosses(a.name, a.value)) out.push_back(own(a));
        return out;
    }

    const BasicDescription<Text>& source_;
    const BasicDescription<Text>* offer_;
    const SessionDescription* previous_;
    const std::vector<StreamAnchor>& anchors_;
    const LegProfile& profile_;
    AttributeFilter filter_;
    std::vector<StreamView> theirs_, offered_, told_;
    SessionDescription out_;
};

}  // namespace

template <class Text>
Result<SessionDescription, RewriteErrc> anchor(const BasicDescription<Text>& source,
                                               std::type_identity_t<const BasicDescription<Text>*> offer,
                                               const std::vector<StreamAnchor>& anchors, const LegProfile& profile,
                                               const SessionDescription* previous) {
    return Rewrite<Text>(source, offer, anchors, profile, previous).run();
}
template Result<SessionDescription, RewriteErrc> anchor(const SessionDescription&, const SessionDescription*,
                                                        const std::vector<StreamAnchor>&, const LegProfile&,
                                                        const SessionDescription*);
template Result<SessionDescription, RewriteErrc> anchor(const DescriptionView&, const DescriptionView*,
                                                        const std::vector<StreamAnchor>&, const LegProfile&,
                                                        const SessionDescription*);

template <class Text>
SessionDescription agreed(SessionDescription told, const BasicDescription<Text>& heard) {
    for (std::size_t i = 0; i < told.media.size() && i < heard.media.size(); ++i) {
        MediaDescription& media = told.media[i];
        const StreamView ours = view_stream(told, i), theirs = view_stream(heard, i);
        if (media.port == 0) continue;
        if (theirs.rejected) {
            media.port = 0;
            std::erase_if(media.attributes, [](const Attribute& a) { return a.name == "crypto"; });
            continue;
        }
        std::vector<std::string> left_out;
        for (const Codec& codec : ours.codecs) {
            const bool taken = std::any_of(theirs.codecs.begin(), theirs.codecs.end(), [&](const Codec& c) {
                return same_name(c.name, codec.name) && c.clock_rate == codec.clock_rate;
            });
            if (!taken) left_out.push_back(std::to_string(codec.payload_type));
        }
        if (left_out.size() == ours.codecs.size()) continue;
        const auto is_left_out = [&](std::string_view format) {
            return std::find(left_out.begin(), left_out.end(), format) != left_out.end();
        };
        std::erase_if(media.formats, is_left_out);
        std::erase_if(media.attributes, [&](const Attribute& a) {
            const bool about_format = a.name == "rtpmap" || a.name == "fmtp";
            return about_format && is_left_out(std::string_view(a.value).substr(0, a.value.find(' ')));
        });
    }
    return told;
}
template SessionDescription agreed(SessionDescription told, const SessionDescription& heard);
template SessionDescription agreed(SessionDescription told, const DescriptionView& heard);

std::string_view to_string(RewriteErrc e) {
    switch (e) {
        case RewriteErrc::no_usable_stream: return "no_usable_stream";
        case RewriteErrc::no_common_codec: return "no_common_codec";
        case RewriteErrc::bad_anchor: return "bad_anchor";
    }
    return "unknown";
}

}  // namespace sallyport::sdp

#include "media-plane/core/captures.h"

#include <algorithm>

#include "media-plane/core/session.h"

namespace sallyport::media {

namespace {

constexpr std::size_t clear_rtp_bytes = 12, clear_rtcp_bytes = 8;  // of SRTP and SRTCP, RFC 3711 3.1 and 3.4

}  // namespace

bool Captures::start(Session& session, const CaptureTerms& terms, std::shared_ptr<CaptureRing> ring, TimePoint now) {
    const auto free = std::find_if(captures_.begin(), captures_.end(), [](const auto& c) { return !c.session; });
    if (free == captures_.end()) return false;
    free->session = &session;
    session.count_captures(1);
    free->terms = terms;
    free->ring = std::move(ring);
    free->count = 0;
    if (count_++ == 0) left_at_ = now;  // what is lost of bursts before it was not seen to leave
    return true;
}

void Captures::stop(const CaptureRing& ring) {
    for (Capture& capture : captures_)
        if (capture.session && capture.ring.get() == &ring) finish(capture, CaptureEnd::stopped);
}

void Captures::end(const Session& session) {
    for (Capture& capture : captures_)
        if (capture.session == &session) finish(capture, CaptureEnd::session);
}

void Captures::tick(TimePoint now) {
    for (Capture& capture : captures_) {
        if (!capture.session) continue;
        if (capture.ring->abandoned())
            finish(capture, CaptureEnd::stopped);
        else if (now >= capture.terms.until)
            finish(capture, CaptureEnd::seconds);
    }
}

void Captures::finish(Capture& capture, CaptureEnd why) {
    capture.ring->end(why);
    capture.ring.reset();
    capture.session->count_captures(-1);
    capture.session = nullptr;
    --count_;
}

CapturedPacket* Captures::copy(Capture& capture, const Packet& packet, const Leg& leg, std::size_t index,
                               TimePoint now) {
    CapturedPacket* place = capture.ring->place(capture.count);
    if (place == nullptr) {
        capture.ring->miss();
        return nullptr;
    }
    capture.copied[capture.count++].packet = static_cast<std::uint8_t>(index);
    place->at = now;
    place->rtcp = packet.rtcp;
    place->drop = Drop::none;
    place->length = packet.length;
    place->withheld = !capture.terms.decrypted && !leg.secure() && leg.opposite->secure();
    if (place->withheld) capture.ring->withhold();
    const std::size_t shown = !place->withheld ? CapturedPacket::most_bytes
                              : packet.rtcp    ? clear_rtcp_bytes
                                               : clear_rtp_bytes;
    place->kept = static_cast<std::uint16_t>(std::min<std::size_t>(packet.length, shown));
    std::copy_n(packet.data, place->kept, place->bytes.begin());
    return place;
}

void Captures::take_received(std::span<const Packet> burst, TimePoint now, bool decrypted) {
    for (std::size_t i = 0; i < burst.size(); ++i) {
        const Packet& packet = burst[i];
        if (packet.leg == nullptr) continue;
        const Leg& leg = *packet.leg;
        for (Capture& capture : captures_) {
            if (capture.session != leg.session || capture.terms.decrypted != decrypted) continue;
            CapturedPacket* place = copy(capture, packet, leg, i, now);
            if (place == nullptr) continue;
            place->from = packet.from;
            place->to = {leg.local.address, packet.local_port};
            place->stream = leg.stream;
            place->side = leg.side;
            place->sent = false;
            place->decrypted = decrypted && leg.secure() && packet.drop == Drop::none;
        }
    }
}

void Captures::take_sent(std::span<const Packet> burst, TimePoint now, bool decrypted) {
    for (std::size_t i = 0; i < burst.size(); ++i) {
        const Packet& packet = burst[i];
        if (packet.drop != Drop::none || packet.out == nullptr) continue;
        const Leg& leg = *packet.out;
        for (Capture& capture : captures_) {
            if (capture.session != leg.session || capture.terms.decrypted != decrypted) continue;
            CapturedPacket* place = copy(capture, packet, leg, i, now);
            if (place == nullptr) continue;
            place->from = packet.source;
            place->to = packet.to;
            place->stream = leg.stream;
            place->side = leg.side;
            place->sent = true;
            place->decrypted = decrypted && leg.secure();
        }
    }
}

// What became of each is known now.
void Captures::left(std::span<const Packet> burst, TimePoint now) {
    left_at_ = now;
    take_sent(burst, now, false);
    for (Capture& capture : captures_) {
        if (!capture.session || capture.count == 0) continue;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(capture.count, capture.terms.packets));
        for (std::size_t i = 0; i < count; ++i) {
            CapturedPacket& place = *capture.ring->place(i);
            if (place.drop == Drop::none) place.drop = burst[capture.copied[i].packet].drop;
        }
        publish(capture, count);
    }
}

void Captures::publish(Capture& capture, std::size_t count) {
    capture.ring->publish(count);
    capture.count = 0;
    capture.terms.packets -= count;
    if (capture.terms.packets == 0) finish(capture, CaptureEnd::packets);
}

void Captures::lost(const Leg& leg, std::uint16_t source_port, std::uint16_t length, Drop why) {
    const bool rtcp = source_port % 2 != 0;
    for (Capture& capture : captures_) {
        if (capture.session == nullptr || capture.session != leg.session) continue;
        CapturedPacket* place = capture.ring->place(0);
        if (place == nullptr) {
            capture.ring->miss();
            continue;
        }
        place->at = left_at_;
        place->from = {leg.local.address, source_port};
        place->to = (rtcp ? leg.rtcp : leg.rtp).remote();
        place->stream = leg.stream;
        place->side = leg.side;
        place->sent = true;
        place->rtcp = rtcp;
        place->decrypted = place->withheld = false;
        place->drop = why;
        place->length = length;
        place->kept = 0;
        publish(capture, 1);
    }
}

}  // namespace sallyport::media

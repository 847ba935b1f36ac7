// The captures of one lcore: copies of what a session's legs receive and send, as on the wire or as it is between the
// legs, in clear. As on the wire also means: what SRTP hides on one leg is not shown on the other one, which has none;
// of its packets there is what SRTP leaves in clear. Nothing is looked at while there are none; a packet of another
// session costs a comparison. Allocates nothing, writes nothing down: that is for whoever reads the rings.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "media-plane/core/capture_ring.h"
#include "media-plane/core/packet.h"
#include "media-plane/core/stages/stages.h"

namespace sallyport::media {

struct Session;

struct CaptureTerms {
    bool decrypted = false;
    std::uint64_t packets = 0;  // at most
    TimePoint until{};
};

class Captures {
public:
    static constexpr std::size_t most = 4;

    bool any() const { return count_ > 0; }
    // False: there are as many as there may be.
    bool start(Session& session, const CaptureTerms& terms, std::shared_ptr<CaptureRing> ring, TimePoint now);
    void stop(const CaptureRing& ring);  // its ring is told, if it was there still
    void end(const Session& session);    // likewise: the session is about to go
    void tick(TimePoint now);            // whose time is over, or whose reader is gone

    // On the walk of a burst, in this order; only while there are any.
    void arrived(std::span<const Packet> burst, TimePoint now) { take_received(burst, now, false); }  // classified
    void opened(std::span<const Packet> burst, TimePoint now) { take_received(burst, now, true); }    // unprotected
    void leaving(std::span<const Packet> burst, TimePoint now) { take_sent(burst, now, true); }  // not protected yet
    void left(std::span<const Packet> burst, TimePoint now);                                     // the end
    // The device has not taken a packet of that leg's that has left: said with its length and without its octets, which
    // the wire never had. Whoever reads finds it behind the packet itself.
    void lost(const Leg& leg, std::uint16_t source_port, std::uint16_t length, Drop why);
    // RTCP of our own, before and after it was protected.
    void made(const Packet& packet, TimePoint now) { take_sent({&packet, 1}, now, true); }
    void made_ready(const Packet& packet, TimePoint now) { left({&packet, 1}, now); }

private:
    struct Copied {  // a place not published yet, and of which packet of the burst it is
        std::uint8_t packet = 0;
    };
    struct Capture {
        Session* session = nullptr;  // nullptr: free
        CaptureTerms terms;
        std::shared_ptr<CaptureRing> ring;
        std::array<Copied, 2 * stages::max_burst> copied;
        std::size_t count = 0;
    };
    void take_received(std::span<const Packet> burst, TimePoint now, bool decrypted);
    void take_sent(std::span<const Packet> burst, TimePoint now, bool decrypted);
    CapturedPacket* copy(Capture& capture, const Packet& packet, const Leg& leg, std::size_t index, TimePoint now);
    void finish(Capture& capture, CaptureEnd why);

    void publish(Capture& capture, std::size_t count);

    std::array<Capture, most> captures_;
    std::size_t count_ = 0;
    TimePoint left_at_{};  // of the burst before, or of the first capture's begin
};

}  // namespace sallyport::media

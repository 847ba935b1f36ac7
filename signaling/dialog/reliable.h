// Provisional responses that are acknowledged by PRACK, of one early dialog: RFC 3262, in both roles. Plain values;
// they send nothing and start no timer.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "control/base/random.h"
#include "control/base/time.h"
#include "signaling/sip/fields.h"
#include "signaling/sip/message.h"

namespace sallyport::dialog {

inline constexpr std::string_view reliable_option = "100rel";

// Whether the sender of an INVITE takes such responses (RFC 3262 3).
enum class Reliability : std::uint8_t { none, taken, required };
Reliability reliability_of(const sip::Message& invite);

// The number of a response that is to be acknowledged: its RSeq, where it requires the extension. 0: it is none, or its
// number cannot be read.
std::uint32_t reliable_number(const sip::Message& provisional);

// As UAC (RFC 3262 4): which response is the next one.
class ReliableHeard {
public:
    // Whether it is the first one, or follows the last one that was taken. Others are repetitions, or come before one
    // that is missing: they are not acknowledged, and come again.
    bool is_next(std::uint32_t number) const { return last_ == 0 || number == last_ + 1; }
    void take(std::uint32_t number) { last_ = number; }

private:
    std::uint32_t last_ = 0;
};

// As UAS (RFC 3262 3): one response is on the wire until it has been acknowledged; what comes after it waits.
class ReliableSaid {
public:
    struct Response {
        std::uint32_t number = 0;  // RSeq
        std::uint16_t status = 0;
        std::string text;
        std::string description;  // the session description in it
    };
    // Of the next response: one more than the last; of the first one `first`.
    std::uint32_t next_number(std::uint32_t first);
    // True: it goes out now; false: it waits for its turn.
    bool add(Response response, Duration t1, TimePoint now);
    // On the wire and not acknowledged yet.
    const Response* waiting() const { return queue_.empty() ? nullptr : &queue_.front(); }
    bool has_room() const;  // or too many wait already
    // The one on the wire comes again: after how long. Doubles each time, up to 64*T1 after the first.
    Duration next_pause(TimePoint now);
    bool is_given_up(TimePoint now) const { return now >= deadline_; }
    // RFC 3262 3: of the INVITE with this CSeq. False: it acknowledges nothing.
    bool matches(const sip::RAck& rack, std::uint32_t invite_cseq) const;
    // What matched is acknowledged; the response that goes out now, if one waits.
    const Response* acknowledge(Duration t1, TimePoint now);
    // Nothing more is to be said: what waits for its turn is not sent any more. True: a description was among it.
    bool settle();

private:
    void begin(Duration t1, TimePoint now);

    std::deque<Response> queue_;
    std::uint32_t number_ = 0;
    Duration interval_{};
    TimePoint deadline_{};
};

}  // namespace sallyport::dialog

// The message ladder of one call as an operator reads it: plain text, 100 columns, both legs, times, methods, statuses,
// what SDP says. Bounded. Credentials, keys and bodies never get in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "control/base/time.h"
#include "signaling/b2bua/media.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

class Ladder {
public:
    enum class Way : std::uint8_t { in, out };
    void message(TimePoint when, Side side, Way way, std::string_view text);
    void note(TimePoint when, std::string_view text);
    void rest() { lines_.shrink_to_fit(); }  // nothing is expected for a while
    // The head names what the two outer columns are: "PBX acme-hq", "core tcp 192.0.2.7:5060".
    std::string text(std::string_view head, std::string_view left, std::string_view right) const;

private:
    enum class Kind : char { a_in, a_out, b_in, b_out, note };
    static constexpr std::size_t most_lines = 200;
    void add(TimePoint when, Kind kind, std::string_view text);
    // Line after line: its time, its kind, the size of its text in one byte, the text. One piece of memory: there are
    // tens of thousands of ladders that nobody ever asks for.
    std::string lines_;
    std::uint32_t count_ = 0, left_out_ = 0;
};

// "INVITE (audio srtp PCMA,PCMU)", "180 Ringing", "BYE Q.850;cause=16".
std::string ladder_text(const sip::Message& message);
// The same of a message that is about to be sent.
std::string ladder_text(std::string_view message);

}  // namespace sallyport::b2bua

// The message ladder of one call as an operator reads it: plain text, 100 columns, both legs, times, methods, statuses,
// what SDP says. Bounded. Credentials, keys and bodies never get in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/time.h"
#include "signaling/b2bua/media.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

class Ladder {
public:
    enum class Way : std::uint8_t { in, out };
    void message(TimePoint when, Side side, Way way, std::string text);
    void note(TimePoint when, std::string text);
    // The head names what the two outer columns are: "PBX acme-hq", "core tcp 192.0.2.7:5060".
    std::string text(std::string_view head, std::string_view left, std::string_view right) const;

private:
    struct Line {
        TimePoint when;
        bool is_note = false;
        Side side = Side::a;
        Way way = Way::in;
        std::string text;
    };
    static constexpr std::size_t most_lines = 200;
    void add(Line line);
    std::vector<Line> lines_;
    std::size_t left_out_ = 0;
};

// "INVITE (audio srtp PCMA,PCMU)", "180 Ringing", "BYE Q.850;cause=16".
std::string ladder_text(const sip::Message& message);
// The same of a message that is about to be sent.
std::string ladder_text(std::string_view message);

}  // namespace sallyport::b2bua

// What a message carries (RFC 3261 7.4): a session description, other parts beside it under multipart/mixed (RFC 2046
// 5.1, RFC 5621), or something else. Parts that nobody here reads travel as they are, byte for byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "signaling/sip/message.h"

namespace sallyport::sip {

inline constexpr std::string_view content_types_taken = "application/sdp, multipart/mixed";

struct ContentPart {
    std::string type;         // Content-Type, unfolded; empty: it states none, and so is plain text
    std::string disposition;  // Content-Disposition, the same
    std::string_view body;
    std::string_view length = {};  // the digits of a Content-Length of its own; empty: it has none
    bool encoded = false;          // by a Content-Transfer-Encoding that is not plain
    std::string_view id = {};  // Content-ID (RFC 2392, RFC 8262) without its brackets; empty: it has none, or several
    bool is(std::string_view media_type) const;
    bool describes_session() const;  // its disposition is "session", or unsaid: not RFC 3959's early-session
    // Who does not understand it has to refuse the message, unless it says handling=optional (RFC 3204 6).
    bool is_required() const;
};

enum class ContentErrc : std::uint8_t {
    no_boundary,
    not_closed,
    bad_part_header,
    too_many_parts,
    two_descriptions,
    ambiguous_delimiter,
    nested,
    other_description,
    unreadable_type
};
std::string_view to_string(ContentErrc e);

struct Content {
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    bool multipart = false;
    std::vector<ContentPart> parts;    // of a body that is no multipart: itself; of none: none
    std::size_t description = none;    // the part that is application/sdp
    std::size_t begins = 0, ends = 0;  // of a multipart: its first delimiter and behind its last one
};
// Views into the message. Strict wherever another reader could find another session description than this one.
Result<Content, ContentErrc> read_content(const Message& message);

// The session description of a message, alone or beside other parts; empty where it has none that can be read.
std::string_view session_description(const Message& message);

// The whole body again with another session description in place of its own, everything else untouched.
std::string with_description(const Message& message, const Content& content, std::string_view description);

}  // namespace sallyport::sip

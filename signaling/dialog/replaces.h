// The Replaces header field (RFC 3891): which dialog an INVITE wants to take the place of. Reads it; knows no dialog.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "signaling/sip/message.h"

namespace sallyport::dialog {

inline constexpr std::string_view replaces_option = "replaces";

struct Replaces {
    std::string call_id;
    std::string to_tag, from_tag;  // of the one who is asked, and of his peer
    bool early_only = false;
    // Nothing: it is no value of the field (RFC 3891 6.1): each tag once, both of them there.
    static std::optional<Replaces> parse(std::string_view value);
};

// What an INVITE says of it.
enum class ReplacesErrc : std::uint8_t { none, malformed };  // malformed: 400, more than one among them
std::optional<Replaces> replaces_of(const sip::Message& invite, ReplacesErrc& error);

}  // namespace sallyport::dialog

// Cuts a byte stream into SIP messages by Content-Length (RFC 3261 18.3) and finds the keep-alives of RFC 5626 4.4.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sallyport::sip {

enum class FramingErrc : std::uint8_t { no_content_length, bad_content_length, header_too_large, message_too_large };
std::string_view to_string(FramingErrc e);

class Framer {
public:
    struct Message { std::string_view bytes; };    // valid until the next call of append()
    struct Ping {};                                // CRLFCRLF: answer with CRLF
    struct NeedMore {};
    struct Broken { FramingErrc code; std::string_view head; };  // answer `head` if possible, then close; stays broken
    using Event = std::variant<Message, Ping, NeedMore, Broken>;

    void append(std::string_view bytes);
    Event next();
    std::size_t buffered() const { return buffer_.size() - consumed_; }

private:
    std::string buffer_;
    std::size_t consumed_ = 0;
    std::size_t scanned_ = 0;  // how far the end of the header was already looked for: keeps slow senders linear
    bool broken_ = false;
};

}  // namespace sallyport::sip

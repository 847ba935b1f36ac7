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
    struct Message {
        std::string_view bytes;
    };               // valid until the next call of append()
    struct Ping {};  // CRLFCRLF: answer with CRLF
    struct NeedMore {};
    // Answer `head` if possible, then close. Stays broken; only the first time `head` is not empty.
    struct Broken {
        FramingErrc code;
        std::string_view head;
    };
    using Event = std::variant<Message, Ping, NeedMore, Broken>;

    void append(std::string_view bytes);
    Event next();
    std::size_t buffered() const { return buffer_.size() - consumed_; }
    // A message has begun: line ends alone are keep-alives, however long the rest of a pair takes.
    bool in_message() const { return buffer_.find_first_not_of("\r\n", consumed_) != std::string::npos; }

private:
    bool take_line_ends();
    void consume_line_ends(std::size_t n);
    bool find_head_end();
    Event fail(FramingErrc code, std::size_t head_size);

    std::string buffer_;
    std::size_t consumed_ = 0;
    std::size_t scanned_ = 0;  // how far the end of the header was already looked for: keeps slow senders linear
    std::size_t head_size_ = 0, message_size_ = 0;  // of the message whose body is awaited; 0: header incomplete
    std::optional<FramingErrc> broken_;
};

}  // namespace sallyport::sip

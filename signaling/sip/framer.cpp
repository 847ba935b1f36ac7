// Framing of a SIP stream, RFC 3261 18.3 and 7.5, RFC 5626 4.4.1. Each byte is looked at once while the header is
// incomplete and its Content-Length is read once: a sender who dribbles costs no more than one who does not.
#include "signaling/sip/framer.h"

#include "signaling/sip/header_name.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/lines.h"

namespace sallyport::sip {
namespace {

// The declared body size, or what is wrong with it.
std::variant<std::size_t, FramingErrc> body_size(std::string_view head) {
    std::size_t at = head.find('\n') + 1;
    std::optional<std::string_view> value;
    for (auto line = header_line_at(head, at); line && !line->text.empty(); line = header_line_at(head, at)) {
        at = line->next;
        const auto parts = split_header_line(line->text);
        if (!parts || parts->known != HeaderName::content_length) continue;
        if (value && *value != parts->value) return FramingErrc::bad_content_length;  // two readers, two messages
        value = parts->value;
    }
    if (!value) return FramingErrc::no_content_length;
    const auto size = content_length_from(*value);
    if (!size) return FramingErrc::bad_content_length;
    if (head.size() + *size > limits::message_bytes) return FramingErrc::message_too_large;
    return std::size_t{*size};
}

}  // namespace

void Framer::append(std::string_view bytes) {
    // Moving what is left costs less than what was consumed: linear in the whole stream.
    if (consumed_ * 2 >= buffer_.size()) {
        buffer_.erase(0, consumed_);
        scanned_ -= consumed_;
        consumed_ = 0;
    }
    buffer_.append(bytes);
}

Framer::Event Framer::next() {
    if (broken_) return Broken{*broken_, {}};
    if (head_size_ == 0) {
        if (take_line_ends()) return Ping{};
        if (!find_head_end()) {
            if (buffered() > limits::message_bytes) return fail(FramingErrc::header_too_large, limits::message_bytes);
            return NeedMore{};
        }
        if (head_size_ > limits::message_bytes) return fail(FramingErrc::header_too_large, limits::message_bytes);
        const auto size = body_size(std::string_view(buffer_).substr(consumed_, head_size_));
        if (const auto* error = std::get_if<FramingErrc>(&size)) return fail(*error, head_size_);
        message_size_ = head_size_ + std::get<std::size_t>(size);
    }
    if (buffered() < message_size_) return NeedMore{};
    const Message message{std::string_view(buffer_).substr(consumed_, message_size_)};
    consumed_ += message_size_;
    scanned_ = consumed_;
    head_size_ = 0;
    return message;
}

// Line ends between messages: a double CRLF is a ping, a single one is noise (or the pong to our own ping). True for a
// ping. A CRLF at the very end of what has arrived stays until the next bytes tell which of the two it is.
bool Framer::take_line_ends() {
    for (;;) {
        const std::string_view rest = std::string_view(buffer_).substr(consumed_);
        if (rest.starts_with("\r\n\r\n")) return consume_line_ends(4), true;
        if (rest.empty() || rest == "\r" || rest == "\r\n" || rest == "\r\n\r") return false;
        if (rest.starts_with("\r\n"))
            consume_line_ends(2);
        else if (rest.front() == '\r' || rest.front() == '\n')
            consume_line_ends(1);
        else
            return false;
    }
}

void Framer::consume_line_ends(std::size_t n) {
    consumed_ += n;
    scanned_ = consumed_;
}

// Sets head_size_ to the length of start line and header, the empty line included.
bool Framer::find_head_end() {
    const std::string_view text = buffer_;
    for (std::size_t lf = text.find('\n', scanned_); lf != std::string_view::npos; lf = text.find('\n', lf + 1)) {
        scanned_ = lf;  // the decision about this line end may need bytes that are still to come
        const std::string_view after = text.substr(lf + 1, 2);
        if (after.empty() || after == "\r") return false;
        const std::size_t empty_line = after.front() == '\n' ? 1 : after == "\r\n" ? 2 : 0;
        if (empty_line == 0) continue;
        head_size_ = lf + 1 + empty_line - consumed_;
        return true;
    }
    scanned_ = text.size();
    return false;
}

Framer::Event Framer::fail(FramingErrc code, std::size_t head_size) {
    broken_ = code;
    return Broken{code, std::string_view(buffer_).substr(consumed_, head_size)};
}

std::string_view to_string(FramingErrc e) {
    switch (e) {
        case FramingErrc::no_content_length: return "no_content_length";
        case FramingErrc::bad_content_length: return "bad_content_length";
        case FramingErrc::header_too_large: return "header_too_large";
        case FramingErrc::message_too_large: return "message_too_large";
    }
    return "unknown";
}

}  // namespace sallyport::sip

// Reading a Message: views into its own buffer. RFC 3261 7.
#include "signaling/sip/message.h"

namespace sallyport::sip {

const std::shared_ptr<const Message::Content>& Message::nothing() {
    static const std::shared_ptr<const Content> empty = std::make_shared<Content>();
    return empty;
}

std::string_view Message::request_uri() const { return is_request() ? content_->uri_or_reason : std::string_view(); }
std::string_view Message::reason() const { return is_request() ? std::string_view() : content_->uri_or_reason; }

Field Message::field(std::size_t i) const {
    const IndexEntry& entry = content_->fields.at(i);
    const std::string_view buffer = content_->buffer;
    return {entry.name, buffer.substr(entry.name_at, entry.name_size), content_->value(entry)};
}

bool Message::has(HeaderName name) const {
    for (const auto& entry : content_->fields)
        if (entry.name == name) return true;
    return false;
}

std::optional<std::string_view> Message::first(HeaderName name) const {
    for (const auto& entry : content_->fields)
        if (entry.name == name) return content_->value(entry);
    return std::nullopt;
}

std::optional<std::string_view> Message::first(std::string_view name) const {
    const HeaderName known = header_name_from(name);
    if (known != HeaderName::other) return first(known);
    for (const auto& entry : content_->fields)
        if (entry.name == HeaderName::other &&
            equal_ignoring_case({content_->buffer.data() + entry.name_at, entry.name_size}, name))
            return content_->value(entry);
    return std::nullopt;
}

std::optional<std::string_view> Message::first_value(HeaderName name) const {
    for (const auto& entry : content_->fields) {
        if (entry.name != name) continue;
        const std::string_view value = is_list(name) ? first_of_list(content_->value(entry)) : content_->value(entry);
        if (!value.empty()) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Message::values(HeaderName name) const {
    std::vector<std::string_view> out;
    for (const auto& entry : content_->fields) {
        if (entry.name != name) continue;
        const std::string_view value = content_->value(entry);
        if (!is_list(name)) {
            out.push_back(value);
            continue;
        }
        split_list(value, out);
    }
    return out;
}

bool Message::has_token(HeaderName name, std::string_view token) const {
    for (const auto& entry : content_->fields) {
        if (entry.name != name) continue;
        std::string_view rest = content_->value(entry);
        if (!is_list(name)) {
            if (equal_ignoring_case(rest, token)) return true;
            continue;
        }
        while (!rest.empty())
            if (equal_ignoring_case(take_from_list(rest), token)) return true;
    }
    return false;
}

}  // namespace sallyport::sip

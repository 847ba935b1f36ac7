// Reading a Message: views into its own buffer. RFC 3261 7.
#include "signaling/sip/message.h"

#include "signaling/sip/scan.h"

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

bool Message::has(HeaderName name) const { return content_->first_of(name) != content_->fields.size(); }

std::optional<std::string_view> Message::first(HeaderName name) const {
    const std::size_t at = content_->first_of(name);
    if (at == content_->fields.size()) return std::nullopt;
    return content_->value(content_->fields[at]);
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
    for (const std::string_view value : each(name))
        if (!value.empty()) return value;
    return std::nullopt;
}

FieldValues Message::each(HeaderName name) const { return {*content_, name}; }

std::vector<std::string_view> Message::values(HeaderName name) const {
    std::vector<std::string_view> out;
    for (const std::string_view value : each(name)) out.push_back(value);
    return out;
}

bool Message::has_token(HeaderName name, std::string_view token) const {
    for (const std::string_view value : each(name))
        if (equal_ignoring_case(value, token)) return true;
    return false;
}

void FieldValues::Iterator::advance() {
    const auto& fields = content_->fields;
    for (;;) {
        while (!rest_.empty()) {
            one_ = scan::take_element(rest_);
            if (!one_.empty()) return;
        }
        if (at_ == fields.size()) break;
        const auto& entry = fields[at_];
        at_ = entry.to_next == 0 ? fields.size() : at_ + entry.to_next;
        const std::string_view value = content_->value(entry);
        if (!list_) {
            one_ = value;
            return;
        }
        rest_ = value;
    }
    content_ = nullptr;
}

}  // namespace sallyport::sip

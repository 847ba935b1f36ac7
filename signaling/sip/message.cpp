// Reading a Message: views into its own buffer. RFC 3261 7.
#include "signaling/sip/message.h"

namespace sallyport::sip {

std::string_view Message::request_uri() const { return is_request() ? view(uri_or_reason_) : std::string_view(); }
std::string_view Message::reason() const { return is_request() ? std::string_view() : view(uri_or_reason_); }
std::string_view Message::body() const { return view(body_); }
std::string_view Message::call_id() const { return view(call_id_); }

Field Message::field(std::size_t i) const {
    const IndexEntry& entry = fields_.at(i);
    return {entry.name, view(entry.name_text), view(entry.value)};
}

bool Message::has(HeaderName name) const {
    for (const auto& entry : fields_)
        if (entry.name == name) return true;
    return false;
}

std::optional<std::string_view> Message::first(HeaderName name) const {
    for (const auto& entry : fields_)
        if (entry.name == name) return view(entry.value);
    return std::nullopt;
}

std::optional<std::string_view> Message::first(std::string_view name) const {
    const HeaderName known = header_name_from(name);
    if (known != HeaderName::other) return first(known);
    for (const auto& entry : fields_)
        if (entry.name == HeaderName::other && equal_ignoring_case(view(entry.name_text), name))
            return view(entry.value);
    return std::nullopt;
}

std::vector<std::string_view> Message::values(HeaderName name) const {
    std::vector<std::string_view> out;
    for (const auto& entry : fields_) {
        if (entry.name != name) continue;
        const std::string_view value = view(entry.value);
        if (!is_list(name)) {
            out.push_back(value);
            continue;
        }
        split_list(value, out);
    }
    return out;
}

bool Message::has_token(HeaderName name, std::string_view token) const {
    for (const auto value : values(name))
        if (equal_ignoring_case(value, token)) return true;
    return false;
}

}  // namespace sallyport::sip

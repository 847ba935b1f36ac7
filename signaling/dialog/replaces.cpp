#include "signaling/dialog/replaces.h"

#include "signaling/sip/fields.h"

namespace sallyport::dialog {
namespace {

constexpr std::string_view white = " \t";

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(white);
    if (begin == text.npos) return {};
    return text.substr(begin, text.find_last_not_of(white) - begin + 1);
}

// RFC 3261 25.1: callid is a word or two about an "@". What a header field may not hold, the parser has seen to.
bool is_call_id(std::string_view text) {
    return !text.empty() && text.find_first_of(" \t,;") == text.npos && text.front() != '@' && text.back() != '@';
}
bool is_tag(std::string_view text) { return !text.empty() && text.find_first_of(" \t,;=\"<>@") == text.npos; }

}  // namespace

std::optional<Replaces> Replaces::parse(std::string_view value) {
    Replaces out;
    auto end = std::min(value.find(';'), value.size());
    out.call_id = trimmed(value.substr(0, end));
    if (!is_call_id(out.call_id)) return std::nullopt;
    while (end < value.size()) {
        value.remove_prefix(end + 1);
        end = std::min(value.find(';'), value.size());
        const auto parameter = value.substr(0, end);
        const auto equals = parameter.find('=');
        const auto name = trimmed(parameter.substr(0, equals));
        const auto is = equals == parameter.npos ? std::string_view() : trimmed(parameter.substr(equals + 1));
        const bool of_to = sip::equal_ignoring_case(name, "to-tag");
        if (of_to || sip::equal_ignoring_case(name, "from-tag")) {
            std::string& tag = of_to ? out.to_tag : out.from_tag;
            if (!tag.empty() || !is_tag(is)) return std::nullopt;
            tag = is;
        } else if (sip::equal_ignoring_case(name, "early-only")) {
            out.early_only = true;
        } else if (name.empty()) {
            return std::nullopt;
        }
    }
    if (out.to_tag.empty() || out.from_tag.empty()) return std::nullopt;
    return out;
}

std::optional<Replaces> replaces_of(const sip::Message& invite, ReplacesErrc& error) {
    error = ReplacesErrc::none;
    const auto values = invite.values(sip::HeaderName::replaces);
    if (values.empty()) return std::nullopt;
    auto out = values.size() == 1 ? Replaces::parse(values.front()) : std::nullopt;
    if (!out) error = ReplacesErrc::malformed;
    return out;
}

}  // namespace sallyport::dialog

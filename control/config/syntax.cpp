#include "control/config/syntax.h"

#include <algorithm>

#include "control/base/endpoint.h"
#include "control/config/limits.h"

namespace sallyport::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alphanumeric(char c) { return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <class F>
bool all(std::string_view text, F&& f) {
    return std::all_of(text.begin(), text.end(), f);
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && is_alphanumeric(label.front()) && is_alphanumeric(label.back()) &&
           all(label, [](char c) { return is_alphanumeric(c) || c == '-'; });
}

// RFC 3261 25.1, user: unreserved, escaped, user-unreserved.
bool is_user(std::string_view user) {
    if (user.empty() || user.size() > limits::aor_user_length) return false;
    for (std::size_t i = 0; i < user.size(); ++i) {
        if (user[i] == '%') {
            if (i + 2 >= user.size() || !is_hex_digit(user[i + 1]) || !is_hex_digit(user[i + 2])) return false;
            i += 2;
        } else if (!is_alphanumeric(user[i]) &&
                   std::string_view("-_.!~*'()&=+$,;?/").find(user[i]) == std::string_view::npos) {
            return false;
        }
    }
    return true;
}

}  // namespace

bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= limits::id_length &&
           all(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool is_prefix(std::string_view text) {
    if (text.empty()) return true;
    const auto digits = text.substr(1);
    return text.front() == '+' && !digits.empty() && digits.size() <= limits::e164_digits && digits.front() != '0' &&
           all(digits, is_digit);
}

bool is_e164(std::string_view text) { return text.size() >= 3 && is_prefix(text); }

bool is_host_name(std::string_view text) {
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.empty() || text.size() > limits::host_length) return false;
    std::string_view label;
    for (std::string_view rest = text; !rest.empty();) {
        const auto dot = rest.find('.');
        label = rest.substr(0, dot);
        if (!is_label(label) || dot + 1 == rest.size()) return false;
        rest = dot == rest.npos ? std::string_view{} : rest.substr(dot + 1);
    }
    return !is_digit(label.front());  // toplabel begins with a letter: 300.1.2.3 is a mistyped address, not a name
}

bool is_host(std::string_view text) { return IpAddress::parse(text).has_value() || is_host_name(text); }

bool is_token(std::string_view text) {
    return !text.empty() && all(text, [](char c) {
        return is_alphanumeric(c) || std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
    });
}

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && all(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_printable(std::string_view text) {
    return all(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool is_aor(std::string_view text) {
    if (!text.starts_with("sip:")) return false;
    const auto rest = text.substr(4);
    const auto at = rest.find('@');
    return at != rest.npos && is_user(rest.substr(0, at)) && is_host(rest.substr(at + 1));
}

std::string quoted(std::string_view value) {
    std::string out = "\"";
    for (const char c : value.substr(0, 80)) out += is_printable({&c, 1}) ? c : '?';
    return out + (value.size() > 80 ? "...\"" : "\"");
}

}  // namespace sallyport::config

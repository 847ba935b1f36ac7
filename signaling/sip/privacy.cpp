#include "signaling/sip/privacy.h"

#include <array>
#include <utility>

#include "signaling/sip/scan.h"

namespace sallyport::sip {
namespace {

constexpr std::array<std::pair<std::string_view, bool Privacy::*>, 7> priv_values{{
    {"none", &Privacy::none},
    {"id", &Privacy::id},
    {"user", &Privacy::user},
    {"header", &Privacy::header},
    {"session", &Privacy::session},
    {"history", &Privacy::history},
    {"critical", &Privacy::critical},
}};

void take(std::string_view value, Privacy& out) {
    if (value.empty()) return;
    for (const auto& [name, member] : priv_values)
        if (equal_ignoring_case(value, name)) {
            out.*member = true;
            return;
        }
    out.unknown = true;
}

}  // namespace

Privacy privacy_of(const Message& message) {
    Privacy out;
    for (std::string_view rest : message.each(HeaderName::privacy)) {
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find_first_of(";,"), rest.size());
            take(scan::trim(rest.substr(0, end)), out);
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    return out;
}

std::string Privacy::text() const {
    std::string out;
    for (const auto& [name, member] : priv_values)
        if (this->*member) out.append(out.empty() ? "" : ";").append(name);
    return out;
}

}  // namespace sallyport::sip

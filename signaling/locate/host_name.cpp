#include "signaling/locate/host_name.h"

#include "control/base/endpoint.h"

namespace sallyport::locate {
namespace {
constexpr std::size_t name_bytes = 253, label_bytes = 63;
}

std::optional<std::string> host_name(std::string_view text) {
    if (!text.empty() && text.back() == '.') text.remove_suffix(1);
    if (text.empty() || text.size() > name_bytes || IpAddress::parse(text)) return std::nullopt;
    std::string name;
    name.reserve(text.size());
    std::size_t label = 0;
    for (char c : text) {
        if (c == '.') {
            if (label == 0) return std::nullopt;
            label = 0;
        } else {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
            const bool allowed = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
            if (!allowed || ++label > label_bytes) return std::nullopt;
        }
        name += c;
    }
    if (label == 0) return std::nullopt;
    return name;
}

}  // namespace sallyport::locate

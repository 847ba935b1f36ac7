#include "media-plane/dpdk/link_address.h"

#include <algorithm>

#include "control/base/bytes.h"

namespace sallyport::media::dpdk {

LinkAddress LinkAddress::of_multicast(const IpAddress& v6_group) {
    return {{0x33, 0x33, v6_group.bytes[12], v6_group.bytes[13], v6_group.bytes[14], v6_group.bytes[15]}};
}

LinkAddress LinkAddress::from(const std::uint8_t* six) {
    LinkAddress address;
    std::copy_n(six, address.bytes.size(), address.bytes.begin());
    return address;
}

std::optional<LinkAddress> LinkAddress::parse(std::string_view text) {
    if (text.size() != 17) return std::nullopt;
    std::string digits;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % 3 != 2)
            digits += text[i];
        else if (text[i] != ':')
            return std::nullopt;
    }
    const auto raw = from_hex(digits);
    if (!raw) return std::nullopt;
    return from(raw->data());
}

std::string LinkAddress::to_string() const {
    const std::string digits = to_hex(bytes);
    std::string text;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        if (i != 0) text += ':';
        text += digits.substr(i, 2);
    }
    return text;
}

}  // namespace sallyport::media::dpdk

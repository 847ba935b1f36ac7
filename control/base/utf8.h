// Is this text UTF-8 (RFC 3629)? Overlong forms, surrogates and what lies above U+10FFFF are not.
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport {

constexpr bool is_utf8(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i++]);
        if (lead < 0x80) continue;
        const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || text.size() - i < more) return false;
        std::uint32_t code = lead & (0x3fu >> more);
        for (std::size_t k = 0; k < more; ++k, ++i) {
            const auto next = static_cast<unsigned char>(text[i]);
            if ((next & 0xc0) != 0x80) return false;
            code = code << 6 | (next & 0x3fu);
        }
        constexpr std::uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
        if (code < smallest[more] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    }
    return true;
}
static_assert(is_utf8("J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80") && !is_utf8("\xff") && !is_utf8("\xc0\xaf") &&
              !is_utf8("\xed\xa0\x80") && !is_utf8("\xe2\x82"));

}  // namespace sallyport

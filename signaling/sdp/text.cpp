// Words and numbers of SDP lines, RFC 8866 9.
#include "signaling/sdp/text.h"

#include <algorithm>

namespace sallyport::sdp {
namespace {}  // namespace

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::string_view take_last_word(std::string_view& text) {
    std::size_t end = text.size();
    while (end > 0 && is_blank(text[end - 1])) --end;
    std::size_t from = end;
    while (from > 0 && !is_blank(text[from - 1])) --from;
    const std::string_view word = text.substr(from, end - from);
    text.remove_suffix(text.size() - from);
    return word;
}

std::vector<std::string_view> words(std::string_view text, std::size_t limit) {
    std::vector<std::string_view> out;
    out.reserve(std::min<std::size_t>(limit, 12));  // as many as lines have, but for long lists of formats
    std::size_t at = 0;
    for (;;) {
        while (at < text.size() && is_blank(text[at])) ++at;
        if (at == text.size()) return out;
        const std::size_t from = at;
        if (out.size() + 1 == limit) at = text.size();
        while (at < text.size() && !is_blank(text[at])) ++at;
        out.push_back(text.substr(from, at - from));
    }
}

}  // namespace sallyport::sdp

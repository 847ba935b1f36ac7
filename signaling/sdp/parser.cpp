// Reads a session description, RFC 8866 5 and 9. Lenient about the order of lines within a level and about lines that
// real products leave out (s=, t=); strict about everything that addresses or counts something. Lines about people and
// titles (i=, u=, e=, p=), repeats (r=, z=) and keys (k=) are checked for form and not kept: nothing here needs them,
// and they may not cross to the other leg.
#include <algorithm>
#include <utility>

#include "control/base/line_control.h"
#include "signaling/sdp/session_description.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

using MaybeError = std::optional<SdpErrc>;
using Origin = BasicOrigin<std::string_view>;
using Media = BasicMedia<std::string_view>;

class Reader {
public:
    explicit Reader(DescriptionView& out) : out_(out) {}
    MaybeError line(char type, std::string_view value) {
        switch (type) {
            case 'v': return version(value);
            case 'o': return origin(value);
            case 's': return session_name(value);
            case 't': return timing(value);
            case 'c': return connection(value);
            case 'b': return bandwidth(value);
            case 'a': return attribute(value);
            case 'm': return media(value);
            default: return seen_version_ ? std::nullopt : MaybeError(SdpErrc::bad_order);
        }
    }

    MaybeError finish() {
        if (!seen_version_) return SdpErrc::bad_version;
        if (!seen_origin_) return SdpErrc::bad_origin;
        for (const auto& m : out_.media)
            if (m.port != 0 && !m.connection && !out_.connection) return SdpErrc::missing_connection;
        return std::nullopt;
    }

private:
    bool in_session() const { return out_.media.empty(); }

    MaybeError version(std::string_view value) {
        if (seen_version_) return SdpErrc::bad_order;
        if (value != "0") return SdpErrc::bad_version;
        seen_version_ = true;
        return std::nullopt;
    }

    // The address ends the line; what stands before it is often not what RFC 8866 5.2 wants ("(null)", a missing or a
    // negative number). Nothing of it is relied on, so it is read as far as it goes.
    MaybeError origin(std::string_view value) {
        if (!seen_version_ || seen_origin_ || !in_session()) return SdpErrc::bad_order;
        Origin& o = out_.origin;
        seen_origin_ = true;
        if (is_by_the_book(value, o)) return std::nullopt;
        o.address = take_last_word(value);
        const auto family = family_from(take_last_word(value));
        if (take_last_word(value) != "IN" || !family) return SdpErrc::bad_origin;
        o.family = *family;
        value = trimmed(value);
        take_decimal(value, o.version);
        take_decimal(value, o.session_id);
        if (!value.empty()) o.username = value;
        return std::nullopt;
    }

    static bool is_decimal(std::string_view text) {
        return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    }
    static bool is_by_the_book(std::string_view rest, Origin& out) {
        Origin o;
        o.username = take_word(rest);
        o.session_id = take_word(rest);
        o.version = take_word(rest);
        const bool in = take_word(rest) == "IN";
        const auto family = family_from(take_word(rest));
        o.address = take_word(rest);
        if (!in || !family || o.address.empty() || !trimmed(rest).empty()) return false;
        if (!is_decimal(o.session_id) || !is_decimal(o.version)) return false;
        o.family = *family;
        out = o;
        return true;
    }

    // The last word, if there are words behind the user name; "0" stays if it is no number.
    static void take_decimal(std::string_view& words, std::string_view& out) {
        if (std::none_of(words.begin(), words.end(), is_blank)) return;
        const std::string_view last = take_last_word(words);
        words = trimmed(words);
        if (is_decimal(last)) out = last;
    }

    MaybeError session_name(std::string_view value) {
        if (!seen_version_ || seen_name_ || !in_session()) return SdpErrc::bad_order;
        out_.session_name = value;
        seen_name_ = true;
        return std::nullopt;
    }

    MaybeError timing(std::string_view value) {
        if (!seen_version_ || !in_session()) return SdpErrc::bad_order;
        constexpr std::string_view always = "0 0";  // what no time says, as nearly every description does
        const bool implied = std::exchange(seen_timing_, true) && out_.times.empty();
        if (implied) out_.times.emplace_back(always);
        if (implied || !out_.times.empty() || value != always) out_.times.emplace_back(value);
        return std::nullopt;
    }

    MaybeError connection(std::string_view value) {
        if (!seen_version_) return SdpErrc::bad_order;
        if (take_word(value) != "IN") return SdpErrc::bad_connection;
        const auto family = family_from(take_word(value));
        const std::string_view written = take_word(value), host = written.substr(0, written.find('/'));
        if (!family || host.empty() || !trimmed(value).empty()) return SdpErrc::bad_connection;
        const auto address = IpAddress::parse(host);
        if (address && (address->family != *family || host.front() == '[')) return SdpErrc::bad_connection;
        auto& slot = in_session() ? out_.connection : out_.media.back().connection;
        if (!slot) slot = {*family, host, address};  // further ones: layers of a multicast
        return std::nullopt;
    }

    MaybeError bandwidth(std::string_view value) {
        if (!seen_version_) return SdpErrc::bad_order;
        if (++attributes_ > limits::attributes) return SdpErrc::too_many;
        (in_session() ? out_.bandwidths : out_.media.back().bandwidths).emplace_back(value);
        return std::nullopt;
    }

    MaybeError attribute(std::string_view value) {
        if (!seen_version_) return SdpErrc::bad_order;
        if (++attributes_ > limits::attributes) return SdpErrc::too_many;
        while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
        const std::size_t colon = token_size(value);
        if (colon == 0 || (colon < value.size() && value[colon] != ':')) return SdpErrc::bad_attribute;
        auto& list = in_session() ? out_.attributes : out_.media.back().attributes;
        if (list.empty()) list.reserve(12);
        if (colon == value.size())
            list.push_back({value, {}, false});
        else
            list.push_back({value.substr(0, colon), value.substr(colon + 1), true});
        return std::nullopt;
    }

    MaybeError media(std::string_view value) {
        if (!seen_version_) return SdpErrc::bad_order;
        if (out_.media.size() == limits::media) return SdpErrc::too_many;
        Media m;
        m.media = take_word(value);
        const std::string_view ports = take_word(value);
        m.protocol = take_word(value);
        if (m.protocol.empty() || !is_token(m.media)) return SdpErrc::bad_media;
        const std::size_t slash = std::min(ports.find('/'), ports.size());
        const auto port = number(ports.substr(0, slash), 65'535);
        if (!port || (slash < ports.size() && !number(ports.substr(slash + 1)))) return SdpErrc::bad_port;
        m.port = static_cast<std::uint16_t>(*port);
        for (std::string_view rest = m.protocol; !rest.empty(); rest.remove_prefix(1)) {  // tokens and slashes
            rest.remove_prefix(token_size(rest));
            if (rest.empty()) break;
            if (rest.front() != '/') return SdpErrc::bad_media;
        }
        // Payload types are seven bits (RFC 3550 5.1); a larger one has crashed others and addresses nothing.
        const bool rtp = m.protocol.find("RTP/") != std::string_view::npos;
        m.formats.reserve(8);
        for (auto format = take_word(value); !format.empty(); format = take_word(value)) {
            if (m.formats.size() == limits::formats) return SdpErrc::too_many;
            if (rtp && !number(format, 127)) return SdpErrc::bad_format;
            m.formats.push_back(format);
        }
        if (m.formats.empty() && m.port != 0) return SdpErrc::bad_format;
        out_.media.push_back(std::move(m));
        return std::nullopt;
    }

    static std::optional<Family> family_from(std::string_view text) {
        if (same_name(text, "IP4")) return Family::v4;
        if (same_name(text, "IP6")) return Family::v6;
        return std::nullopt;
    }

    DescriptionView& out_;
    std::size_t attributes_ = 0;
    bool seen_version_ = false, seen_origin_ = false, seen_name_ = false, seen_timing_ = false;
};

std::optional<SdpError> read(std::string_view text, DescriptionView& out) {
    if (text.size() > limits::bytes) return SdpError{SdpErrc::too_large, 0};
    if (text.find_first_not_of("\r\n") == std::string_view::npos) return SdpError{SdpErrc::empty, 0};
    Reader reader(out);
    std::size_t line_number = 0;
    for (std::size_t at = 0; at < text.size();) {
        ++line_number;
        const std::size_t from = at, end = find_line_control(text, from);
        // CR CR LF is met in practice, as is a last line without its end; anything else here is no text.
        for (at = end; at < text.size() && text[at] == '\r';) ++at;
        if (at < text.size() && text[at] != '\n') return SdpError{SdpErrc::bad_line, line_number};
        ++at;
        if (end == from) continue;  // stray empty lines, mostly at the end
        const std::string_view line = text.substr(from, end - from);
        if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z')
            return SdpError{SdpErrc::bad_line, line_number};
        if (const auto error = reader.line(line[0], line.substr(2))) return SdpError{*error, line_number};
    }
    if (const auto error = reader.finish()) return SdpError{*error, line_number};
    return std::nullopt;
}

}  // namespace

Result<DescriptionView, SdpError> view(std::string_view text) {
    Result<DescriptionView, SdpError> out;  // the one that is returned: nothing is moved
    if (const auto error = read(text, *out)) out = *error;
    return out;
}

Result<SessionDescription, SdpError> parse(std::string_view text) {
    const auto seen = view(text);
    if (!seen) return seen.error();
    return own(*seen);
}

std::string_view to_string(SdpErrc e) {
    switch (e) {
        case SdpErrc::empty: return "empty";
        case SdpErrc::too_large: return "too_large";
        case SdpErrc::bad_line: return "bad_line";
        case SdpErrc::bad_order: return "bad_order";
        case SdpErrc::bad_version: return "bad_version";
        case SdpErrc::bad_origin: return "bad_origin";
        case SdpErrc::bad_connection: return "bad_connection";
        case SdpErrc::bad_media: return "bad_media";
        case SdpErrc::bad_port: return "bad_port";
        case SdpErrc::bad_format: return "bad_format";
        case SdpErrc::bad_attribute: return "bad_attribute";
        case SdpErrc::too_many: return "too_many";
        case SdpErrc::missing_connection: return "missing_connection";
    }
    return "unknown";
}

}  // namespace sallyport::sdp

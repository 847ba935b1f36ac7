// Reads a session description, RFC 8866 5 and 9. Lenient about the order of lines within a level and about lines that
// real products leave out (s=, t=); strict about everything that addresses or counts something. Lines about people and
// titles (i=, u=, e=, p=), repeats (r=, z=) and keys (k=) are checked for form and not kept: nothing here needs them,
// and they may not cross to the other leg.
#include <algorithm>

#include "signaling/sdp/session_description.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

using MaybeError = std::optional<SdpErrc>;

class Reader {
public:
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
    SessionDescription take() { return std::move(out_); }

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
        auto w = words(value);
        if (w.size() < 3 || w[w.size() - 3] != "IN") return SdpErrc::bad_origin;
        const auto family = family_from(w[w.size() - 2]);
        if (!family) return SdpErrc::bad_origin;
        out_.origin.family = *family;
        out_.origin.address = w.back();
        w.resize(w.size() - 3);
        take_decimal(w, out_.origin.version);
        take_decimal(w, out_.origin.session_id);
        std::string username;
        for (const auto word : w) username.append(username.empty() ? "" : " ").append(word);
        if (!username.empty()) out_.origin.username = std::move(username);
        seen_origin_ = true;
        return std::nullopt;
    }

    // The last word, if there are words behind the user name; "0" stays if it is no number.
    static void take_decimal(std::vector<std::string_view>& w, std::string& out) {
        if (w.size() < 2) return;
        if (w.back().find_first_not_of("0123456789") == std::string_view::npos) out = w.back();
        w.pop_back();
    }

    MaybeError session_name(std::string_view value) {
        if (!seen_version_ || seen_name_ || !in_session()) return SdpErrc::bad_order;
        out_.session_name = value;
        seen_name_ = true;
        return std::nullopt;
    }

    MaybeError timing(std::string_view value) {
        if (!seen_version_ || !in_session()) return SdpErrc::bad_order;
        if (!seen_timing_) out_.times.clear();
        seen_timing_ = true;
        out_.times.emplace_back(value);
        return std::nullopt;
    }

    MaybeError connection(std::string_view value) {
        if (!seen_version_) return SdpErrc::bad_order;
        const auto w = words(value);
        if (w.size() != 3 || w[0] != "IN") return SdpErrc::bad_connection;
        const auto family = family_from(w[1]);
        const std::string_view host = w[2].substr(0, w[2].find('/'));
        if (!family || host.empty()) return SdpErrc::bad_connection;
        const auto address = IpAddress::parse(host);
        if (address && (address->family != *family || host.front() == '[')) return SdpErrc::bad_connection;
        auto& slot = in_session() ? out_.connection : out_.media.back().connection;
        if (!slot) slot = Connection{*family, std::string(host), address};  // further ones: layers of a multicast
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
        while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
        const std::size_t colon = value.find(':');
        const std::string_view name = value.substr(0, colon);
        if (!is_token(name)) return SdpErrc::bad_attribute;
        Attribute a{std::string(name), {}, colon != std::string_view::npos};
        if (a.has_value) a.value = value.substr(colon + 1);
        (in_session() ? out_.attributes : out_.media.back().attributes).push_back(std::move(a));
        return std::nullopt;
    }

    MaybeError media(std::string_view value) {
        if (!seen_version_) return SdpErrc::bad_order;
        if (out_.media.size() == limits::media) return SdpErrc::too_many;
        const auto w = words(value, limits::formats + 4);
        if (w.size() < 3 || !is_token(w[0])) return SdpErrc::bad_media;
        if (w.size() > limits::formats + 3) return SdpErrc::too_many;
        MediaDescription m;
        m.media = w[0];
        const std::size_t slash = std::min(w[1].find('/'), w[1].size());
        const auto port = number(w[1].substr(0, slash), 65'535);
        if (!port || (slash < w[1].size() && !number(w[1].substr(slash + 1)))) return SdpErrc::bad_port;
        m.port = static_cast<std::uint16_t>(*port);
        m.protocol = w[2];
        const auto in_protocol = [](char c) { return c == '/' || is_token({&c, 1}); };
        if (!std::all_of(m.protocol.begin(), m.protocol.end(), in_protocol)) return SdpErrc::bad_media;
        m.formats.assign(w.begin() + 3, w.end());
        if (m.formats.empty() && m.port != 0) return SdpErrc::bad_format;
        // Payload types are seven bits (RFC 3550 5.1); a larger one has crashed others and addresses nothing.
        if (m.protocol.find("RTP/") != std::string::npos)
            for (const auto& format : m.formats)
                if (!number(format, 127)) return SdpErrc::bad_format;
        out_.media.push_back(std::move(m));
        return std::nullopt;
    }

    static std::optional<Family> family_from(std::string_view text) {
        if (same_name(text, "IP4")) return Family::v4;
        if (same_name(text, "IP6")) return Family::v6;
        return std::nullopt;
    }

    SessionDescription out_;
    std::size_t attributes_ = 0;
    bool seen_version_ = false, seen_origin_ = false, seen_name_ = false, seen_timing_ = false;
};

}  // namespace

Result<SessionDescription, SdpError> parse(std::string_view text) {
    if (text.size() > limits::bytes) return SdpError{SdpErrc::too_large, 0};
    if (text.find_first_not_of("\r\n") == std::string_view::npos) return SdpError{SdpErrc::empty, 0};
    Reader reader;
    std::size_t line_number = 0;
    while (!text.empty()) {
        ++line_number;
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        while (line.ends_with('\r')) line.remove_suffix(1);  // CR CR LF is met in practice
        if (line.empty()) continue;                          // stray empty lines, mostly at the end
        if (line.size() < 2 || line[1] != '=' || line[0] < 'a' || line[0] > 'z' ||
            line.find('\r') != std::string_view::npos || line.find('\0') != std::string_view::npos)
            return SdpError{SdpErrc::bad_line, line_number};
        if (const auto error = reader.line(line[0], line.substr(2))) return SdpError{*error, line_number};
    }
    if (const auto error = reader.finish()) return SdpError{*error, line_number};
    return reader.take();
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

// What a peer said about one stream: RFC 3264 5.1, 8.4, RFC 3551 6 (static payload types), RFC 3605 (a=rtcp), ITU-T
// T.38 annex D (fax), RFC 3556 (bandwidth of RTCP).
#include <algorithm>
#include <array>

#include "control/base/check.h"
#include "signaling/sdp/outline.h"
#include "signaling/sdp/session_description.h"
#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

struct StaticPayloadType {
    std::uint8_t payload_type;
    std::string_view name;
    std::uint32_t clock_rate, channels;
};
constexpr std::array static_types{
    StaticPayloadType{0, "PCMU", 8000, 1},   StaticPayloadType{3, "GSM", 8000, 1},
    StaticPayloadType{4, "G723", 8000, 1},   StaticPayloadType{5, "DVI4", 8000, 1},
    StaticPayloadType{6, "DVI4", 16000, 1},  StaticPayloadType{7, "LPC", 8000, 1},
    StaticPayloadType{8, "PCMA", 8000, 1},   StaticPayloadType{9, "G722", 8000, 1},
    StaticPayloadType{10, "L16", 44100, 2},  StaticPayloadType{11, "L16", 44100, 1},
    StaticPayloadType{12, "QCELP", 8000, 1}, StaticPayloadType{13, "CN", 8000, 1},
    StaticPayloadType{14, "MPA", 90000, 1},  StaticPayloadType{15, "G728", 8000, 1},
    StaticPayloadType{16, "DVI4", 11025, 1}, StaticPayloadType{17, "DVI4", 22050, 1},
    StaticPayloadType{18, "G729", 8000, 1},  StaticPayloadType{25, "CelB", 90000, 1},
    StaticPayloadType{26, "JPEG", 90000, 1}, StaticPayloadType{28, "nv", 90000, 1},
    StaticPayloadType{31, "H261", 90000, 1}, StaticPayloadType{32, "MPV", 90000, 1},
    StaticPayloadType{33, "MP2T", 90000, 1}, StaticPayloadType{34, "H263", 90000, 1},
};

constexpr auto position_of_type = [] {  // in static_types, from 1 on
    std::array<std::uint8_t, static_types.back().payload_type + 1u> out{};
    for (std::size_t i = 0; i < static_types.size(); ++i)
        out[static_types[i].payload_type] = static_cast<std::uint8_t>(i + 1);
    return out;
}();

const StaticPayloadType* static_type(std::uint32_t payload_type) {
    if (payload_type >= position_of_type.size() || position_of_type[payload_type] == 0) return nullptr;
    return &static_types[position_of_type[payload_type] - 1u];
}

// "telephone-event/8000" or "L16/48000/2", as an rtpmap has it.
struct Encoding {
    std::string_view name;
    std::uint32_t clock_rate = 0, channels = 1;
};

// Nothing if it says anything else.
std::optional<Encoding> read_encoding(std::string_view encoding) {
    const std::size_t slash = encoding.find('/');
    if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
    const std::string_view rest = encoding.substr(slash + 1);
    const std::size_t second = rest.find('/');
    const auto rate = number(rest.substr(0, second));
    const auto channels =
        second == std::string_view::npos ? std::optional<std::uint32_t>(1) : number(rest.substr(second + 1), 255);
    if (!rate || *rate == 0 || !channels || *channels == 0) return std::nullopt;
    return Encoding{encoding.substr(0, slash), *rate, *channels};
}

struct TypedEncoding {  // of a type that has none assigned
    std::uint32_t payload_type;
    Encoding encoding;
};
std::optional<TypedEncoding> read_map(std::string_view value) {
    const auto payload_type = number(take_word(value), 127);
    if (!payload_type || static_type(*payload_type) != nullptr) return std::nullopt;
    const auto encoding = read_encoding(take_word(value));
    if (!encoding) return std::nullopt;
    return TypedEncoding{*payload_type, *encoding};
}

std::optional<Direction> direction_named(std::string_view name) {
    if (name.size() != 8) return std::nullopt;  // as long as each of them, and hardly any other attribute
    for (const auto d : {Direction::sendrecv, Direction::sendonly, Direction::recvonly, Direction::inactive})
        if (name == to_string(d)) return d;
    return std::nullopt;
}

template <class Text>
std::optional<Direction> direction_in(const std::vector<BasicAttribute<Text>>& attributes) {
    for (const auto& a : attributes)
        if (const auto direction = direction_named(a.name)) return direction;
    return std::nullopt;
}

Direction without_receiving(Direction d) {
    switch (d) {
        case Direction::sendrecv:
        case Direction::sendonly: return Direction::sendonly;
        case Direction::recvonly:
        case Direction::inactive: return Direction::inactive;
    }
    SALLYPORT_CHECK(false);
    return d;
}

// "a=rtcp:53020" or "a=rtcp:53020 IN IP4 126.16.64.4". A name in it: we know no address to send to.
template <class Text>
void read_rtcp(const BasicMedia<Text>& m, StreamView& out) {
    const Endpoint& rtp = *out.rtp_endpoint;
    if (rtp.port != 65'535) out.rtcp_endpoint = Endpoint{rtp.address, static_cast<std::uint16_t>(rtp.port + 1)};
    const auto* a = m.find("rtcp");
    if (a == nullptr) return;
    const auto w = words(a->value);
    const auto port = w.empty() ? std::nullopt : number(w[0], 65'535);
    if (!port || *port == 0) return;
    out.rtcp_endpoint = Endpoint{rtp.address, static_cast<std::uint16_t>(*port)};
    if (w.size() < 4) return;
    if (const auto address = IpAddress::parse(w[3]))
        out.rtcp_endpoint->address = *address;
    else
        out.rtcp_endpoint.reset();
}

// Of the media of RFC 8866 5.14 and 8.2.2 those that are sent with RTP: messages go over MSRP, images over UDPTL. What
// nobody has registered is nothing that we could say how to carry.
bool goes_over_rtp(std::string_view media) {
    return same_name(media, "audio") || same_name(media, "video") || same_name(media, "text") ||
           same_name(media, "application");
}

// RFC 3556 2: what the stream says goes before what the session says.
template <class Text>
bool is_zero_bandwidth(std::string_view modifier, const BasicMedia<Text>& m, const BasicDescription<Text>& session) {
    for (const auto* values : {&m.bandwidths, &session.bandwidths})
        for (const std::string_view value : *values)
            if (value.starts_with(modifier)) return number(value.substr(modifier.size())) == 0u;
    return false;
}

// What is said of the session, then of one m-line after the other, as the lines go by.
struct Spoken {
    std::optional<Direction> direction;
    std::optional<bool> zero_address;

    void line(char type, std::string_view value) {
        if (type == 'a' && !direction) direction = direction_named(value);
        if (type != 'c' || zero_address) return;
        std::string_view rest = value;
        take_word(rest), take_word(rest);
        const std::string_view host = take_word(rest);
        const bool more = !take_word(rest).empty();
        // The two that there are begin with a zero or a colon: no other one has to be read.
        const bool may_be_zero = !more && (host.starts_with('0') || host.starts_with(':') || host.starts_with('['));
        const auto address = may_be_zero ? IpAddress::parse(host.substr(0, host.find('/'))) : std::nullopt;
        zero_address = address && address->is_unspecified();
    }
};
class Line {
public:
    bool begin(std::string_view value) {
        media_ = take_word(value);
        const std::string_view ports = take_word(value), protocol = take_word(value);
        const auto port = number(ports.substr(0, ports.find('/')), 65'535);
        if (protocol.empty() || !port) return false;
        rejected_ = *port == 0;
        secure_ = same_name(protocol, "RTP/SAVP") || same_name(protocol, "RTP/SAVPF");
        const bool rtp = secure_ || same_name(protocol, "RTP/AVP") || same_name(protocol, "RTP/AVPF");
        const bool may_be_fax = same_name(media_, "image") && same_name(protocol, "udptl");
        for (auto format = take_word(value); !format.empty() && count_ < shown; format = take_word(value)) {
            if (may_be_fax && same_name(format, "t38")) t38_ = true;
            const auto type = rtp ? number(format, 127) : std::nullopt;
            const auto end = types_.begin() + count_;
            if (type && std::find(types_.begin(), end, *type) == end) types_[count_++] = *type;
        }
        return true;
    }
    void line(char type, std::string_view value) {
        said_.line(type, value);
        constexpr std::string_view map = "rtpmap:";
        if (type != 'a' || !value.starts_with(map)) return;
        value.remove_prefix(map.size());
        const auto payload_type = number(take_word(value), 127);
        const auto end = types_.begin() + count_;
        const auto listed = payload_type ? std::find(types_.begin(), end, *payload_type) : end;
        if (listed == end || static_type(*listed) != nullptr) return;  // its name is known
        std::string_view& name = names_[static_cast<std::size_t>(listed - types_.begin())];
        if (!name.empty()) return;
        if (const auto encoding = read_encoding(take_word(value))) name = encoding->name;
    }
    void append(std::string& out, const Spoken& session) const {
        out += media_.substr(0, 8);
        if (rejected_) {
            out += " off";
            return;
        }
        if (secure_) out += " srtp";
        if (t38_) out += " t38";
        Direction direction = said_.direction ? *said_.direction : session.direction.value_or(Direction::sendrecv);
        if (said_.zero_address ? *said_.zero_address : session.zero_address.value_or(false))
            direction = without_receiving(direction);
        if (direction != Direction::sendrecv) out.append(1, ' ').append(to_string(direction));
        for (std::size_t i = 0; i < count_; ++i) {
            out += i == 0 ? ' ' : ',';
            append_name(out, i);
        }
    }

private:
    static constexpr std::size_t shown = 3, letters = 16;
    void append_name(std::string& out, std::size_t i) const {
        if (const auto* known = static_type(types_[i]))
            out += known->name;
        else if (names_[i].empty())
            out += std::to_string(types_[i]);
        else
            out += names_[i] == "telephone-event" ? "te" : names_[i].substr(0, letters);
    }
    std::string_view media_;
    bool rejected_ = false, secure_ = false, t38_ = false;
    std::array<std::uint32_t, shown> types_{};
    std::array<std::string_view, shown> names_;
    std::size_t count_ = 0;
    Spoken said_;
};

}  // namespace

std::string outline(std::string_view text) {
    if (!text.starts_with("v=0")) return "SDP?";
    std::string out;
    Spoken session;
    std::optional<Line> line;
    const auto put = [&] {
        if (!line) return;
        if (!out.empty()) out += " + ";
        line->append(out, session);
    };
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view one = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (one.ends_with('\r') || one.ends_with(' ') || one.ends_with('\t')) one.remove_suffix(1);
        if (one.size() < 2 || one[1] != '=') continue;
        const std::string_view value = one.substr(2);
        if (one[0] == 'm') {
            put();
            if (!line.emplace().begin(value)) return "SDP?";
        } else if (line) {
            line->line(one[0], value);
        } else {
            session.line(one[0], value);
        }
    }
    put();
    return out.empty() ? "SDP without media" : out;
}

template <class Text>
std::vector<Codec> codecs_of(const BasicMedia<Text>& m) {
    std::vector<Codec> out;
    std::array<std::uint8_t, 128> position{};  // of a payload type in `out`, from 1 on
    static_assert(limits::formats < 0xff);
    bool all_assigned = true;
    out.reserve(m.formats.size());
    for (const auto& format : m.formats) {
        const auto payload_type = number(format, 127);
        if (!payload_type || position[*payload_type] != 0) continue;
        const auto type = static_cast<std::uint8_t>(*payload_type);
        // An assigned number means what RFC 3551 says, whatever its rtpmap says: "18 G729a" and "9 G722/16000" are met.
        const auto* known = static_type(type);
        if (known != nullptr)
            out.push_back({type, std::string(known->name), known->clock_rate, known->channels});
        else
            out.push_back({type, {}, 8000, 1});
        all_assigned = all_assigned && known != nullptr;
        position[type] = static_cast<std::uint8_t>(out.size());
    }
    if (all_assigned) return out;
    for (const auto& a : m.attributes) {
        if (a.name != "rtpmap") continue;
        const auto mapped = read_map(a.value);
        if (!mapped || position[mapped->payload_type] == 0) continue;
        Codec& codec = out[position[mapped->payload_type] - 1u];
        if (!codec.name.empty()) continue;  // the first one that can be read counts
        codec.name = mapped->encoding.name;
        codec.clock_rate = mapped->encoding.clock_rate;
        codec.channels = mapped->encoding.channels;
    }
    return out;
}

template <class Text>
StreamView view_stream(const BasicDescription<Text>& description, std::size_t index) {
    SALLYPORT_CHECK(index < description.media.size());
    const auto& m = description.media[index];
    StreamView out;
    out.media = m.media;
    out.protocol = m.protocol;
    out.secure = same_name(m.protocol, "RTP/SAVP") || same_name(m.protocol, "RTP/SAVPF");
    out.rtp =
        goes_over_rtp(m.media) && (out.secure || same_name(m.protocol, "RTP/AVP") || same_name(m.protocol, "RTP/AVPF"));
    out.t38 = same_name(m.media, "image") && same_name(m.protocol, "udptl") &&
              std::any_of(m.formats.begin(), m.formats.end(), [](const auto& f) { return same_name(f, "t38"); });
    out.rejected = m.port == 0;
    const auto local = direction_in(m.attributes);
    out.direction = local ? *local : direction_in(description.attributes).value_or(Direction::sendrecv);

    const auto& connection = m.connection ? m.connection : description.connection;
    if (connection && connection->address) {
        out.zero_address = connection->address->is_unspecified();
        if (!out.rejected) out.rtp_endpoint = Endpoint{*connection->address, m.port};
    }
    if (out.zero_address) out.direction = without_receiving(out.direction);  // RFC 3264 8.4, RFC 6337 5.4
    if (!out.rtp) return out;
    if (out.rtp_endpoint) read_rtcp(m, out);
    out.codecs = codecs_of(m);
    out.no_rtcp = is_zero_bandwidth("RS:", m, description) && is_zero_bandwidth("RR:", m, description);
    for (const auto& a : m.attributes) {
        if (a.name != "crypto") continue;
        if (auto line = parse_crypto(a.value)) out.crypto.push_back(std::move(*line));
    }
    return out;
}

template std::vector<Codec> codecs_of(const BasicMedia<std::string>& m);
template std::vector<Codec> codecs_of(const BasicMedia<std::string_view>& m);
template StreamView view_stream(const SessionDescription& description, std::size_t index);
template StreamView view_stream(const DescriptionView& description, std::size_t index);

Direction reversed(Direction d) {
    switch (d) {
        case Direction::sendonly: return Direction::recvonly;
        case Direction::recvonly: return Direction::sendonly;
        case Direction::sendrecv:
        case Direction::inactive: return d;
    }
    SALLYPORT_CHECK(false);
    return d;
}

std::string_view to_string(Direction d) {
    switch (d) {
        case Direction::sendrecv: return "sendrecv";
        case Direction::sendonly: return "sendonly";
        case Direction::recvonly: return "recvonly";
        case Direction::inactive: return "inactive";
    }
    SALLYPORT_CHECK(false);
    return {};
}

}  // namespace sallyport::sdp

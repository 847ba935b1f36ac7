// A session description as a value: RFC 8866, with what offer/answer needs of RFC 3264, 3605 and 4568. Unknown
// attributes are kept in order. Knows nothing of SIP.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/bytes.h"
#include "control/base/endpoint.h"
#include "control/base/result.h"

namespace sallyport::sdp {

namespace limits {
inline constexpr std::size_t bytes = 32'768;
inline constexpr std::size_t media = 16;        // m-lines; more is refused
inline constexpr std::size_t attributes = 512;  // in all
inline constexpr std::size_t formats = 64;      // per m-line
}  // namespace limits

enum class SdpErrc : std::uint8_t {
    empty,
    too_large,
    bad_line,
    bad_order,
    bad_version,
    bad_origin,
    bad_connection,
    bad_media,
    bad_port,
    bad_format,
    bad_attribute,
    too_many,
    missing_connection
};
std::string_view to_string(SdpErrc e);
struct SdpError {
    SdpErrc code = SdpErrc::empty;
    std::size_t line = 0;  // 1-based
};

// Each structure comes twice: with its own text, to be kept or changed; and as views of the text that was read, valid
// as long as that is.
template <class Text>
struct BasicAttribute {
    Text name, value;
    bool has_value = false;
    friend bool operator==(const BasicAttribute&, const BasicAttribute&) = default;
};
template <class Text>
struct BasicOrigin {
    Text username = "-";
    Text session_id = "0", version = "0";  // decimal text: peers send 64 bits and more
    Text address;                          // host as written
    Family family = Family::v4;
    friend bool operator==(const BasicOrigin&, const BasicOrigin&) = default;
};
template <class Text>
struct BasicConnection {
    Family family = Family::v4;
    Text host;                         // literal or name as written, without "/ttl"
    std::optional<IpAddress> address;  // when it is a literal
    friend bool operator==(const BasicConnection&, const BasicConnection&) = default;
};
template <class Text>
struct BasicMedia {
    using Attribute = BasicAttribute<Text>;
    Text media;  // "audio", "image", ...
    std::uint16_t port = 0;
    Text protocol;  // "RTP/AVP", "RTP/SAVP", "udptl"
    std::vector<Text> formats;
    std::optional<BasicConnection<Text>> connection;
    std::vector<Text> bandwidths;  // values of b=
    std::vector<Attribute> attributes;
    friend bool operator==(const BasicMedia&, const BasicMedia&) = default;

    const Attribute* find(std::string_view name) const;
};
template <class Text>
struct BasicDescription {
    using Attribute = BasicAttribute<Text>;
    BasicOrigin<Text> origin;
    Text session_name = "-";
    std::optional<BasicConnection<Text>> connection;
    std::vector<Text> bandwidths;
    std::vector<Text> times;  // none: "0 0" alone, from ever on and for ever
    std::vector<Attribute> attributes;
    std::vector<BasicMedia<Text>> media;
    friend bool operator==(const BasicDescription&, const BasicDescription&) = default;

    const Attribute* find(std::string_view name) const;
};
using Attribute = BasicAttribute<std::string>;
using Origin = BasicOrigin<std::string>;
using Connection = BasicConnection<std::string>;
using MediaDescription = BasicMedia<std::string>;
using SessionDescription = BasicDescription<std::string>;
using DescriptionView = BasicDescription<std::string_view>;

// CRLF or LF; a missing final line end is accepted.
Result<DescriptionView, SdpError> view(std::string_view text);
Result<SessionDescription, SdpError> parse(std::string_view text);
SessionDescription own(const DescriptionView& description);
template <class Text>
std::string write(const BasicDescription<Text>& description);  // CRLF

// RFC 4568.
struct CryptoLine {
    std::uint32_t tag = 1;  // 1..999999999
    std::string suite;      // "AES_CM_128_HMAC_SHA1_80"
    Bytes key;              // master key followed by salt, of the first inline
    std::string lifetime;   // as written, or empty
    std::string mki;        // "value:length" as written, or empty
    std::vector<std::string> session_parameters;
};
std::optional<CryptoLine> parse_crypto(std::string_view attribute_value);
std::uint64_t lifetime_of(const CryptoLine& line);  // packets, at most 2^48: that many are one too many; 0: not said
Bytes mki_of(const CryptoLine& line);               // as packets have it, 1 to 128 octets; empty: they have none
std::string write_crypto(const CryptoLine& line);   // attribute value; contains the key: never log it

enum class Direction : std::uint8_t { sendrecv, sendonly, recvonly, inactive };
Direction reversed(Direction d);
std::string_view to_string(Direction d);

struct Codec {
    std::uint8_t payload_type = 0;
    std::string name;  // as registered, "PCMA"; "" when unknown (dynamic without rtpmap)
    std::uint32_t clock_rate = 8000;
    std::uint32_t channels = 1;
};

// A payload type that is telephone-event (RFC 4733): the clock of its durations, and of those that it crosses with.
struct TelephoneEventType {
    std::uint8_t payload_type = 0;
    std::uint32_t clock_rate = 0, sent_clock_rate = 0;  // Hz
    friend bool operator==(const TelephoneEventType&, const TelephoneEventType&) = default;
};

// What the peer said about one of its streams, session level applied.
struct StreamView {
    std::string media, protocol;
    bool rtp = false;                           // RTP/AVP or RTP/SAVP (also with F), of audio, video, text or
                                                // application: otherwise codecs are empty
    bool secure = false;                        // SAVP
    bool t38 = false;                           // m=image, fax over UDPTL (ITU-T T.38 D.2.3); over TCP or RTP it is not
    bool rejected = false;                      // port 0
    std::optional<Endpoint> rtp_endpoint;       // of RTP or UDPTL; nothing: rejected, or a name
    std::optional<Endpoint> rtcp_endpoint;      // from a=rtcp, else port + 1
    bool zero_address = false;                  // c= 0.0.0.0 or ::, i.e. do not send
    Direction direction = Direction::sendrecv;  // as the peer has it; a zero address removes receiving
    std::vector<Codec> codecs;                  // in order of preference
    std::vector<CryptoLine> crypto;             // usable syntax only
    bool no_rtcp = false;                       // b=RS:0 and b=RR:0: its sender wants none, RFC 3556 2
};
template <class Text>
StreamView view_stream(const BasicDescription<Text>& description, std::size_t index);
// Those of RTP, as StreamView has them.
template <class Text>
std::vector<Codec> codecs_of(const BasicMedia<Text>& media);

}  // namespace sallyport::sdp

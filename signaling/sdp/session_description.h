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

struct Attribute {
    std::string name, value;
    bool has_value = false;
    friend bool operator==(const Attribute&, const Attribute&) = default;
};
struct Origin {
    std::string username = "-";
    std::string session_id = "0", version = "0";  // decimal text: peers send 64 bits and more
    std::string address;                          // host as written
    Family family = Family::v4;
    friend bool operator==(const Origin&, const Origin&) = default;
};
struct Connection {
    Family family = Family::v4;
    std::string host;                  // literal or name as written, without "/ttl"
    std::optional<IpAddress> address;  // when it is a literal
    friend bool operator==(const Connection&, const Connection&) = default;
};
struct MediaDescription {
    std::string media;  // "audio", "image", ...
    std::uint16_t port = 0;
    std::string protocol;  // "RTP/AVP", "RTP/SAVP", "udptl"
    std::vector<std::string> formats;
    std::optional<Connection> connection;
    std::vector<std::string> bandwidths;  // values of b=
    std::vector<Attribute> attributes;
    friend bool operator==(const MediaDescription&, const MediaDescription&) = default;

    const Attribute* find(std::string_view name) const;
};
struct SessionDescription {
    Origin origin;
    std::string session_name = "-";
    std::optional<Connection> connection;
    std::vector<std::string> bandwidths;
    std::vector<std::string> times{"0 0"};
    std::vector<Attribute> attributes;
    std::vector<MediaDescription> media;
    friend bool operator==(const SessionDescription&, const SessionDescription&) = default;

    const Attribute* find(std::string_view name) const;
};

Result<SessionDescription, SdpError> parse(std::string_view text);  // CRLF or LF; missing final line end accepted
std::string write(const SessionDescription& description);           // CRLF

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
std::string write_crypto(const CryptoLine& line);  // attribute value; contains the key: never log it

enum class Direction : std::uint8_t { sendrecv, sendonly, recvonly, inactive };
Direction reversed(Direction d);
std::string_view to_string(Direction d);

struct Codec {
    std::uint8_t payload_type = 0;
    std::string name;  // as registered, "PCMA"; "" when unknown (dynamic without rtpmap)
    std::uint32_t clock_rate = 8000;
    std::uint32_t channels = 1;
};

// What the peer said about one of its streams, session level applied.
struct StreamView {
    std::string media, protocol;
    bool rtp = false;                           // RTP/AVP or RTP/SAVP (also with F): otherwise codecs are empty
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
StreamView view_stream(const SessionDescription& description, std::size_t index);

}  // namespace sallyport::sdp

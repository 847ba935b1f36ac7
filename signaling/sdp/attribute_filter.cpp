// Attributes that stay on their leg: RFC 8839 (ICE), 8842 (DTLS), 9143 (BUNDLE), 5576 (SSRC), 4568 (keys), 5939
// (capability negotiation), 3312 (preconditions), 8285 (header extensions), 4585 (feedback), 8851 and 8853 (RID,
// simulcast). All other attributes cross, unless they hold an address.
#include "signaling/sdp/attribute_filter.h"

#include <algorithm>
#include <array>

#include "signaling/sdp/text.h"

namespace sallyport::sdp {
namespace {

constexpr std::array<std::string_view, 59> stay{"candidate",
                                                "remote-candidates",
                                                "end-of-candidates",
                                                "ice-ufrag",
                                                "ice-pwd",
                                                "ice-lite",
                                                "ice-mismatch",
                                                "ice-options",
                                                "ice-pacing",
                                                "ice2",
                                                "fingerprint",
                                                "setup",
                                                "connection",
                                                "direction",
                                                "dtls-id",
                                                "tls-id",
                                                "identity",
                                                "group",
                                                "mid",
                                                "msid",
                                                "msid-semantic",
                                                "bundle-only",
                                                "ssrc",
                                                "ssrc-group",
                                                "crypto",
                                                "crypto-suite",
                                                "key-mgmt",
                                                "zrtp-hash",
                                                "rtcp",
                                                "rtcp-mux",
                                                "rtcp-mux-only",
                                                "rtcp-rsize",
                                                "rtcp-fb",
                                                "rtcp-unicast",
                                                "extmap",
                                                "extmap-allow-mixed",
                                                "acap",
                                                "tcap",
                                                "pcfg",
                                                "acfg",
                                                "lcfg",
                                                "creq",
                                                "csup",
                                                "sescap",
                                                "rmcap",
                                                "omcap",
                                                "mfcap",
                                                "mscap",
                                                "bcap",
                                                "ccap",
                                                "icap",
                                                "curr",
                                                "des",
                                                "conf",
                                                "rid",
                                                "simulcast",
                                                "imageattr",
                                                "source-filter",
                                                "alt"};
// Written anew for each leg.
constexpr std::array<std::string_view, 6> ours{"rtpmap", "fmtp", "sendrecv", "sendonly", "recvonly", "inactive"};

bool address_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' || c == ':';
}

bool contains_address(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if (!address_character(text[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < text.size() && address_character(text[end])) ++end;
        std::string_view run = text.substr(at, end - at);
        at = end;
        if (run.find_first_of(".:") == std::string_view::npos) continue;
        if (IpAddress::parse(run)) return true;
        while (!run.empty() && (run.back() == '.' || (run.back() == ':' && !run.ends_with("::")))) run.remove_suffix(1);
        const std::size_t colon = run.find(':');  // "192.0.2.1:5004"
        if (IpAddress::parse(run) || IpAddress::parse(run.substr(0, colon))) return true;
        while (!run.empty() && (run.front() == ':' || run.front() == '.')) run.remove_prefix(1);  // "x:192.0.2.1"
        if (IpAddress::parse(run)) return true;
    }
    return false;
}

void remember(std::vector<std::string>& hosts, std::string_view host) {
    if (host.find_first_of(".:") == std::string_view::npos) return;  // "audio" is a word before it is a host
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.emplace_back(host);
}

}  // namespace

template <class Text>
AttributeFilter::AttributeFilter(const BasicDescription<Text>& source) {
    remember(hosts_, source.origin.address);
    if (source.connection) remember(hosts_, source.connection->host);
    for (const auto& m : source.media)
        if (m.connection) remember(hosts_, m.connection->host);
}
template AttributeFilter::AttributeFilter(const SessionDescription& source);
template AttributeFilter::AttributeFilter(const DescriptionView& source);

bool AttributeFilter::betrays(std::string_view text) const {
    return contains_address(text) || std::any_of(hosts_.begin(), hosts_.end(), [&](const std::string& host) {
               return text.find(host) != std::string_view::npos;
           });
}

bool AttributeFilter::crosses(std::string_view name, std::string_view value) const {
    const auto is_named = [&](std::string_view one) { return same_name(one, name); };
    if (std::any_of(ours.begin(), ours.end(), is_named) || std::any_of(stay.begin(), stay.end(), is_named))
        return false;
    return !betrays(name) && !betrays(value);
}

}  // namespace sallyport::sdp

#include "control/config/model.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sallyport::config {
namespace {

std::uint8_t family_bits(Family family) { return family == Family::v4 ? 32 : 128; }

std::string_view without_scheme(std::string_view aor) {
    for (const std::string_view scheme : {"sips:", "sip:"})
        if (aor.starts_with(scheme)) return aor.substr(scheme.size());
    return aor;
}

// Where toll fraud earns (SIPconnect 16.6.1): numbers whose owners are paid for being called, and satellites. E.164's
// list of assigned codes: 808 shared cost, 870 Inmarsat, 878 personal numbers, 881 satellite systems, 882 and 883
// networks, 979 premium rate; 1900 is premium rate in the North American plan.
constexpr std::array<std::string_view, 8> barred_by_default{"+1900", "+808", "+870", "+878",
                                                            "+881",  "+882", "+883", "+979"};

}  // namespace

bool Limits::bars(std::string_view e164) const {
    const auto begins = [&](std::string_view prefix) { return e164.starts_with(prefix); };
    return std::any_of(barred_prefixes.begin(), barred_prefixes.end(), begins) ||
           (!without_default_bars && std::any_of(barred_by_default.begin(), barred_by_default.end(), begins));
}

bool NumberRange::contains(std::string_view e164) const {
    return first.size() == e164.size() && first <= e164 && e164 <= last;
}

std::string NumberRange::to_string() const { return first == last ? first : first + ".." + last; }

bool AddressBlock::contains(const IpAddress& candidate) const {
    if (candidate.family != address.family || address.empty()) return false;
    const std::size_t whole = prefix_length / 8;
    if (!std::equal(address.bytes.begin(), address.bytes.begin() + whole, candidate.bytes.begin())) return false;
    const unsigned rest = prefix_length % 8;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
    return ((address.bytes[whole] ^ candidate.bytes[whole]) & mask) == 0;
}

std::optional<AddressBlock> AddressBlock::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address || text.starts_with('[')) return std::nullopt;
    AddressBlock block{*address, family_bits(address->family)};
    if (slash == text.npos) return block;
    const auto digits = text.substr(slash + 1);
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (error != std::errc{} || end != digits.data() + digits.size() || bits > block.prefix_length) return std::nullopt;
    block.prefix_length = static_cast<std::uint8_t>(bits);
    return block;
}

std::string AddressBlock::to_string() const {
    if (prefix_length == family_bits(address.family)) return address.to_string();
    return address.to_string() + '/' + std::to_string(prefix_length);
}

AddressBlock AddressBlock::network() const {
    AddressBlock masked = *this;
    const std::size_t size = family_bits(address.family) / 8u;
    for (std::size_t i = 0; i < size; ++i) {
        const int kept = std::clamp(int{prefix_length} - static_cast<int>(i) * 8, 0, 8);
        masked.address.bytes[i] &= static_cast<std::uint8_t>(0xff << (8 - kept));
    }
    return masked;
}

std::string_view Trunk::aor_user() const {
    const auto rest = without_scheme(registration_aor);
    const auto at = rest.rfind('@');
    return at == rest.npos ? std::string_view{} : rest.substr(0, at);
}

std::string_view Trunk::aor_domain() const {
    const auto rest = without_scheme(registration_aor);
    const auto at = rest.rfind('@');
    return at == rest.npos ? std::string_view(domain) : rest.substr(at + 1);
}

bool PeerTls::needs_client_certificate() const {
    switch (client_certificate) {
        case TlsClientCertificate::required: return true;
        case TlsClientCertificate::none: return false;
        case TlsClientCertificate::unspecified: break;
    }
    return required || names_trust();
}

bool Trunk::allows(Transport transport) const {
    if (tls.required) return transport == Transport::tls;
    if (transports.empty()) return transport == Transport::tls;
    return std::find(transports.begin(), transports.end(), transport) != transports.end();
}

bool Trunk::owns(std::string_view e164) const {
    return std::any_of(numbers.begin(), numbers.end(), [&](const NumberRange& range) { return range.contains(e164); });
}

const std::string* Overflow::number_for(std::string_view called) const {
    const auto found = std::find_if(numbers.begin(), numbers.end(),
                                    [&](const OverflowNumber& one) { return one.range.contains(called); });
    return found == numbers.end() ? nullptr : &found->to;
}

Family Trunk::family() const {
    if (network.family != Family::none || mode == TrunkMode::registration || sources.empty()) return network.family;
    return sources.front().address.family;
}

}  // namespace sallyport::config

#include "control/config/value_text.h"

#include <charconv>

namespace sallyport::config::told {

std::string text(bool value) { return value ? "true" : "false"; }
std::string text(double value) {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    return error == std::errc{} ? std::string(digits, end) : std::string("?");
}
std::string text(TrunkMode mode) { return mode == TrunkMode::registration ? "registration" : "static"; }
std::string text(SrtpPolicy policy) { return policy == SrtpPolicy::required ? "required" : "off"; }
std::string text(OnNet on_net) {
    return on_net == OnNet::carrier ? "carrier" : on_net == OnNet::customer ? "customer" : "node";
}
std::string text(LargeRequests large) {
    switch (large) {
        case LargeRequests::automatic: return "automatic";
        case LargeRequests::tcp: return "tcp";
        case LargeRequests::tcp_then_udp: return "tcp_then_udp";
        case LargeRequests::udp: return "udp";
    }
    return "automatic";
}
std::string text(CallRecords records) {
    return records == CallRecords::all ? "all" : records == CallRecords::received ? "received" : "none";
}
std::string text(EarlyMedia early) {
    switch (early) {
        case EarlyMedia::described: return "described";
        case EarlyMedia::announced: return "announced";
        case EarlyMedia::none: return "none";
    }
    return "described";
}
std::string text(MusicOnHold music) {
    switch (music) {
        case MusicOnHold::pass: return "pass";
        case MusicOnHold::own: return "own";
        case MusicOnHold::network: return "network";
        case MusicOnHold::none: return "none";
    }
    return "pass";
}
std::string text(Fax fax) { return fax == Fax::t38 ? "t38" : "off"; }
std::string text(Transport transport) {
    switch (transport) {
        case Transport::unspecified: return "unspecified";
        case Transport::udp: return "udp";
        case Transport::tcp: return "tcp";
        case Transport::tls: return "tls";
    }
    return "unspecified";
}
std::string text(TlsClientCertificate rule) {
    switch (rule) {
        case TlsClientCertificate::unspecified: return "unspecified";
        case TlsClientCertificate::required: return "required";
        case TlsClientCertificate::none: return "none";
    }
    return "unspecified";
}
std::string text(OcspPolicy policy) {
    switch (policy) {
        case OcspPolicy::off: return "off";
        case OcspPolicy::alarm: return "alarm";
        case OcspPolicy::soft: return "soft";
        case OcspPolicy::hard: return "hard";
    }
    return "off";
}
std::string text(DigestUse use) {
    switch (use) {
        case DigestUse::automatic: return "automatic";
        case DigestUse::when_unknown: return "when_unknown";
        case DigestUse::per_connection: return "per_connection";
        case DigestUse::per_request: return "per_request";
    }
    return "automatic";
}
std::string text(DigestAlgorithm algorithm) { return algorithm == DigestAlgorithm::sha256 ? "SHA-256" : "MD5"; }
std::string text(NatMode mode) { return mode == NatMode::on ? "on" : "off"; }
std::string text(Family family) {
    switch (family) {
        case Family::none: return "unspecified";
        case Family::v4: return "v4";
        case Family::v6: return "v6";
    }
    return "unspecified";
}
std::string text(const NumberRange& range) { return range.to_string(); }
std::string text(const OverflowNumber& one) { return text(one.range) + " to " + one.to; }
std::string text(const AddressBlock& block) { return block.to_string(); }
std::string text(const std::string& value) { return value; }
std::string text(std::uint16_t value) { return std::to_string(value); }
std::string text(Screening screening) {
    switch (screening) {
        case Screening::substitute: return "substitute";
        case Screening::reject: return "reject";
        case Screening::pass: return "pass";
    }
    return "substitute";
}
std::string text(FromPolicy policy) {
    switch (policy) {
        case FromPolicy::normalise: return "normalise";
        case FromPolicy::transparent: return "transparent";
        case FromPolicy::anonymise: return "anonymise";
    }
    return "normalise";
}
std::string text(const ShortCode& code) { return code.dialled + " is " + code.number; }
std::string text(const NumberRule& rule) {
    return '"' + rule.match + "\" strip " + std::to_string(rule.strip) + " prepend \"" + rule.prepend + '"';
}
std::string text(const RouteChoice& choice) {
    return choice.carrier + " priority " + std::to_string(choice.priority) + " weight " + std::to_string(choice.weight);
}
std::string text(const EmergencyArea& area) { return area.to_string(); }
std::string text(const NumberLimit& limit) {
    std::string out = limit.numbers.to_string();
    if (limit.concurrent_calls > 0) out += " at most " + std::to_string(limit.concurrent_calls);
    if (limit.concurrent_calls_each > 0) out += " each at most " + std::to_string(limit.concurrent_calls_each);
    return out;
}
std::string text(const CallingHours& hours) {
    std::string out;
    for (const auto& prefix : hours.prefixes)
        out += (out.empty() ? "" : ", ") + (prefix.empty() ? std::string("every number") : prefix);
    if (hours.windows.empty()) return out + " never";
    for (std::size_t i = 0; i < hours.windows.size(); ++i) out += (i == 0 ? " " : "; ") + hours.windows[i].to_string();
    return out;
}
std::string text(const HeaderRule& rule) {
    switch (rule.action) {
        case HeaderAction::add: return "add " + rule.header + ": " + rule.value;
        case HeaderAction::remove: return "remove " + rule.header + (rule.match.empty() ? "" : ": " + rule.match);
        case HeaderAction::rewrite: break;
    }
    return "rewrite " + rule.header + ": " + (rule.match.empty() ? "*" : rule.match) + " to " + rule.value;
}
std::string text(const Target& t) {
    auto out = t.host;
    if (t.port != 0) out += ':' + std::to_string(t.port);
    if (t.transport != Transport::unspecified) out += '/' + text(t.transport);
    return out + " priority " + std::to_string(t.priority) + " weight " + std::to_string(t.weight);
}

}  // namespace sallyport::config::told

#include "signaling/b2bua/session_id.h"

namespace sallyport::b2bua {
namespace {

constexpr std::string_view nil = "00000000000000000000000000000000";

// A random UUID (version 4, RFC 4122) without its hyphens.
std::string make_uuid(RandomSource& random) {
    Bytes raw(16);
    random.fill(raw);
    raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0f) | 0x40);
    raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3f) | 0x80);
    return to_hex(raw);
}

}  // namespace

std::string SessionId::claimed(const sip::Message& message) {
    const auto field = message.first(sip::HeaderName::session_id);
    if (!field) return {};
    const std::string_view uuid = field->substr(0, field->find(';'));
    if (uuid.size() != nil.size() || uuid == nil) return {};
    std::string out(uuid);
    for (char& c : out) {
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return {};
    }
    return out;
}

SessionId SessionId::begin(const sip::Message& invite, RandomSource& random) {
    SessionId id;
    id.a_ = claimed(invite);
    if (id.a_.empty()) id.a_ = make_uuid(random);
    return id;
}

void SessionId::hear(Side from, const sip::Message& message, RandomSource& random) {
    if (std::string uuid = claimed(message); !uuid.empty()) {
        if (from == Side::b) b_ = std::move(uuid);
        return;
    }
    if (from == Side::b && b_.empty()) b_ = make_uuid(random);
}

std::string SessionId::field(Side to) const {
    const std::string_view far = of(other(to)), near = of(to);
    std::string out(far.empty() ? nil : far);
    out += ";remote=";
    out += near.empty() ? nil : near;
    return out;
}

SessionId SessionId::restore(std::string a, std::string b) {
    SessionId id;
    id.a_ = std::move(a);
    id.b_ = std::move(b);
    return id;
}

}  // namespace sallyport::b2bua

#include "signaling/b2bua/target_health.h"

namespace sallyport::b2bua {

std::string target_text(const config::Target& target) {
    std::string out = target.host.find(':') == std::string::npos ? target.host : "[" + target.host + "]";
    if (target.port != 0) out += ":" + std::to_string(target.port);
    switch (target.transport) {
        case config::Transport::unspecified: break;
        case config::Transport::udp: out += ";udp"; break;
        case config::Transport::tcp: out += ";tcp"; break;
        case config::Transport::tls: out += ";tls"; break;
    }
    return out;
}

std::string target_key(std::string_view carrier, const config::Target& target) {
    return std::string(carrier) + "/" + target_text(target);
}

bool TargetHealth::answered(const std::string& key, std::string detail) {
    Entry& entry = entries_[key];
    entry.failures = 0;
    entry.detail = std::move(detail);
    if (entry.up || ++entry.answers < answers_to_up) return false;
    entry.up = true;
    entry.answers = 0;
    return true;
}

bool TargetHealth::failed(const std::string& key, std::string detail) {
    Entry& entry = entries_[key];
    entry.answers = 0;
    entry.detail = std::move(detail);
    if (++entry.failures < failures_to_down || !entry.up) return false;
    entry.up = false;
    return true;
}

bool TargetHealth::may_take_stream(const std::string& key, TimePoint now) const {
    const auto* entry = find(key);
    return entry == nullptr || entry->datagrams_until <= now;
}

bool TargetHealth::up(const std::string& key) const {
    const auto* entry = find(key);
    return entry == nullptr || entry->up;
}

const TargetHealth::Entry* TargetHealth::find(const std::string& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace sallyport::b2bua

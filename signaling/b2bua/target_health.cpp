#include "signaling/b2bua/target_health.h"

#include <algorithm>

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

std::string target_key(std::string_view owner, const config::Target& target) {
    return std::string(owner) + "/" + target_text(target);
}

std::string trunk_owner(std::string_view trunk) { return "trunk " + std::string(trunk); }

std::string place_text(const locate::Located& place) {
    std::string out(to_string(place.transport));
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    return out + " " + place.endpoint.to_string();
}

std::string place_key(const std::string& key, const config::Target& target, const locate::Located& place) {
    if (IpAddress::parse(target.host)) return key;
    return key + " at " + place_text(place);
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

void TargetHealth::noticed_alive(const std::string& key) {
    if (entries_.contains(key)) answered(key, "answers calls");
}

bool TargetHealth::pause(const std::string& key, Duration asked_for, TimePoint now) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return false;
    const TimePoint until = now + std::min(asked_for, longest_pause);
    const bool fresh = found->second.paused_until <= now;
    found->second.paused_until = std::max(found->second.paused_until, until);
    found->second.detail = "asks to be left alone (503 with Retry-After)";
    return fresh;
}

void TargetHealth::refused_stream(const Endpoint& there, TimePoint now) {
    if (datagrams_until_.size() >= most_without_stream)
        std::erase_if(datagrams_until_, [now](const auto& each) { return each.second <= now; });
    if (datagrams_until_.size() < most_without_stream) datagrams_until_[there] = now + stream_pause;
}

bool TargetHealth::may_take_stream(const Endpoint& there, TimePoint now) const {
    const auto found = datagrams_until_.find(there);
    return found == datagrams_until_.end() || found->second <= now;
}

bool TargetHealth::up(const std::string& key) const {
    const auto* entry = find(key);
    return entry == nullptr || entry->up;
}

bool TargetHealth::usable(const std::string& key, TimePoint now) const {
    const auto* entry = find(key);
    return entry == nullptr || entry->usable(now);
}

const TargetHealth::Entry* TargetHealth::find(const std::string& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace sallyport::b2bua

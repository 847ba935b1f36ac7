#include "signaling/b2bua/checkpoint_lines.h"

#include <charconv>
#include <utility>

namespace sallyport::b2bua {
namespace {

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            out += text[i];
            continue;
        }
        const char c = text[++i];
        out += c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
    return out;
}

}  // namespace

CheckpointLines::CheckpointLines(std::string_view text) {
    if (text.size() > most_bytes || !text.starts_with(head)) return;
    text.remove_prefix(head.size());
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto equals = text.find('=');
        if (end == text.npos || equals > end) return;
        values_[std::string(text.substr(0, equals))].push_back(unescaped(text.substr(equals + 1, end - equals - 1)));
        text.remove_prefix(end + 1);
    }
    complete_ = true;
}

const std::vector<std::string>& CheckpointLines::all(const std::string& name) const {
    static const std::vector<std::string> none;
    const auto found = values_.find(name);
    return found == values_.end() ? none : found->second;
}

std::string CheckpointLines::text(const std::string& name) {
    if (has(name)) return all(name).front();
    complete_ = false;
    return {};
}

std::uint64_t CheckpointLines::number(const std::string& name) {
    const std::string value = text(name);
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (error != std::errc() || end != value.data() + value.size()) complete_ = false;
    return out;
}

Family CheckpointLines::family(const std::string& name) {
    const std::string value = text(name);
    return value == "v4" ? Family::v4 : value == "v6" ? Family::v6 : Family::none;
}

Endpoint CheckpointLines::endpoint(const std::string& name) {
    const std::string value = text(name);
    if (value.empty()) return {};
    const auto parsed = Endpoint::parse(value);
    if (!parsed) complete_ = false;
    return parsed.value_or(Endpoint{});
}

std::optional<sdp::SessionDescription> CheckpointLines::description(const std::string& name) {
    if (!has(name)) return std::nullopt;
    auto parsed = sdp::parse(text(name));
    if (parsed.has_value()) return std::move(*parsed);
    complete_ = false;
    return std::nullopt;
}

HeardDescription CheckpointLines::heard(const std::string& name) {
    if (!has(name)) return {};
    auto read = HeardDescription::read(text(name));
    if (read.has_value()) return std::move(*read);
    complete_ = false;
    return {};
}

}  // namespace sallyport::b2bua

#include "control/cli/dns_record.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>

#include <algorithm>

namespace sallyport::cli::dns {
namespace {

class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> bytes) : all_(bytes), rest_(bytes) {}

    bool at_end() const { return rest_.empty(); }
    bool number(std::uint16_t& out) {
        if (rest_.size() < 2) return false;
        out = static_cast<std::uint16_t>(rest_[0] << 8 | rest_[1]);
        rest_ = rest_.subspan(2);
        return true;
    }
    bool text(std::string& out) {  // a <character-string>
        if (rest_.empty() || rest_.size() < std::size_t{1} + rest_[0]) return false;
        out.assign(reinterpret_cast<const char*>(rest_.data()) + 1, rest_[0]);
        rest_ = rest_.subspan(std::size_t{1} + rest_[0]);
        return true;
    }
    bool name(std::string& out) {
        if (rest_.empty()) return false;
        char expanded[NS_MAXDNAME];
        const int used = dn_expand(all_.data(), all_.data() + all_.size(), rest_.data(), expanded, sizeof expanded);
        if (used < 0 || static_cast<std::size_t>(used) > rest_.size()) return false;
        out = expanded;
        std::transform(out.begin(), out.end(), out.begin(),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
        rest_ = rest_.subspan(static_cast<std::size_t>(used));
        return true;
    }

private:
    std::span<const std::uint8_t> all_, rest_;
};

std::string quoted(const std::string& text) { return '"' + text + '"'; }

bool read_address(int family, std::size_t bytes, std::span<const std::uint8_t> rdata, std::string& out) {
    char text[INET6_ADDRSTRLEN];
    if (rdata.size() != bytes || inet_ntop(family, rdata.data(), text, sizeof text) == nullptr) return false;
    out = text;
    return true;
}

}  // namespace

std::string_view to_string(Type type) {
    switch (type) {
        case Type::a: return "A";
        case Type::aaaa: return "AAAA";
        case Type::srv: return "SRV";
        case Type::naptr: return "NAPTR";
    }
    return "?";
}

std::uint16_t number_of(Type type) {
    switch (type) {
        case Type::a: return 1;
        case Type::aaaa: return 28;
        case Type::srv: return 33;
        case Type::naptr: return 35;
    }
    return 0;
}

std::string Record::value() const {
    switch (type) {
        case Type::a:
        case Type::aaaa: return address;
        case Type::srv:
            return std::to_string(priority) + ' ' + std::to_string(weight) + ' ' + std::to_string(port) + ' ' + target +
                   '.';
        case Type::naptr:
            return std::to_string(order) + ' ' + std::to_string(preference) + ' ' + quoted(flags) + ' ' +
                   quoted(service) + ' ' + quoted(regexp) + ' ' + target + '.';
    }
    return {};
}

std::optional<Record> decode(std::string_view name, Type type, std::span<const std::uint8_t> rdata) {
    Record out;
    out.name = name;
    out.type = type;
    Reader reader(rdata);
    bool read = false;
    switch (type) {
        case Type::a:
            if (!read_address(AF_INET, 4, rdata, out.address)) return std::nullopt;
            return out;
        case Type::aaaa:
            if (!read_address(AF_INET6, 16, rdata, out.address)) return std::nullopt;
            return out;
        case Type::srv:
            read = reader.number(out.priority) && reader.number(out.weight) && reader.number(out.port) &&
                   reader.name(out.target);
            break;
        case Type::naptr:
            read = reader.number(out.order) && reader.number(out.preference) && reader.text(out.flags) &&
                   reader.text(out.service) && reader.text(out.regexp) && reader.name(out.target);
            break;
    }
    if (!read || !reader.at_end()) return std::nullopt;
    return out;
}

}  // namespace sallyport::cli::dns

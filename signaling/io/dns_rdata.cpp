#include "signaling/io/dns_rdata.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace sallyport::io {
namespace {

constexpr std::size_t max_name_bytes = 255;  // RFC 1035 2.3.4
constexpr std::size_t max_label_bytes = 63;

bool is_name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

class Reader {
public:
    explicit Reader(ByteView bytes) : rest_(bytes) {}

    bool empty() const { return rest_.empty(); }
    std::optional<std::uint16_t> u16() {
        if (rest_.size() < 2) return std::nullopt;
        const auto value = load_be16(rest_.data());
        rest_ = rest_.subspan(2);
        return value;
    }
    std::optional<std::string> character_string() {  // RFC 1035 3.3
        if (rest_.empty() || rest_.size() < std::size_t{1} + rest_[0]) return std::nullopt;
        const std::size_t length = rest_[0];
        std::string text(as_text(rest_.subspan(1, length)));
        rest_ = rest_.subspan(1 + length);
        return text;
    }
    Result<std::string, RdataErrc> name() {
        std::string name;
        for (std::size_t used = 1;;) {
            if (rest_.empty()) return RdataErrc::truncated;
            const std::size_t length = rest_[0];
            rest_ = rest_.subspan(1);
            if (length == 0) return name;
            if (length > max_label_bytes) return RdataErrc::compressed;
            if (rest_.size() < length) return RdataErrc::truncated;
            if ((used += length + 1) > max_name_bytes) return RdataErrc::name_too_long;
            if (!name.empty()) name += '.';
            for (const char c : as_text(rest_.first(length))) {
                const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
                if (!is_name_char(lower)) return RdataErrc::bad_label;
                name += lower;
            }
            rest_ = rest_.subspan(length);
        }
    }

private:
    ByteView rest_;
};

}  // namespace

std::string_view to_string(RdataErrc e) {
    switch (e) {
        case RdataErrc::wrong_length: return "address of the wrong length";
        case RdataErrc::truncated: return "ends too early";
        case RdataErrc::compressed: return "compressed name";
        case RdataErrc::bad_label: return "label that is no part of a host name";
        case RdataErrc::name_too_long: return "name above 255 bytes";
        case RdataErrc::trailing_bytes: return "bytes behind the last field";
    }
    return "?";
}

Result<IpAddress, RdataErrc> decode_a(ByteView rdata) {
    if (rdata.size() != 4) return RdataErrc::wrong_length;
    return IpAddress::v4(rdata[0], rdata[1], rdata[2], rdata[3]);
}

Result<IpAddress, RdataErrc> decode_aaaa(ByteView rdata) {
    if (rdata.size() != 16) return RdataErrc::wrong_length;
    IpAddress address{Family::v6, {}};
    std::copy(rdata.begin(), rdata.end(), address.bytes.begin());
    return address;
}

Result<locate::SrvRecord, RdataErrc> decode_srv(ByteView rdata) {
    Reader reader(rdata);
    const auto priority = reader.u16(), weight = reader.u16(), port = reader.u16();
    if (!priority || !weight || !port) return RdataErrc::truncated;
    auto target = reader.name();
    if (!target) return target.error();
    if (!reader.empty()) return RdataErrc::trailing_bytes;
    return locate::SrvRecord{*priority, *weight, *port, std::move(*target)};
}

Result<locate::NaptrRecord, RdataErrc> decode_naptr(ByteView rdata) {
    Reader reader(rdata);
    const auto order = reader.u16(), preference = reader.u16();
    if (!order || !preference) return RdataErrc::truncated;
    auto flags = reader.character_string();
    auto service = flags ? reader.character_string() : std::nullopt;
    auto regexp = service ? reader.character_string() : std::nullopt;
    if (!regexp) return RdataErrc::truncated;
    auto replacement = reader.name();
    if (!replacement) return replacement.error();
    if (!reader.empty()) return RdataErrc::trailing_bytes;
    return locate::NaptrRecord{
        *order, *preference, std::move(*flags), std::move(*service), std::move(*regexp), std::move(*replacement)};
}

Result<void, RdataErrc> decode_into(locate::Answer& answer, locate::RecordType type, ByteView rdata) {
    switch (type) {
        case locate::RecordType::a:
        case locate::RecordType::aaaa: {
            auto address = type == locate::RecordType::a ? decode_a(rdata) : decode_aaaa(rdata);
            if (!address) return address.error();
            answer.addresses.push_back(*address);
            return {};
        }
        case locate::RecordType::srv: {
            auto record = decode_srv(rdata);
            if (!record) return record.error();
            answer.srv.push_back(std::move(*record));
            return {};
        }
        case locate::RecordType::naptr: {
            auto record = decode_naptr(rdata);
            if (!record) return record.error();
            answer.naptr.push_back(std::move(*record));
            return {};
        }
    }
    return {};
}

}  // namespace sallyport::io

// One DNS record as a person writes it in a zone file, and from its wire form (RFC 1035 3.3, 2782, 3403). The names in
// the wire form are uncompressed, as the resolver library hands them out. Asks nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::cli::dns {

enum class Type : std::uint8_t { a, aaaa, srv, naptr };
std::string_view to_string(Type type);
std::uint16_t number_of(Type type);  // RR type of the IANA registry

struct Record {
    std::string name;  // without the trailing dot
    Type type = Type::a;
    std::string address;  // a, aaaa
    std::uint16_t priority = 0, weight = 0, port = 0;
    std::string target;  // srv: the host; naptr: the replacement; without the trailing dot
    std::uint16_t order = 0, preference = 0;
    std::string flags, service, regexp;

    std::string value() const;  // "10 100 5061 edge-1.sip.example.com."
    friend bool operator==(const Record&, const Record&) = default;
};

// Nothing: not the RDATA of that type.
std::optional<Record> decode(std::string_view name, Type type, std::span<const std::uint8_t> rdata);

}  // namespace sallyport::cli::dns

// One immutable picture of everything provisioned, with the indexes that routing asks. Shared by pointer between
// shards; calls in progress keep the one they started with.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/config/digest_terms.h"
#include "control/config/model.h"
#include "control/config/prefix_table.h"

namespace sallyport::config {

class Snapshot {
public:
    std::uint64_t revision = 0;
    std::map<std::string, Trunk, std::less<>> trunks;  // by id
    std::map<std::string, Carrier, std::less<>> carriers;
    std::map<std::string, Route, std::less<>> routes;
    std::map<std::string, Customer, std::less<>> customers;

    // Builds the indexes; call once after filling the maps, before sharing.
    void build_indexes();

    // The enabled trunk that owns this number ("+4930123456"), or nullptr.
    const Trunk* trunk_by_number(std::string_view e164) const;
    // Whose number it would be, were its trunk enabled.
    const Trunk* disabled_trunk_by_number(std::string_view e164) const;
    const Customer* customer_of(const Trunk& trunk) const;  // nullptr: nobody's
    // The registration-mode trunk of this AOR (user and host compared per RFC 3261 19.1.4), or nullptr.
    const Trunk* trunk_by_aor(std::string_view user, std::string_view host) const;
    // By what the enabled trunks that register in this domain are challenged, or the static ones of it where none do;
    // nullptr: there are none. An AOR of it that does not exist has to look like one that does.
    const DigestTermsByLot* digest_terms_of(std::string_view domain) const;
    // The same of all enabled trunks, whose numbers may be shown under whatever domain.
    const DigestTermsByLot* digest_terms_of_any() const { return terms_of_any_ ? &*terms_of_any_ : nullptr; }
    // The credential of this user name and the trunk that holds it, or {nullptr, nullptr}. A disabled trunk's, for
    // calls for help alone, where no enabled one has the same.
    struct CredentialMatch {
        const Trunk* trunk = nullptr;
        const Credential* credential = nullptr;
    };
    CredentialMatch credential(std::string_view username, std::string_view digest_realm) const;
    // The static trunk whose sources contain the address, or nullptr; ambiguous (two trunks) also gives nullptr.
    const Trunk* trunk_by_source(std::string_view realm, const IpAddress& address) const;
    // Whose source it would be, were its trunk enabled: it may call for help.
    const Trunk* disabled_trunk_by_source(std::string_view realm, const IpAddress& address) const;
    const Carrier* carrier_by_source(std::string_view realm, const IpAddress& address) const;
    // The enabled route that names the number as a service number, else the one with its longest prefix, or nullptr.
    const Route* route_for(std::string_view number) const;
    // Of the heap, for routes and trunks' numbers: what finding one among them costs beside the resources themselves.
    std::size_t number_index_bytes() const;

private:
    // Numbers of one length: ranges sorted by their first one. The trunk is an index into trunk_ids_.
    struct RangeEntry {
        NumberKey first = 0, last = 0;
        std::uint32_t trunk = 0;
    };
    using Ranges = std::array<std::vector<RangeEntry>, number_key_characters + 1>;  // by length
    // Sources of one realm: blocks by prefix length, so that a request costs one look-up per length in use.
    struct SourceIndex {
        std::map<std::pair<std::uint8_t, IpAddress>, std::string> owner;  // (bits, network) -> id; "": two owners
        std::set<std::pair<Family, std::uint8_t>> lengths;
        void add(const AddressBlock& block, const std::string& id);
        const std::string* find(const IpAddress& address) const;  // nullptr also when two owners contain it
    };
    using SourcesByRealm = std::map<std::string, SourceIndex, std::less<>>;
    static const std::string* owner_of(const SourcesByRealm& sources, std::string_view realm, const IpAddress& address);
    const Trunk* trunk_at(const SourcesByRealm& sources, std::string_view realm, const IpAddress& address) const;
    void index_trunk(const std::string& id, const Trunk& trunk);
    void index_digest_terms();
    void index_route(const std::string& id, const Route& route);
    const Trunk* owner_of(const Ranges& ranges, std::string_view e164) const;

    Ranges ranges_, disabled_ranges_;
    std::vector<std::string> trunk_ids_, route_ids_;
    std::unordered_map<std::string, std::string> trunk_of_aor_;                         // "user@host" -> trunk id
    std::unordered_map<std::string, std::pair<std::string, std::size_t>> credentials_;  // "user\0realm" -> trunk, index
    std::unordered_map<std::string, DigestTermsByLot> terms_of_domain_;  // by aor_key of the domain alone
    std::optional<DigestTermsByLot> terms_of_any_;
    PrefixTable route_prefixes_, service_numbers_;  // values: indexes into route_ids_
    SourcesByRealm trunk_sources_, disabled_trunk_sources_, carrier_sources_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace sallyport::config

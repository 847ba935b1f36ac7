// The core's views as messages for operators, and the pages they are listed in. Copies; asks nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/snapshot.h"
#include "sallyport/operations/v1/operations.pb.h"
#include "signaling/registrar/binding.h"
#include "signaling/stack/stack.h"

namespace sallyport::rpc {

namespace operations_pb = sallyport::operations::v1;

void to_proto(const stack::CallView& view, operations_pb::Call& call);
// `trunk`: nullptr when it is no longer provisioned.
void to_proto(const registrar::Binding& binding, const config::Trunk* trunk, TimePoint now,
              operations_pb::Registration& registration);
// How many public identities its number ranges hold.
std::uint64_t count_numbers(const config::Trunk& trunk);

// Which part of a list a request asks for.
struct Page {
    static constexpr std::size_t default_size = 100, max_size = 1'000, max_offset = 1'000'000;
    std::size_t offset = 0, size = default_size;
    // The token that follows this page; empty when the list ends within it.
    std::string next_token(std::size_t list_size) const;
};
// Nothing: a negative size, or a token that is none of ours.
std::optional<Page> parse_page(std::int32_t page_size, std::string_view page_token);

// "acme-hq" and "trunks/acme-hq" name the same trunk.
std::string_view trunk_id(std::string_view name);

}  // namespace sallyport::rpc

// The core's views as messages for operators, and the pages they are listed in. Copies; asks nobody.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/config/snapshot.h"
#include "sallyport/operations/v1/operations.pb.h"
#include "signaling/io/tls_context.h"
#include "signaling/policy/gauges.h"
#include "signaling/policy/trunk_states.h"
#include "signaling/registrar/binding.h"
#include "signaling/stack/stack.h"

namespace sallyport::rpc {

namespace operations_pb = sallyport::operations::v1;

void to_proto(const stack::CallView& view, operations_pb::Call& call);
// `trunk`: nullptr when it is no longer provisioned.
void to_proto(const registrar::Binding& binding, const config::Trunk* trunk, TimePoint now,
              operations_pb::Registration& registration);
void to_proto(const std::string& trunk, const policy::TrunkStates::Entry& entry, TimePoint now,
              operations_pb::TrunkState& state);
void to_proto(const config::Trunk& trunk, operations_pb::TrunkState& state);  // its limits
// `gauge`: of a number or a range of the trunk.
void to_proto(const config::Trunk& trunk, std::string_view gauge, const policy::Use& use,
              operations_pb::NumberUse& number);
void to_proto(const config::Customer& customer, const policy::Use& use, std::uint32_t trunks,
              operations_pb::CustomerState& state);
void to_proto(const std::array<std::uint64_t, policy::trunk_state_count>& counts, operations_pb::TrunkCounts& out);
void to_proto(const std::shared_ptr<const io::TlsContext>& tls, operations_pb::Listener& listener);  // nullptr: none
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
std::string_view id_in(std::string_view name, std::string_view collection);  // of any kind: "customers/"

}  // namespace sallyport::rpc

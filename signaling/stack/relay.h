// A request outside of any dialog that is no INVITE, carried from the core to the PBX whose number it names, and its
// answer back (SIPconnect 16.7, RFC 6140 5, RFC 3428). OPTIONS and MESSAGE: one transaction on either side, no media,
// no record. Static PBXs only where their targets are addresses: it asks no DNS.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "signaling/b2bua/context.h"
#include "signaling/b2bua/targets.h"
#include "signaling/policy/identify.h"
#include "signaling/transaction/layer.h"

namespace sallyport::stack {

class Relay {
public:
    static constexpr std::size_t most =
        1'000;  // at once on a shard: messages are no calls, and wait 32 s for a silent PBX
    enum class Begun : std::uint8_t { carried, no_number, unknown_number, not_reachable, too_many };
    // Carried: the answer will come, whatever becomes of it. Otherwise the caller answers.
    Begun begin(const transaction::Request& request, const policy::Party& carrier, const config::SnapshotPtr& config,
                b2bua::Context& cx);
    // False: not one of these.
    bool on_response(const transaction::Response& response, b2bua::Context& cx);
    bool on_client_failed(const transaction::ClientFailed& failed, b2bua::Context& cx);
    std::size_t size() const { return pending_.size(); }

private:
    struct Pending {
        transaction::ServerId server;
        Endpoint source;
        config::SnapshotPtr config;
        std::string trunk, carrier, called;
        b2bua::Targets targets;
    };
    void try_next(Pending pending, b2bua::Context& cx);
    void answer(const Pending& pending, std::uint16_t status, const sip::Message* heard, b2bua::Context& cx);

    std::map<std::uint64_t, Pending> pending_;  // by client transaction
};

}  // namespace sallyport::stack

// A request outside of any dialog that is no INVITE, carried from the core to the PBX whose number it names, and its
// answer back (SIPconnect 16.7, RFC 6140 5, RFC 3428). OPTIONS and MESSAGE: one transaction on either side, no media,
// no record. Its places are located and tried one after the other as a call's are (RFC 3263), as long as whoever asked
// is still waiting; one that says nothing is the last, since by then nobody is (RFC 4320).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "signaling/b2bua/context.h"
#include "signaling/b2bua/targets.h"
#include "signaling/policy/identify.h"
#include "signaling/transaction/layer.h"

namespace sallyport::stack {

class Relay {
public:
    static constexpr std::size_t most =
        1'000;  // at once on a shard: messages are no calls, and wait 32 s for a silent PBX
    enum class Begun : std::uint8_t {
        carried,
        no_number,
        unknown_number,
        not_reachable,
        privacy_not_possible,
        too_many
    };
    // Carried: the answer will come, whatever becomes of it. Otherwise the caller answers.
    Begun begin(const transaction::Request& request, const policy::Party& carrier, const config::SnapshotPtr& config,
                b2bua::Context& cx);
    void on_dns(std::uint64_t number, const locate::Answer& answer, b2bua::Context& cx);
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
        std::string call_id, from_tag;  // of our own, the same at every place
        b2bua::Targets targets;
        std::optional<b2bua::Hop> hop;  // the place that is being asked
        transaction::ClientId client;
        std::uint16_t refused = 0;  // what the last place said that would not have it
    };
    using All = std::map<std::uint64_t, Pending>;  // by number

    void take(All::iterator at, b2bua::Targets::Step step, b2bua::Context& cx);
    void go_on(All::iterator at, b2bua::Context& cx);
    void send(All::iterator at, b2bua::Context& cx);
    std::string compose(const Pending& pending, const sip::Message& request, b2bua::Context& cx) const;
    void leave_place(All::iterator at);
    void end(All::iterator at, std::uint16_t status, const sip::Message* heard, b2bua::Context& cx);
    void forget(All::iterator at);
    void answer(const Pending& pending, std::uint16_t status, const sip::Message* heard, b2bua::Context& cx) const;
    All::iterator asked(transaction::ClientId client);

    All pending_;
    std::unordered_map<transaction::ClientId, std::uint64_t> asked_;
    std::uint64_t last_ = 0;
};

}  // namespace sallyport::stack

// Which call a message belongs to: by client transaction, by server transaction, by dialog, by connection. Holds ids
// only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "signaling/b2bua/connection_uses.h"
#include "signaling/b2bua/media.h"
#include "signaling/transaction/effects.h"

namespace sallyport::b2bua {

class CallIndex {
public:
    // `uses`: of the node; told of a connection as long as any call here is on it.
    explicit CallIndex(ConnectionUses& uses) : uses_(uses) {}

    struct Place {
        CallId call;
        Side side = Side::a;
    };
    void add(transaction::ClientId client, CallId call) { clients_[client] = call; }
    void remove(transaction::ClientId client) { clients_.erase(client); }
    CallId find(transaction::ClientId client) const { return value(clients_, client); }

    void add(transaction::ServerId server, CallId call) { servers_[server] = call; }
    void remove(transaction::ServerId server) { servers_.erase(server); }
    CallId find(transaction::ServerId server) const { return value(servers_, server); }

    void add_dialog(std::string_view call_id, std::string_view local_tag, Place place) {
        dialogs_[key(call_id, local_tag)] = place;
    }
    void remove_dialog(std::string_view call_id, std::string_view local_tag) {
        dialogs_.erase(key(call_id, local_tag));
    }
    std::optional<Place> find_dialog(std::string_view call_id, std::string_view local_tag) const {
        const auto found = dialogs_.find(key(call_id, local_tag));
        return found == dialogs_.end() ? std::nullopt : std::optional(found->second);
    }
    // The calls that use a connection, to be told when it breaks. A call may use it twice.
    void attach(std::uint64_t connection, CallId call) {
        if (connection == 0) return;
        auto& calls = connections_[connection];
        if (calls.empty()) uses_.add(connection);
        ++calls[call];
    }
    void detach(std::uint64_t connection, CallId call) {
        const auto found = connections_.find(connection);
        if (found == connections_.end()) return;
        const auto use = found->second.find(call);
        if (use != found->second.end() && --use->second == 0) found->second.erase(use);
        if (!found->second.empty()) return;
        connections_.erase(found);
        uses_.remove(connection);
    }
    std::vector<CallId> calls_on(std::uint64_t connection) const {
        std::vector<CallId> out;
        const auto found = connections_.find(connection);
        if (found == connections_.end()) return out;
        for (const auto& [call, uses] : found->second) out.push_back(call);
        return out;
    }
    bool empty() const { return clients_.empty() && servers_.empty() && dialogs_.empty() && connections_.empty(); }

private:
    static std::string key(std::string_view call_id, std::string_view local_tag) {
        std::string out(local_tag);
        out += '\n';  // in neither
        out += call_id;
        return out;
    }
    template <class Map, class Key>
    static CallId value(const Map& map, Key k) {
        const auto found = map.find(k);
        return found == map.end() ? CallId{} : found->second;
    }
    ConnectionUses& uses_;
    std::unordered_map<transaction::ClientId, CallId> clients_;
    std::unordered_map<transaction::ServerId, CallId> servers_;
    std::unordered_map<std::string, Place> dialogs_;
    std::unordered_map<std::uint64_t, std::map<CallId, std::uint32_t>> connections_;
};

}  // namespace sallyport::b2bua

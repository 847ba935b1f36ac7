// INVITEs with Replaces (RFC 3891) that this shard has handed over to the shard of the call, for as long as they may
// come again: a copy goes the way of the first, and so does its CANCEL. Its sender has proved himself once, and his
// credentials would not do a second time. A copy has the branch and the source of the first; the rest is somebody's who
// has yet to prove himself.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "control/base/time.h"
#include "signaling/policy/identify.h"
#include "signaling/sip/message.h"
#include "signaling/transaction/flow.h"
#include "signaling/transaction/key.h"

namespace sallyport::stack {

class HandedOverInvites {
public:
    // Beyond them the oldest are forgotten, and longer ones are never kept: their copies have to prove themselves anew.
    static constexpr std::size_t most = 4'096;
    static constexpr std::size_t longest_names = 1'024;  // octets of what an INVITE and the dialog are called

    struct Way {
        std::string call_id, tag;  // of the dialog that is to be replaced
        policy::Party party;       // who wants to
    };

    bool empty() const { return invites_.empty(); }
    // Until it is not repeated any more (RFC 3261 17.1.1.2, timer B).
    void add(const sip::Message& invite, const Flow& flow, Way way, TimePoint until) {
        std::string key = transaction::server_key(invite), merge_key = transaction::merge_key(invite);
        if (key.size() + merge_key.size() + way.call_id.size() + way.tag.size() > longest_names) return;
        if (!invites_.try_emplace(key, Invite{flow, std::move(way), merge_key}).second) return;
        ++merge_keys_[std::move(merge_key)];
        order_.push_back({until, std::move(key)});
        if (invites_.size() > most) forget_oldest();
    }
    // The way that a copy, or the CANCEL, of one of them has to go; nullptr: it is none.
    const Way* way_of(const sip::Message& request, const Flow& flow, TimePoint now) {
        forget_old(now);
        const auto found = invites_.find(transaction::server_key_as(request, "INVITE"));
        return found != invites_.end() && found->second.flow == flow ? &found->second.way : nullptr;
    }
    // Whether it is one of them that has come over another path (RFC 3261 8.2.2.2).
    bool is_merged(const sip::Message& invite, TimePoint now) {
        forget_old(now);
        return !empty() && merge_keys_.contains(transaction::merge_key(invite)) &&
               !invites_.contains(transaction::server_key(invite));
    }

private:
    struct Invite {
        Flow flow;
        Way way;
        std::string merge_key;
    };
    struct Entry {
        TimePoint until;
        std::string key;
    };
    void forget_old(TimePoint now) {
        while (!order_.empty() && order_.front().until < now) forget_oldest();
    }
    void forget_oldest() {
        const auto found = invites_.find(order_.front().key);
        const auto merged = merge_keys_.find(found->second.merge_key);
        if (--merged->second == 0) merge_keys_.erase(merged);
        invites_.erase(found);
        order_.pop_front();
    }

    std::map<std::string, Invite> invites_;
    std::map<std::string, std::uint32_t> merge_keys_;  // how many have each
    std::deque<Entry> order_;
};

}  // namespace sallyport::stack

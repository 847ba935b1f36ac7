// What PBXs say when they refresh a registration over UDP, and what they are answered: the same as the time before, but
// for branch, tag, CSeq and proof. Most of what a registrar hears is such a request (every minute from behind a NAT);
// one that fits what is remembered of its flow is judged by what may differ alone. By flow, of one shard; forgotten
// with anything that could make the answer another.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "control/base/time.h"
#include "signaling/sip/digest.h"
#include "signaling/sip/fields.h"
#include "signaling/sip/stencil.h"
#include "signaling/transaction/flow.h"

namespace sallyport::stack {

// One PBX's way to say it. The views point into `proved`.
struct Refresh {
    sip::Stencil proved, asked;       // the REGISTER with its answer to a challenge, and the one before that, without
    sip::Stencil granted, challenge;  // what they are answered
    sip::ViaView via;                 // of both requests; its branch is to be filled in
    std::string_view via_head, via_tail;  // the first Via field around that branch
    std::string_view call_id, request_uri;
    Flow responses;            // where answers go
    sip::DigestAnswer answer;  // user, realm, URI and algorithm; the rest is of each request
    std::string ha1, ha2;      // the secret, and what is asked for
    std::string aor;           // as lock-outs name it
    std::string trunk, contact;
    Duration lasts{};  // what the PBX is granted
    TimePoint expires_at{};
    bool used = false;
};

class Refreshes {
public:
    // `most`: of a shard; beyond it nothing new is remembered. 0: nothing ever is.
    explicit Refreshes(std::size_t most) : most_(most) {}

    Refresh* find(const Flow& flow) {
        const auto found = by_flow_.find(flow);
        return found == by_flow_.end() || !found->second.refresh ? nullptr : found->second.refresh.get();
    }
    // Whether it is worth the work: not of a PBX that has never said twice what was remembered of it.
    bool is_worth(const Flow& flow) const {
        const auto found = by_flow_.find(flow);
        return found == by_flow_.end() ? by_flow_.size() < most_ : found->second.in_vain < most_in_vain;
    }
    void remember(const Flow& flow, std::unique_ptr<Refresh> refresh) {
        Entry& entry = by_flow_[flow];
        entry.last_used = refresh->expires_at;
        entry.refresh = std::move(refresh);
    }
    // What it says can be no refresh of this kind; it may be tried again until then, but not often.
    void give_up(const Flow& flow, TimePoint until) {
        Entry& entry = by_flow_[flow];
        entry.last_used = until;
        ++entry.in_vain;
    }
    void forget(const Flow& flow) {
        const auto found = by_flow_.find(flow);
        if (found == by_flow_.end() || !found->second.refresh) return;
        found->second.in_vain = found->second.refresh->used ? 0 : found->second.in_vain + 1;
        found->second.refresh.reset();
    }
    void clear() { by_flow_.clear(); }
    void expire(TimePoint now) {
        std::erase_if(by_flow_, [now](const auto& entry) {
            const auto& [flow, known] = entry;
            return (known.refresh ? known.refresh->expires_at : known.last_used) <= now;
        });
    }
    std::size_t size() const { return by_flow_.size(); }

private:
    static constexpr unsigned most_in_vain = 3;
    struct Entry {
        std::unique_ptr<Refresh> refresh;  // stays where it is: its views need that
        TimePoint last_used{};
        unsigned in_vain = 0;  // how often in a row what was remembered was never said again
    };
    std::size_t most_;
    std::unordered_map<Flow, Entry> by_flow_;
};

}  // namespace sallyport::stack

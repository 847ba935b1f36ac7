// OPTIONS to the UDP flows that PBXs have registered over, whose death nobody else notices (a stream's the kernel
// does). A PBX that has answered one and leaves two unanswered is silent: within the trunk's interval its calls go
// elsewhere, until it answers again or registers anew. Who never answers is left alone, since not every PBX does.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/config/snapshot.h"
#include "signaling/b2bua/context.h"
#include "signaling/registrar/binding.h"

namespace sallyport::stack {

class FlowProbes {
public:
    explicit FlowProbes(Counter& sent) : sent_(sent) {}

    // Bindings that are there when this process begins, or when trunks change; those of this shard are watched.
    void configure(const config::Snapshot& config, const std::vector<registrar::Binding>& bindings, b2bua::Context& cx);
    // What a REGISTER has just written or renewed: a sign of life.
    void registered(const config::Trunk& trunk, const registrar::Binding& binding, b2bua::Context& cx);
    void on_timer(std::uint64_t number, const config::Snapshot* config, b2bua::Context& cx);
    bool on_response(const transaction::Response& response, const config::Snapshot* config,
                     b2bua::Context& cx);  // false: not one of ours
    bool on_client_failed(const transaction::ClientFailed& failed);

    std::vector<std::string> take_news() {
        return std::exchange(news_, {});
    }  // trunks that fell silent or answer again
    std::size_t timers() const { return watched_.size(); }

private:
    struct Watched {
        Flow flow;
        std::string trunk, contact;
        TimerId timer = 0;
        transaction::ClientId asked;  // unanswered so far
        std::uint32_t missed = 0;     // in a row
        bool answers = false;         // it has, once
        bool silent = false;
    };
    using All = std::unordered_map<std::uint64_t, Watched>;

    void start(std::uint64_t number, Watched& watched, Duration after, b2bua::Context& cx);
    bool is_there(const Watched& watched, const b2bua::Context& cx) const;
    void set_silent(Watched& watched, bool silent, b2bua::Context& cx);
    void forget(All::iterator watched);

    Counter& sent_;
    All watched_;  // by number
    std::uint64_t last_ = 0;
    std::unordered_map<Flow, std::uint64_t> by_flow_;
    std::unordered_map<transaction::ClientId, std::uint64_t> asked_;
    std::vector<std::string> news_;
};

}  // namespace sallyport::stack

// The way of a call that was sent on: History-Info (RFC 7044) and Diversion (RFC 5806) as the next peer is told them,
// what was heard rewritten for it and what this node has done added. Names numbers, never places.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/model.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::b2bua {

// A callee has named another number in place of its own, and the call went there.
struct Forward {
    std::string from, to;      // E.164
    std::string trunk;         // of `from`: whose PBX has said so
    std::uint16_t status = 0;  // with which: 302
    std::uint16_t left = 0;    // why `to` was left in turn; 0: it was not
    friend bool operator==(const Forward&, const Forward&) = default;
};

// Between whom: how the one writes numbers, and what the other is to see.
struct HistoryView {
    const config::Numbering& heard_in;
    std::string heard_domain;
    const config::NumberRules& told_in;
    std::string host;                                       // of every number: hosts of others are places
    std::function<bool(std::string_view number)> believes;  // that this one was on the way, as the sender says
    bool trusted = true;     // who is told may learn what is to stay private (RFC 7044 10.1.2)
    bool diversion = false;  // is told by Diversion too
};
void add_history(const sip::Message& invite, const std::vector<Forward>& forwards, const HistoryView& view,
                 sip::Composer& to);

}  // namespace sallyport::b2bua

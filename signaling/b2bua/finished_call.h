// A call that is over, as an operator may still ask for it.
#pragma once

#include <array>
#include <string>

#include "signaling/b2bua/call_record.h"
#include "signaling/b2bua/ladder.h"

namespace sallyport::b2bua {

struct FinishedCall {
    CallRecord record;
    Ladder lines;
    std::array<std::string, 2> columns;  // who was at either leg: "pbx acme-hq", "core one"
};

// As text, with a head. Nearly all that are kept are never asked for: nothing is drawn before.
std::string draw_ladder(const CallRecord& record, const Ladder& lines, const std::array<std::string, 2>& columns);

}  // namespace sallyport::b2bua

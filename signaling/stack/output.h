// Everything the core can ask for: the effects of the B2BUA, which is its largest room.
#pragma once

#include "signaling/b2bua/effects.h"

namespace sallyport::stack {

using b2bua::Checkpoint;
using b2bua::HandOver;
using b2bua::LogFact;
using b2bua::Output;
using b2bua::Outputs;
using b2bua::Resolve;
using b2bua::WriteRecord;
using transaction::CloseFlow;
using transaction::Transmit;

}  // namespace sallyport::stack

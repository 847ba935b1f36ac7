// Rules about what lies between a PBX and this node: one IP version to an interface (SIPconnect 15), transports that
// hold both ways, health probes. Judges one trunk; knows no realm.
#pragma once

#include "control/config/model.h"
#include "control/config/validate.h"

namespace sallyport::config::rules {

void check_network(const Trunk& trunk, FieldErrors& errors);

}  // namespace sallyport::config::rules

// Numbering and identity between the API's messages and the model. Checks and copies.
#pragma once

#include "control/config/model.h"
#include "control/config/validate.h"
#include "control/wire/config_convert.h"

namespace sallyport::wire {

config::Numbering from_proto(const pb::Numbering& message);
pb::Numbering to_proto(const config::Numbering& numbering);
config::TrunkIdentity from_proto(const pb::TrunkIdentity& message, config::FieldErrors& errors);
pb::TrunkIdentity to_proto(const config::TrunkIdentity& identity);

}  // namespace sallyport::wire

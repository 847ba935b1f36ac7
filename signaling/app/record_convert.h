// The core's call record as the record that is spooled. Copies; knows no file.
#pragma once

#include <string>

#include "control/records/call_record.h"
#include "signaling/b2bua/call_record.h"

namespace sallyport::app {

records::CallRecord to_spool(b2bua::CallRecord record, const std::string& node);

}  // namespace sallyport::app

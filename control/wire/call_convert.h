// How a side's calls are carried, between the API's messages and the model: media and session timers. Checks and
// copies.
#pragma once

#include "control/config/model.h"
#include "control/config/validate.h"
#include "control/wire/config_convert.h"

namespace sallyport::wire {

// `otherwise`: where nothing is said of SRTP.
config::MediaPolicy media_from(const pb::MediaPolicy& message, config::SrtpPolicy otherwise,
                               config::FieldErrors& errors);
pb::MediaPolicy media_to(const config::MediaPolicy& media);
config::SessionTimers timers_from(const pb::SessionTimers& message, config::FieldErrors& errors);
void timers_to(const config::SessionTimers& timers, pb::SessionTimers& message);

config::OnNet on_net_from(pb::OnNet on_net, config::FieldErrors& errors);
pb::OnNet on_net_to(config::OnNet on_net);
config::LargeRequests large_requests_from(pb::LargeRequests large, config::FieldErrors& errors);
pb::LargeRequests large_requests_to(config::LargeRequests large);
config::CallRecords call_records_from(pb::CallRecords records, config::FieldErrors& errors);
pb::CallRecords call_records_to(config::CallRecords records);

}  // namespace sallyport::wire

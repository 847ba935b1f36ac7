// What binds a trunk's calls beside its own limits, between the API's messages and the model: customers, number limits,
// destinations and their hours, header rules. Checks and copies.
#pragma once

#include "control/config/model.h"
#include "control/config/validate.h"
#include "control/wire/config_convert.h"

namespace sallyport::wire {

std::vector<config::NumberLimit> number_limits_from(const pb::Trunk& message);
void number_limits_to(const config::Trunk& trunk, pb::Trunk& message);
config::Destinations destinations_from(const pb::Destinations& message, config::FieldErrors& errors);
pb::Destinations destinations_to(const config::Destinations& destinations);
config::HeaderRules headers_from(const pb::HeaderRules& message, config::FieldErrors& errors);
pb::HeaderRules headers_to(const config::HeaderRules& headers);

}  // namespace sallyport::wire

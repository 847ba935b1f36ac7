// How a log line looks: pure text, so that tests read what an operator reads. Knows no clock and no file.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "control/base/time.h"
#include "control/observe/log.h"

namespace sallyport::observe {

// ts=2026-11-21T12:30:00.125Z level=info daemon=sallyport-control msg="..." trunk=acme-hq
std::string format_line(LogFormat format, TimePoint now, Level level, std::string_view daemon, std::string_view text,
                        std::initializer_list<Field> fields);

}  // namespace sallyport::observe

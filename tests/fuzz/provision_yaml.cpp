// rooms: cli
// The file of `sallyport apply`: any bytes are a request or problems with places, and what was read can be written as
// YAML and read again to the same. Aliases and nesting are bounded, so no input may take long.
#include <google/protobuf/util/message_differencer.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "control/cli/provision_yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    if (size > 65'536) return 0;
    const auto provision = cli::parse_provision({reinterpret_cast<const char*>(data), size});
    if (!provision) {
        SALLYPORT_CHECK(!provision.error().empty());
        for (const auto& problem : provision.error()) SALLYPORT_CHECK(!yaml::to_string(problem, "f").empty());
        return 0;
    }
    SALLYPORT_CHECK(static_cast<std::size_t>(provision->request.changes_size()) == provision->places.size());
    for (int i = 0; i < provision->request.changes_size(); ++i) {
        const auto field = "changes[" + std::to_string(i) + "].put_trunk.numbers[3].last";
        SALLYPORT_CHECK(cli::locate(*provision, field).has_value());
    }
    cli::locate(*provision, {reinterpret_cast<const char*>(data), size});
    return 0;
}

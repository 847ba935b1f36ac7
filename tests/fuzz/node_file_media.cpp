// rooms: yaml observe dpdk
// sources: media-plane/app/config_file.cpp media-plane/app/port_fields.cpp
// The node file of sallyport-media: any bytes become a configuration or problems, each with a sentence.
#include "media-plane/app/config_file.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {R"(node: edge-1
lcores: 2
ports:
  - name: access
    device: "net_af_packet0,iface=med0"
    addresses: [192.0.2.2/24, "2001:db8::2/64"]
    gateways: [192.0.2.1]
    udp_ports: 20000-29999
limits: {sessions: 20000}
metrics: {listen: 127.0.0.1:9102}
)",
            "a: &a [x, x]\nb: &b [*a, *a]\nnode: *b\n", "---\n---\n", "node: [1, {2: 3}]\n"};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = media::app::read_config(text, {0, 1, 2, 3});
    if (config) {
        SALLYPORT_CHECK(!config->driver.node.empty());
        return 0;
    }
    SALLYPORT_CHECK(!config.error().empty());
    for (const auto& problem : config.error()) SALLYPORT_CHECK(!yaml::to_string(problem, "f").empty());
    return 0;
}

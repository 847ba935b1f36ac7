// rooms: yaml observe records io signaling_rpc
// sources: signaling/app/config_file.cpp signaling/app/realm_fields.cpp
// The node file of sallyport-signaling: any bytes become a configuration or problems, each with a sentence.
#include "signaling/app/config_file.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {R"(node: edge-1
shards: 2
realms:
  - name: access
    listeners:
      - {transport: udp, bind: 192.0.2.1:5060, advertise: 198.51.100.1:5060}
      - {transport: tls, bind: "[2001:db8::1]:5061"}
    tls: {certificate: /c.pem, key: /k.pem, ca: /ca.pem}
limits: {calls: 100}
timers: {t1_ms: 500}
dns: {servers: [192.0.2.53]}
records: {directory: /r}
log: {level: info}
)",
            "a: &a [x, x]\nb: &b [*a, *a]\nnode: *b\n", "---\n---\n", "node: [1, {2: 3}]\n"};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = app::read_config(text, 4);
    if (config) {
        SALLYPORT_CHECK(!config->node.empty());
        return 0;
    }
    SALLYPORT_CHECK(!config.error().empty());
    for (const auto& problem : config.error()) SALLYPORT_CHECK(!yaml::to_string(problem, "f").empty());
    return 0;
}

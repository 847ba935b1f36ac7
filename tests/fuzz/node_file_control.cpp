// rooms: yaml observe api
// sources: control/app/options.cpp
// The node file of sallyport-control: any bytes become a configuration or problems, each with a sentence.
#include "control/app/options.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {R"(node: edge-1
oss: {listen: 0.0.0.0:7443, tls: {ca: /ca.pem, certificate: /c.pem, key: /k.pem}, default_role: viewer}
planes: {listen: unix:/run/control.sock, signaling: unix:/run/signaling.sock, media: 127.0.0.1:7000}
store: {file: /var/lib/store.db}
records: {directory: /r}
metrics: {listen: none}
log: {level: debug, format: json, file: /l}
)",
            "a: &a [x, x]\nb: &b [*a, *a]\nnode: *b\n", "---\n---\n", "node: [1, {2: 3}]\n"};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    yaml::Problems problems;
    const auto options = app::parse_options(text, problems);
    if (problems.empty()) {
        SALLYPORT_CHECK(!options.server.node.empty() && !options.store.empty());
        SALLYPORT_CHECK(options.server.planes_listen.starts_with("unix:/"));
    }
    for (const auto& problem : problems) SALLYPORT_CHECK(!yaml::to_string(problem, "f").empty());
    return 0;
}

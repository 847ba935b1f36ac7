// rooms: cli
// The file of `sallyport apply`: any bytes become a request or problems with places; what became a resource can be
// printed as `sallyport get` prints it and read back. Aliases and nesting are bounded, so no input may take long.
#include "control/cli/provision_yaml.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {
        "kind: Trunk\nname: acme\nmode: registration\nrealm: access\nregistration_aor: sip:a@b.example\n"
        "credentials: [{username: acme, password: x, digest_realm: r}]\nnumbers: [\"+4930..+4931\", {first: \"+1\"}]\n"
        "limits: {concurrent_calls: 20, calls_per_second: 2.5}\nmedia: {srtp: off, codecs: [PCMA], port: a}\n"
        "transports: [tls, udp]\ndisabled: true\n",
        "- kind: Carrier\n  name: core\n  targets:\n    - {host: 192.0.2.9, port: 5060, transport: udp}\n"
        "  reroute_statuses: [408, 503]\n- kind: Route\n  name: r\n  prefix: \"\"\n  carriers: [core]\n",
        "kind: Customer\nname: c\nlimits: {burst: 2, calls_per_second: 1}\n",
        "a: &a [x, x]\nb: &b [*a, *a]\nkind: Trunk\n",
        "---\n---\nkind: Route\nname: null\n",
        "{kind: Trunk, kind: Trunk}"};
}

}  // namespace sallyport::test

namespace {

using namespace sallyport;

std::string printed(const cli::pv1::Change& change) {
    if (change.has_put_trunk()) return cli::to_yaml(change.put_trunk());
    if (change.has_put_carrier()) return cli::to_yaml(change.put_carrier());
    if (change.has_put_customer()) return cli::to_yaml(change.put_customer());
    return cli::to_yaml(change.put_route());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (size > 65'536) return 0;
    const auto provision = cli::parse_provision(text);
    if (!provision) {
        SALLYPORT_CHECK(!provision.error().empty());
        for (const auto& problem : provision.error()) SALLYPORT_CHECK(!yaml::to_string(problem, "f").empty());
        return 0;
    }
    const auto& request = provision->request;
    SALLYPORT_CHECK(static_cast<std::size_t>(request.changes_size()) == provision->places.size());
    for (int i = 0; i < request.changes_size(); ++i) {
        const auto field = "changes[" + std::to_string(i) + "].put_trunk.numbers[3].last";
        SALLYPORT_CHECK(cli::locate(*provision, field).has_value());
        const auto again = cli::parse_provision(printed(request.changes(i)));
        if (again) SALLYPORT_CHECK(again->request.changes_size() == 1);  // not when it holds control characters
    }
    (void)cli::locate(*provision, text);
    return 0;
}

// rooms: api
// The subject of a client certificate, RFC 2253: any bytes have some values or none, and what is escaped in a value can
// never give its owner a role.
#include "control/api/authorization.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {"CN=noc,OU=viewer,O=ACME\\, Inc.", "OU=viewer+OU=admin,CN=a", "CN=x\\,OU\\=admin", "OU=", "=,=+\\", "OU"};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using sallyport::api::attribute_values;
    const std::string_view subject(reinterpret_cast<const char*>(data), size);
    std::size_t bytes = 0;
    for (const auto* attribute : {"CN", "OU", ""})
        for (const auto& value : attribute_values(subject, attribute)) bytes += value.size();
    SALLYPORT_CHECK(bytes <= size);

    std::string escaped = "CN=";
    for (const char c : subject) escaped += {'\\', c};
    const auto names = attribute_values(escaped, "CN");
    SALLYPORT_CHECK(names.size() == 1 && names.front() == subject);
    SALLYPORT_CHECK(attribute_values(escaped, "OU").empty());
    return 0;
}

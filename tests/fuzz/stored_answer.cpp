// rooms: api
// A remembered answer as it is read from the store: any bytes are an answer or none, and what is packed is unpacked.
#include "control/api/stored_answer.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {"4 3\n7f3c123reply",           "0 0\n",    "18446744073709551615 2\nabc",
            "1 18446744073709551615\nabc", "-1 1\nab", "1\n2 "};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport::api;
    const std::string_view value(reinterpret_cast<const char*>(data), size);
    if (const auto answer = unpack(value)) {
        SALLYPORT_CHECK(answer->id.size() + answer->fingerprint.size() + answer->reply.size() < size);
        SALLYPORT_CHECK(unpack(pack(*answer)) == answer);
    }
    const StoredAnswer any{std::string(value.substr(0, size / 3)), std::string(value.substr(size / 2)),
                           std::string(value)};
    SALLYPORT_CHECK(unpack(pack(any)) == any);
    return 0;
}

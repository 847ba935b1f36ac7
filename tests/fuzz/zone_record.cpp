// rooms: cli
// RDATA as the command line reads it when it checks a zone: any bytes, read whole or not at all, and shown as text.
#include "control/base/check.h"
#include "control/cli/dns_record.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto type = static_cast<cli::dns::Type>(data[0] % 4);
    const auto record = cli::dns::decode("name.example", type, {data + 1, size - 1});
    if (!record) return 0;
    SALLYPORT_CHECK(record->type == type && record->target.size() < 1025);
    SALLYPORT_CHECK(!record->value().empty());
    return 0;
}

// rooms: io
// RDATA of any type from any bytes: decoded or refused, and what is decoded is a host name that can stand in a message.
#include "signaling/io/dns_rdata.h"

#include <algorithm>

#include "control/base/check.h"

using namespace sallyport;

namespace {

void check_name(const std::string& name) {
    SALLYPORT_CHECK(name.size() <= 253);
    SALLYPORT_CHECK(std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    }));
    SALLYPORT_CHECK(!name.starts_with('.') && !name.ends_with('.'));
    SALLYPORT_CHECK(name.find("..") == name.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    locate::Answer answer;
    const ByteView rdata(data + 1, size - 1);
    const auto type = static_cast<locate::RecordType>(data[0] % 4);
    const bool decoded = io::decode_into(answer, type, rdata).has_value();
    SALLYPORT_CHECK(answer.addresses.size() + answer.srv.size() + answer.naptr.size() == (decoded ? 1u : 0u));
    for (const auto& record : answer.srv) check_name(record.target);
    for (const auto& record : answer.naptr) check_name(record.replacement);
    return 0;
}

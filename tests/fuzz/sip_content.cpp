// rooms: sip
// A body in parts that can be read is written again with another session description, and differs in nothing else.
#include "signaling/sip/content.h"

#include "control/base/check.h"
#include "tests/support/carrying.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

std::vector<std::string> test::fuzz_seeds() {
    return {
        "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b\r\nContent-Type: application/pidf+xml\r\nContent-ID: "
        "<a@b>\r\nContent-Disposition: render;handling=optional\r\n\r\n<presence/>\r\n--b--\r\n",
        "preamble\r\n--b \r\nContent-Type: application/sdp\r\nContent-Length: "
        "5\r\n\r\nv=0\r\n\r\n--b\t\r\n\r\nplain\r\n--b--",
        "--b--", "--b\r\n--b\r\n\r\n--b--"};
}

namespace {

Message carrying(std::string_view body) { return test::carrying("multipart/mixed;boundary=b", body); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0 || size > 60'000) return 0;
    const auto message = carrying({reinterpret_cast<const char*>(data), size});
    const auto content = read_content(message);
    if (!content.has_value()) {
        SALLYPORT_CHECK(!to_string(content.error()).empty() && session_description(message).empty());
        return 0;
    }
    const std::string_view ours = "v=0\r\ns=ours\r\n";
    const auto again = carrying(with_description(message, *content, ours));
    if (again.body().empty()) return 0;
    const auto reread = read_content(again);
    SALLYPORT_CHECK(reread.has_value() && reread->parts.size() == content->parts.size());
    SALLYPORT_CHECK(reread->description == content->description);
    for (std::size_t i = 0; i < content->parts.size(); ++i) {
        const auto &before = content->parts[i], &after = reread->parts[i];
        SALLYPORT_CHECK(before.type == after.type && before.disposition == after.disposition);
        SALLYPORT_CHECK(after.body == (i == content->description ? ours : before.body));
        SALLYPORT_CHECK(before.is_required() == after.is_required());
    }
    return 0;
}

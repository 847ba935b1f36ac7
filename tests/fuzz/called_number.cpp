// rooms: policy sip config base
// corpora: fuzz/pjsip/seed/fuzz-uri
// Any URI against dial plans and tables: what comes out as a global number is one, an emergency is exactly one that is
// provisioned, and reading the result again changes nothing.
#include "control/base/check.h"
#include "control/config/syntax.h"
#include "signaling/policy/numbering.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;

namespace {

config::Numbering plan() {
    config::Numbering n;
    n.dial_plan = {"49", "30", "0", "00", "9", 7, {{"4711", "+4930100"}}, {"112"}};
    n.called_in = {{"0180", 1, "+49"}, {"+490", 4, "+49"}, {"*", 1, ""}};
    n.calling_in = {{"", 0, "+"}};
    return n;
}

void check(const sip::Uri& uri, const config::Numbering& numbering) {
    const auto called = policy::called_number(uri, numbering, "sip.example.net");
    if (called.kind == policy::NumberKind::global) {
        SALLYPORT_CHECK(called.text.size() >= 2 && called.text.size() <= 16 && config::is_prefix(called.text));
        const auto again = sip::parse_uri("sip:" + called.text + "@x");
        SALLYPORT_CHECK(again.has_value());
        SALLYPORT_CHECK(policy::called_number(*again, {}, {}).text == called.text);
    }
    config::Trunk trunk;
    trunk.domain = "sip.example.net";
    trunk.numbering = numbering;
    if (const auto service = policy::emergency_call(uri, trunk))
        SALLYPORT_CHECK(*service == "112" || (uri.scheme == sip::Scheme::urn && *service == "urn:" + uri.user));
    if (const auto calling = policy::calling_number(uri, numbering, "sip.example.net"))
        SALLYPORT_CHECK(calling->size() <= 16 && config::is_prefix(*calling));
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    return {"sip:+4930123456@sip.example.net;user=phone",
            "tel:+49-30-(12).3;ext=5",
            "sip:9030123@x",
            "sip:112@x",
            "sip:9112@x",
            "urn:service:sos.fire",
            "tel:4711;phone-context=sip.example.net",
            "sip:7042;phone-context=+4930@x;user=phone",
            "sip:%2B4930;npdi;rn=+49@x",
            "sip:*21%23@x",
            "sip:0180555@x",
            "urn:service:sos"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto uri = sip::parse_uri(std::string_view(reinterpret_cast<const char*>(data), size));
    if (!uri.has_value()) return 0;
    check(*uri, {});
    check(*uri, plan());
    (void)policy::has_phone_context(*uri);
    return 0;
}

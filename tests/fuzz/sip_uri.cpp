// rooms: sip
// corpora: fuzz/pjsip/seed/fuzz-uri
// A URI that parses is written and read back equal, is equivalent to itself, and names an E.164 number or none.
#include "signaling/sip/uri.h"

#include "control/base/check.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

std::vector<std::string> test::fuzz_seeds() {
    return {"sip:alice:pw@atlanta.com:5061;transport=tcp;lr?subject=x&p=%20",
            "sips:[2001:db8::1]:5061;maddr=192.0.2.1",
            "tel:+1-201-555-0123;phone-context=+1;ext=5",
            "urn:service:sos.fire",
            "soap.beep://192.0.2.103:3002",
            "sip:+12145550100;npdi;rn=%2B1@h;user=phone",
            "sip:[2001:db8:::192.0.2.1]"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto uri = parse_uri(text);
    if (!uri.has_value()) {
        SALLYPORT_CHECK(!to_string(uri.error()).empty());
        return 0;
    }
    const std::string written = uri->text();
    const auto again = parse_uri(written);
    SALLYPORT_CHECK(again.has_value() && *again == *uri && again->text() == written);
    SALLYPORT_CHECK(equivalent(*uri, *again));
    SALLYPORT_CHECK(written.find_first_of("\r\n <>\"") == std::string::npos);
    if (const auto number = e164(*uri)) {
        SALLYPORT_CHECK(number->size() >= 2 && number->size() <= 16 && number->front() == '+');
        SALLYPORT_CHECK(number->find_first_not_of("0123456789", 1) == std::string::npos);
    }
    (void)uri->host_address();
    // Equivalence is symmetric: the first half against the second.
    const auto a = parse_uri(text.substr(0, size / 2)), b = parse_uri(text.substr(size / 2));
    if (a.has_value() && b.has_value()) SALLYPORT_CHECK(equivalent(*a, *b) == equivalent(*b, *a));
    return 0;
}

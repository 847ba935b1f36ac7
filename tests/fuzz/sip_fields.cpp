// rooms: sip
// corpora: fuzz/pjsip/seed/fuzz-sip-dialog
// Every pure field parser on any text; what can be written again reads back equal.
#include "signaling/sip/fields.h"

#include "control/base/check.h"
#include "signaling/sip/limits.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

void check_via(std::string_view text) {
    const auto via = parse_via(text);
    if (via.has_error()) return;
    SALLYPORT_CHECK(!via->host.empty() && via->parameters.all().size() <= limits::parameters);
    const auto again = parse_via(via->text());
    SALLYPORT_CHECK(again.has_value() && again->host == via->host && again->port == via->port);
    SALLYPORT_CHECK(again->parameters == via->parameters && again->transport == via->transport);
}

void check_name_addr(std::string_view text) {
    const auto address = parse_name_addr(text);
    const auto view = view_name_addr(text);
    SALLYPORT_CHECK(view.has_value() == address.has_value());
    if (address.has_error()) return;
    SALLYPORT_CHECK(view->tag == address->tag() && view->uri.user == address->uri.user);
    for (const auto& parameter : address->parameters.all())
        SALLYPORT_CHECK(parameter.quoted || view->parameters.value(parameter.name) == parameter.value);
    const std::string written = address->text();
    if (written.size() > limits::field_bytes) return;  // escapes made it longer than a field may be
    const auto again = parse_name_addr(written);
    SALLYPORT_CHECK(again.has_value() && again->display_name == address->display_name);
    SALLYPORT_CHECK(again->uri == address->uri && again->parameters == address->parameters);
}

void check_list(std::string_view text) {
    std::string joined;
    const auto values = split_list(text);
    for (const auto value : values) joined.append(joined.empty() ? "" : ", ").append(value);
    if (split_list(joined) != values)
        SALLYPORT_CHECK(values.size() > 1 || joined.find_first_of("\"<\\") != std::string::npos);
    for (const auto value : values) SALLYPORT_CHECK(!value.empty());
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    return {"SIP / 2.0 / UDP [2001:db8::1] : 5060 ; branch = z9hG4bK1 ; received=[::1];rport",
            "\"A \\\" B\" <sip:a@b;lr>;tag=1;+x=\"<y>\"",
            "caller<sip:a@b>;q=0.5",
            "sip:a@b;tag=x",
            "1 INVITE",
            "776656 1 INVITE",
            "application/sdp;charset=utf-8",
            "a, \"b,c\" <d,e>;f=g,,",
            "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", "
            "response=\"d41d8cd98f00b204e9800998ecf8427e\", qop=auth, nc=00000001, cnonce=\"c\"",
            "3600;refresher=uac"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_via(text);
    check_name_addr(text);
    check_list(text);
    if (const auto cseq = parse_cseq(text)) SALLYPORT_CHECK(cseq->number < 0x8000'0000u && is_token(cseq->method_text));
    if (const auto rack = parse_rack(text)) SALLYPORT_CHECK(rack->cseq < 0x8000'0000u);
    if (const auto type = parse_media_type(text)) SALLYPORT_CHECK(type->is(type->type + "/" + type->subtype));
    if (const auto credentials = parse_credentials(text)) SALLYPORT_CHECK(is_token(credentials->scheme));
    (void)parse_challenge(text);
    (void)parse_number(text);
    if (const auto parameters = parse_parameters(text)) {
        const auto again = parse_parameters(parameters->text());
        SALLYPORT_CHECK(again.has_value() && *again == *parameters);
    }
    if (size < limits::field_bytes / 3) {
        const auto quoted = parse_parameters(";v=" + quote(text));
        SALLYPORT_CHECK(quoted.has_value() && quoted->value("v") == std::optional<std::string_view>(text));
    }
    return 0;
}

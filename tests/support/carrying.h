// An INVITE with a body, for what reads bodies: unit test and fuzz target.
#pragma once

#include <string_view>

#include "control/base/check.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/parser.h"

namespace sallyport::test {

inline sip::Message carrying(std::string_view type, std::string_view body, std::string_view disposition = {}) {
    using sip::HeaderName;
    auto composer = sip::Composer::request("INVITE", "sip:112@h");
    composer.add(HeaderName::via, "SIP/2.0/TCP h;branch=z9hG4bKa")
        .add(HeaderName::from, "<sip:a@h>;tag=1")
        .add(HeaderName::to, "<sip:112@h>")
        .add(HeaderName::call_id, "c")
        .add(HeaderName::cseq, "1 INVITE");
    if (!disposition.empty()) composer.add(HeaderName::content_disposition, disposition);
    auto parsed = sip::Parser::parse(composer.finish(type, body));
    SALLYPORT_CHECK(parsed.has_value());
    return std::move(*parsed);
}

}  // namespace sallyport::test

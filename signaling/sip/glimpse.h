// What can be told from the octets of a message before it is parsed: enough to say what it is worth, and to refuse it
// for next to nothing (RFC 3261 8.2.6, 20.33). Judges no grammar: what a glimpse says of a broken message may be
// nonsense.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "control/base/endpoint.h"

namespace sallyport::sip {

struct Glimpse {
    static constexpr std::size_t most_vias = 16;  // more cannot be answered from a glimpse

    bool response = false;
    std::string_view method, request_uri;  // as spelled; of a response: empty
    std::array<std::string_view, most_vias> vias{};
    std::size_t via_count = 0;
    std::string_view from, to, call_id, cseq;
    std::string_view to_tag;   // empty, but at its place in `to`, where a tag has no value
    bool credentials = false;  // Authorization or Proxy-Authorization
    bool esnet = false;        // Resource-Priority of the emergency services network, RFC 7135

    bool answerable() const {
        return via_count > 0 && via_count <= most_vias && !from.empty() && !to.empty() && !call_id.empty() &&
               !cseq.empty();
    }
};
// Total; looks at no more than `limits::header_fields` lines. Everything points into `bytes`.
Glimpse glimpse(std::string_view bytes);

// A 503 with Retry-After from a template; the To tag is `mark` and what the request alone determines, so that its
// repetition gets the same (RFC 3261 8.2.7) and its ACK can be told at a glance. Nothing when it cannot be answered.
struct BriefRefusal {
    std::string text;
    std::string via;  // top value of the answer, for routing it
};
std::optional<BriefRefusal> refuse_briefly(const Glimpse& request, const Endpoint& source, std::string_view mark,
                                           std::string_view retry_after);

}  // namespace sallyport::sip

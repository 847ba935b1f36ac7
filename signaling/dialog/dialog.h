// One dialog at one leg: RFC 3261 12. Identity, sequence numbers, route set, remote target. A plain value that can be
// written out and read back; sends nothing itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"
#include "signaling/transaction/flow.h"

namespace sallyport::dialog {

struct DialogId {
    std::string call_id, local_tag, remote_tag;
    friend bool operator==(const DialogId&, const DialogId&) = default;
    friend auto operator<=>(const DialogId&, const DialogId&) = default;
};

enum class SequenceCheck : std::uint8_t { in_order, too_low };

struct Dialog {
    DialogId id;
    std::string local_uri, remote_uri;   // From/To values without tag, with < >
    std::string remote_target;           // Contact URI of the peer: Request-URI of what we send
    std::vector<std::string> route_set;  // Route values, in the order we send them
    std::uint32_t local_cseq = 0;
    std::optional<std::uint32_t> remote_cseq;
    Flow flow;  // the peer's flow; streams: the connection it uses
    std::string tls_name;
    bool confirmed = false;

    // From a request received (we are UAS, RFC 3261 12.1.1) or a response to our request (UAC, 12.1.2), as our Composer
    // wrote that.
    static Dialog as_uas(const sip::Message& request, const Flow& flow, std::string local_tag);
    static Dialog as_uac(std::string_view request, const sip::Message& response, const Flow& flow,
                         std::string tls_name);
    static Dialog as_uac(const sip::Message& request, const sip::Message& response, const Flow& flow,
                         std::string tls_name) {
        return as_uac(request.text(), response, flow, std::move(tls_name));
    }

    // RFC 3261 12.2.2: remembers a higher CSeq; an equal one is in order (a request sent again over another flow). An
    // ACK carries its INVITE's number and moves nothing.
    SequenceCheck check_sequence(const sip::Message& request);
    // RFC 3261 12.2.1.2 / 12.2.2: a target refresh (re-INVITE, UPDATE and their 2xx) moves the remote target.
    void refresh_target(const sip::Message& message);

    // Start of a request within the dialog: Request-URI, Via, Max-Forwards, From, To, Call-ID, CSeq, Route
    // (RFC 3261 12.2.1.1, loose and strict routers). The caller adds the rest and finishes it. Increments local_cseq
    // except for ACK and CANCEL, which take `cseq` (that of the INVITE).
    sip::Composer request(std::string_view method, std::string_view via, std::optional<std::uint32_t> cseq = {});
    // The next hop's URI: first Route, else remote target. For peers without a connection.
    std::string_view next_hop() const;
};

}  // namespace sallyport::dialog

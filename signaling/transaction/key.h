// What tells transactions apart, as text: RFC 3261 17.1.3 and 17.2.3, with the rules for RFC 2543 peers, whose branch
// does not begin with the magic cookie. Compares nothing itself; the tables do.
#pragma once

#include <string>
#include <string_view>

#include "signaling/sip/message.h"

namespace sallyport::transaction {

inline constexpr std::string_view magic_cookie = "z9hG4bK";

// The key of the server transaction this request belongs to. An ACK gives that of its INVITE.
std::string server_key(const sip::Message& request);
// The same as if the method were another: what a CANCEL is matched by (RFC 3261 9.2).
std::string server_key_as(const sip::Message& request, std::string_view method);
// The same from its method and top Via alone; empty where that is not enough (RFC 2543 peers).
std::string server_key_of(std::string_view method, const sip::ViaView& top_via);
// RFC 3261 17.1.3: our own branches are unique, the method parts an INVITE from its CANCEL.
std::string client_key(std::string_view branch, std::string_view method);
// Equal for one request that came over two paths (RFC 3261 8.2.2.2). The Request-URI takes part: a proxy that forks or
// spirals to another number makes a new call, not a merged one. Empty for requests within a dialog.
std::string merge_key(const sip::Message& request);
// The same from what it is made of, of a request outside of a dialog.
std::string merge_key_of(std::string_view method, std::string_view cseq_number, std::string_view from_tag,
                         std::string_view call_id, std::string_view request_uri);

}  // namespace sallyport::transaction

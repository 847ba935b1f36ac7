// Answers to ping, RFC 792 and RFC 4443 section 4: the request's own frame becomes the reply. Answers nothing that
// was not sent to a unicast address, on the link as well as above it.
#pragma once

#include "control/base/bytes.h"
#include "media-plane/dpdk/frame.h"

namespace sallyport::media::dpdk {

bool is_echo_request(ByteView bytes, const Frame& frame);  // with a right checksum and no IPv4 options
// Precondition: is_echo_request. Same length, to whoever sent it.
void turn_into_echo_reply(ByteSpan bytes, const Frame& frame, const LinkAddress& ours);

}  // namespace sallyport::media::dpdk

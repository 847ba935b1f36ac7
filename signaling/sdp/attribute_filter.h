// Which attributes of one party the other may see. Private to the room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "signaling/sdp/session_description.h"

namespace sallyport::sdp {

class AttributeFilter {
public:
    template <class Text>
    explicit AttributeFilter(const BasicDescription<Text>& source);
    // False for what describes the other party's transport, keys or place, what we write ourselves (rtpmap, fmtp,
    // direction, rtcp, crypto), and whatever holds an IP address or one of the other side's host names.
    bool crosses(std::string_view name, std::string_view value) const;
    bool betrays(std::string_view text) const;  // an address or a host name of the other side inside `text`

private:
    std::vector<std::string> hosts_;
};

}  // namespace sallyport::sdp

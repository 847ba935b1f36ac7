// The session timer of one dialog: RFC 4028. What we ask of the peer, what a peer's request is answered, and when who
// renews. Each leg of a call has its own. A plain value; all times in seconds; starts no timer itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "control/base/time.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/message.h"

namespace sallyport::dialog {

inline constexpr std::uint32_t least_session_seconds = 90;  // RFC 4028 4

struct SessionTimerPolicy {
    std::uint32_t seconds = 1800;  // asked for, and granted at most; 0: what the peer asks for, and none without
    std::uint32_t min_seconds = least_session_seconds;
};

struct SessionExpires {  // the field: RFC 4028 4
    enum class Refresher : std::uint8_t { unsaid, uac, uas };
    std::uint32_t seconds = 0;
    Refresher refresher = Refresher::unsaid;
    static std::optional<SessionExpires> parse(std::string_view value);
};

class SessionTimer {
public:
    enum class Role : std::uint8_t { none, renew, expect };  // nobody has a timer; we renew; the peer does

    // As UAC: what an INVITE or UPDATE of ours says, to a peer that has not shown that it knows the extension only that
    // we do (SIPconnect 6). `established`: within the dialog, where the roles are kept.
    void ask(const SessionTimerPolicy& policy, bool established, sip::Composer& request);
    // The 2xx to it. A peer without the extension is asked on by us alone (RFC 4028 7.2), and hears nothing of it.
    void heard_ok(const sip::Message& ok);
    // The 422 to it: true when asking again, for longer, may help.
    bool heard_too_small(const sip::Message& refusal);

    // As UAS. True: the request asks for less than we take, or have agreed to before, and its sender can be told so by
    // 422 (RFC 4028 9).
    bool is_too_small(const SessionTimerPolicy& policy, const sip::Message& request) const;
    // What the 2xx says.
    void answer(const SessionTimerPolicy& policy, const sip::Message& request, sip::Composer& ok);

    Role role() const { return role_; }
    std::uint32_t seconds() const { return seconds_; }
    bool peer_knows() const { return peer_knows_; }
    // From the last renewal: to our next one, or to the moment at which the peer has missed its own (RFC 4028 10).
    Duration due() const;
    void restore(Role role, std::uint32_t seconds, bool peer_knows);

private:
    Role role_ = Role::none;
    std::uint32_t seconds_ = 0, asked_ = 0, least_ = least_session_seconds;
    std::uint8_t rises_ = 0;  // of least_
    bool peer_knows_ = false;
};

}  // namespace sallyport::dialog

// The call's session on the media plane: which ports it has there, which reply is awaited, whether it still exists.
// Makes commands; knows no SIP. Commands carry a token; a reply with another one than the awaited is old and means
// nothing.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "signaling/b2bua/media.h"

namespace sallyport::b2bua {

class MediaSession {
public:
    enum class State : std::uint8_t { none, allocating, ready, releasing, gone };
    // confirmation: of programming that no step of the call waits for.
    enum class Awaited : std::uint8_t { nothing, ports, programmed, confirmation, statistics };
    struct Place {         // of one side
        std::string port;  // media port
        Family family = Family::none;
    };

    MediaCommand allocate(CallId call, std::string session, Place a, Place b, std::uint32_t streams,
                          std::uint32_t inactivity_seconds, std::string label, std::string trunk);
    // Before allocate(): somebody calls for help.
    void be_emergency() { base_.emergency = true; }
    // The same call on other ports: a new session; the old one is released without waiting.
    std::vector<MediaCommand> reallocate(std::string session, Place b);
    bool fits(const Place& b) const;  // side b of what is allocated
    MediaCommand grow(std::uint32_t streams);
    MediaCommand program(std::vector<MediaLeg> legs, bool wait_for_reply);
    MediaCommand release();
    // After a restart of the media plane: the same session again, on the same ports if they are free, its keys used as
    // far as was heard, its legs latched where they were seen.
    MediaCommand restore(std::vector<MediaLeg> legs);

    // A session that another process of ours had: as it was when it was written down.
    void adopt(MediaCommand allocated, std::vector<MediaLocal> local, std::vector<KeyUse> used,
               std::vector<MediaLatched> latched);
    const MediaCommand& allocated() const { return base_; }

    // What the reply answers; nothing if it is not awaited.
    Awaited on_reply(const MediaReply& reply);
    // What the last reply told of keys and latches is worth writing down before anything else is done; asked once.
    bool take_news() { return std::exchange(news_, false); }
    // True if an SSRC that is received has come half a turn of its sequence numbers further, or one that is sent, or an
    // SRTCP index, a part of the margin that the media plane leaves out behind what it is told: worth writing down.
    bool on_key_use(KeyUse used);
    // True if that is news: worth writing down.
    bool on_latched(const MediaLatched& latched);
    // The call is: the media plane is told with the next command.
    void on_answer() { base_.answered = true; }
    // The awaited reply will not come.
    void give_up() { awaited_ = Awaited::nothing; }
    void lost() { state_ = State::gone; }

    State state() const { return state_; }
    Awaited awaited() const { return awaited_; }
    // What the call last said about its legs may not have reached the plane.
    bool is_behind() const { return behind_; }
    bool exists() const { return state_ == State::allocating || state_ == State::ready; }
    bool ports_kept() const { return ports_kept_; }  // after a restore: the same as before
    const std::string& key() const { return base_.session; }
    const std::vector<MediaLocal>& local() const { return local_; }
    const std::vector<KeyUse>& key_use() const { return used_; }           // at most one a leg
    const std::vector<MediaLatched>& latched() const { return latched_; }  // likewise
    std::uint32_t streams() const { return base_.streams; }                // asked for
    std::uint32_t ports() const;                                           // streams that there are ports for

private:
    MediaCommand command(MediaVerb verb, Awaited awaited);
    void forget_latch(const MediaLeg& leg);
    void give_back_latch(MediaLeg& leg);

    MediaCommand base_;  // what allocate said
    State state_ = State::none;
    Awaited awaited_ = Awaited::nothing;
    std::uint64_t token_ = 0;  // last one used
    std::uint64_t awaited_token_ = 0;
    std::vector<MediaLocal> local_;
    std::vector<KeyUse> used_;
    std::vector<MediaLatched> latched_;
    bool latches_lost_ = false;  // by a restart: those of legs on hold then are still to be given back
    bool restoring_ = false, ports_kept_ = true;
    bool news_ = false;
    bool behind_ = false, anew_ = false;  // anew: what is awaited answers a restore
};

}  // namespace sallyport::b2bua

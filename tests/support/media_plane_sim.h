// A media plane that exists only as answers: ports for sessions, and every mood a real one can be in.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "signaling/b2bua/media.h"

namespace sallyport::test {

class MediaPlaneSim {
public:
    enum class Mood { well, refusing, silent };

    // What it replies, if it does.
    std::optional<b2bua::MediaReply> answer(const b2bua::MediaCommand& command);
    // After a restart: a new incarnation without sessions.
    b2bua::MediaState restarted();
    b2bua::MediaState state() const;

    struct Session {
        b2bua::MediaCommand allocated;
        std::map<std::pair<std::uint32_t, b2bua::Side>, b2bua::MediaLeg> legs;  // merged over all commands
        std::vector<b2bua::MediaLocal> local;
    };
    Mood mood = Mood::well;
    bool up = true;
    bool full = false;  // but for emergencies
    b2bua::MediaFeatures features;
    std::map<std::string, Session> sessions;
    std::vector<b2bua::MediaCommand> commands;  // all of them, in order
    std::size_t keep_commands = 1'000;          // simulations keep few

private:
    static constexpr std::uint32_t srtcp_margin = 65'536;
    static b2bua::KeyUse resumed(b2bua::KeyUse used);
    b2bua::MediaReply allocate(const b2bua::MediaCommand& command);
    b2bua::MediaReply modify(const b2bua::MediaCommand& command);
    b2bua::MediaReply release(const b2bua::MediaCommand& command);
    void add_streams(Session& session, std::uint32_t wanted);
    std::uint16_t take_port(const IpAddress& address);
    void merge(Session& session, const std::vector<b2bua::MediaLeg>& legs);

    std::uint64_t incarnation_ = 1;
    std::uint16_t next_port_ = 20'000;
    std::set<Endpoint> taken_;  // for RTP; the next one is its RTCP's
};

}  // namespace sallyport::test

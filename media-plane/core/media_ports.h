// The media ports of one lcore: their addresses, the UDP ports it may hand out on them, and who listens where.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "control/base/random.h"
#include "media-plane/core/leg_table.h"
#include "media-plane/core/pipeline.h"
#include "media-plane/core/port_pool.h"
#include "media-plane/core/session.h"

namespace sallyport::media {

class MediaPorts {
public:
    // `emergency_pairs` of each media port, an eighth of its block at most, are for sessions of emergencies alone.
    MediaPorts(const std::vector<MediaPortConfig>& configs, std::size_t emergency_pairs, RandomSource& random);

    // By name and family (none: the port's first address); nothing if there is no such.
    std::optional<SessionSide> find(std::string_view name, Family family) const;
    // Streams `first` up to `session.streams` + `count`, each with a pair on both sides; `wishes` are met where free.
    // False: a media port has too few pairs left that this session may have, and none was taken for good.
    bool add_streams(Session& session, std::uint32_t count, std::span<const LocalEndpoint> wishes, TimePoint now);
    void close(Session& session, TimePoint now);

    std::span<const LegTable> tables() const { return tables_; }
    const std::vector<std::array<IpAddress, 3>>& own_addresses() const { return own_; }  // by port and family
    const PortPool& pool(MediaPortIndex port) const { return pools_[port]; }
    std::size_t reserved(MediaPortIndex port) const { return reserved_[port]; }
    // That a session may have by now: all others than emergencies share what is not reserved.
    std::size_t left(MediaPortIndex port, bool emergency) const;
    std::size_t resting(MediaPortIndex port, TimePoint now) { return pools_[port].resting(now); }

private:
    bool open(Leg& leg, const SessionSide& side, std::span<const LocalEndpoint> wishes, TimePoint now);
    void close(Leg& leg, TimePoint now);

    std::vector<MediaPortConfig> configs_;
    std::vector<PortPool> pools_;
    std::vector<std::size_t> reserved_, ordinary_;  // pairs: for emergencies; that all others have
    std::vector<LegTable> tables_;
    std::vector<std::array<IpAddress, 3>> own_;
};

}  // namespace sallyport::media

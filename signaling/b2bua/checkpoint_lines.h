// The lines of a checkpoint by name, in order: "name=value", the value escaped (b2bua/checkpoint writes them).
// Remembers whether anything that had to be there was missing or malformed. Knows no call.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/time.h"
#include "signaling/b2bua/heard_description.h"
#include "signaling/sdp/session_description.h"

namespace sallyport::b2bua {

class CheckpointLines {
public:
    static constexpr std::size_t most_bytes = 262'144;  // four full session descriptions and what goes with them
    static constexpr std::string_view head = "sallyport-call 2\n";

    explicit CheckpointLines(std::string_view text);
    bool complete() const { return complete_; }
    void spoil() { complete_ = false; }
    const std::vector<std::string>& all(const std::string& name) const;
    bool has(const std::string& name) const { return !all(name).empty(); }

    // What is not there, or not of its kind, spoils the whole.
    std::string text(const std::string& name);
    std::uint64_t number(const std::string& name);
    bool flag(const std::string& name) { return text(name) == "1"; }
    Family family(const std::string& name);
    Endpoint endpoint(const std::string& name);  // may be empty
    TimePoint instant(const std::string& name) { return TimePoint(Duration(static_cast<std::int64_t>(number(name)))); }
    // These may be absent.
    std::optional<sdp::SessionDescription> description(const std::string& name);
    HeardDescription heard(const std::string& name);

private:
    std::map<std::string, std::vector<std::string>> values_;
    bool complete_ = false;
};

}  // namespace sallyport::b2bua

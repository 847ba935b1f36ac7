// Which session a capture is of. Its name, "CLIENT SESSION", or the label of its call; the label is a peer's Session-ID
// (RFC 7989), which two calls may share and a peer may choose, so that a name goes before it and of several none is
// taken. Pure: it is shown all sessions, one after the other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "media-plane/core/commands.h"

namespace sallyport::media::rpc {

class CaptureChoice {
public:
    static constexpr std::size_t most_candidates = 8;  // that are named; the others are counted

    explicit CaptureChoice(std::string wanted) : wanted_(std::move(wanted)) {}

    void show(const SessionStatistics& session);
    // The one that is meant; nothing: there is none, or there are several.
    const SessionStatistics* session() const;
    bool ambiguous() const { return best().count > 1; }
    // Which they are, and how to ask for one.
    std::string candidates() const;

private:
    struct Found {
        std::optional<SessionStatistics> first;
        std::size_t count = 0;
        std::vector<SessionKey> keys;
    };
    const Found& best() const { return by_name_.count > 0 ? by_name_ : by_label_; }
    std::string wanted_;
    Found by_name_, by_label_;
};

}  // namespace sallyport::media::rpc

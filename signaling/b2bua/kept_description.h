// A session description that we have made, kept for the next offer: taken apart while it is worked with, as its text
// while the call rests. Copies share it. Used like an optional value that cannot be changed, only replaced.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "signaling/sdp/session_description.h"

namespace sallyport::b2bua {

class KeptDescription {
public:
    KeptDescription() = default;
    KeptDescription& operator=(sdp::SessionDescription description) {
        open_ = std::make_shared<const sdp::SessionDescription>(std::move(description));
        text_.reset();
        return *this;
    }
    KeptDescription& operator=(std::optional<sdp::SessionDescription> description) {
        if (!description) return reset(), *this;
        return *this = std::move(*description);
    }
    void reset() {
        open_.reset();
        text_.reset();
    }
    bool has_value() const { return open_ || text_; }
    explicit operator bool() const { return has_value(); }
    const sdp::SessionDescription& operator*() const { return opened(); }
    const sdp::SessionDescription* operator->() const { return &opened(); }

    // A fifth of the room; the next look at it parses it. The same description, whichever way it is kept. `same`: a
    // text that somebody keeps anyway, shared if it is this one's.
    void rest(const std::shared_ptr<const std::string>& same = nullptr);

private:
    const sdp::SessionDescription& opened() const;
    mutable std::shared_ptr<const sdp::SessionDescription> open_;
    std::shared_ptr<const std::string> text_;  // of it, once it has rested; it may hold keys: never logged
};

}  // namespace sallyport::b2bua

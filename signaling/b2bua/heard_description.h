// A session description as its party sent it, kept for the next offer: its text, and what the text says while somebody
// works with it. Copies share both. Used like an optional value that cannot be changed, only replaced.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "signaling/sdp/session_description.h"

namespace sallyport::b2bua {

class HeardDescription {
public:
    static Result<HeardDescription, sdp::SdpError> read(std::string_view text);

    bool has_value() const { return text_ != nullptr; }
    explicit operator bool() const { return has_value(); }
    const sdp::DescriptionView& operator*() const { return opened(); }
    const sdp::DescriptionView* operator->() const { return &opened(); }
    const std::string& text() const { return *text_; }  // holds the party's keys: never log it

    void rest() { open_.reset(); }  // takes less room; the next look reads the text again

private:
    const sdp::DescriptionView& opened() const;
    std::shared_ptr<const std::string> text_;
    mutable std::shared_ptr<const sdp::DescriptionView> open_;  // views of *text_
};

}  // namespace sallyport::b2bua

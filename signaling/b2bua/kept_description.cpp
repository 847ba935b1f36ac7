#include "signaling/b2bua/kept_description.h"

#include "control/base/check.h"

namespace sallyport::b2bua {

void KeptDescription::rest() {
    if (!open_) return;
    if (text_.empty()) {
        text_ = sdp::write(*open_);
        text_.shrink_to_fit();
    }
    open_.reset();
}

const sdp::SessionDescription& KeptDescription::opened() const {
    if (!open_) {
        auto parsed = sdp::parse(text_);
        SALLYPORT_CHECK(parsed.has_value());  // what is written is read back equal
        open_ = std::make_shared<const sdp::SessionDescription>(std::move(*parsed));
    }
    return *open_;
}

}  // namespace sallyport::b2bua

#include "signaling/b2bua/kept_description.h"

#include "control/base/check.h"

namespace sallyport::b2bua {

void KeptDescription::rest(const std::shared_ptr<const std::string>& same) {
    if (!open_) return;
    if (!text_) {
        const std::string text = sdp::write(*open_);
        // Who writes descriptions at the edge of what is read makes ours longer than that; it stays as it is.
        const auto again = sdp::parse(text);
        if (!again || *again != *open_) return;
        text_ = same && *same == text ? same : std::make_shared<const std::string>(text);
    }
    open_.reset();
}

const sdp::SessionDescription& KeptDescription::opened() const {
    if (!open_) {
        auto parsed = sdp::parse(*text_);
        SALLYPORT_CHECK(parsed.has_value());  // rest() has seen it read back equal
        open_ = std::make_shared<const sdp::SessionDescription>(std::move(*parsed));
    }
    return *open_;
}

}  // namespace sallyport::b2bua

#include "signaling/b2bua/heard_description.h"

#include <utility>

#include "control/base/check.h"

namespace sallyport::b2bua {

Result<HeardDescription, sdp::SdpError> HeardDescription::read(std::string_view text) {
    HeardDescription out;
    out.text_ = std::make_shared<const std::string>(text);
    auto view = sdp::view(*out.text_);
    if (!view) return view.error();
    out.open_ = std::make_shared<const sdp::DescriptionView>(std::move(*view));
    return out;
}

const sdp::DescriptionView& HeardDescription::opened() const {
    if (!open_) {
        auto view = sdp::view(*text_);
        SALLYPORT_CHECK(view.has_value());  // it was read before
        open_ = std::make_shared<const sdp::DescriptionView>(std::move(*view));
    }
    return *open_;
}

}  // namespace sallyport::b2bua

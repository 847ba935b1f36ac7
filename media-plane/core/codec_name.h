// The encoding name of a codec, as SDP has it: nearly all are short, and tens of thousands of legs have one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace sallyport::media {

class CodecName {
public:
    // At most 255 octets (media-plane/rpc permits 32).
    void set(std::string_view name) {
        size_ = static_cast<std::uint8_t>(std::min<std::size_t>(name.size(), 255));
        long_ = size_ > short_.size() ? std::make_unique<char[]>(size_) : nullptr;
        std::copy_n(name.begin(), size_, long_ ? long_.get() : short_.data());
    }
    std::string_view view() const { return {long_ ? long_.get() : short_.data(), size_}; }

private:
    std::array<char, 7> short_{};
    std::uint8_t size_ = 0;
    std::unique_ptr<char[]> long_;
};

}  // namespace sallyport::media

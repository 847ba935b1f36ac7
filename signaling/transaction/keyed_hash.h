// SipHash over text, for tables whose keys strangers choose: without the seed nobody can aim for one bucket. Not a
// message authentication of anything sent out.
#pragma once

#include <cstddef>
#include <string_view>

#include "control/base/random.h"
#include "control/base/sip_hash.h"

namespace sallyport::transaction {

class KeyedHash {
public:
    using is_transparent = void;  // tables are searched by string_view, without a copy
    using Wide = SipHash::Wide;

    explicit KeyedHash(RandomSource& random) : hash_(seed(random)) {}
    // Not noexcept: libstdc++ then keeps the hash beside each key, instead of hashing every key that it walks past.
    std::size_t operator()(std::string_view text) const { return static_cast<std::size_t>(hash_.narrow(text)); }
    Wide wide(std::string_view text) const { return hash_.wide(text); }

private:
    static SipHash::Key seed(RandomSource& random) {
        SipHash::Key key{};
        random.fill(key);
        return key;
    }
    SipHash hash_;
};

}  // namespace sallyport::transaction

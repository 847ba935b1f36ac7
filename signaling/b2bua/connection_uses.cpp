#include "signaling/b2bua/connection_uses.h"

namespace sallyport::b2bua {

void ConnectionUses::add(std::uint64_t connection) {
    Stripe& s = stripe(connection);
    const std::lock_guard lock(s.mutex);
    ++s.uses[connection];
}

void ConnectionUses::remove(std::uint64_t connection) {
    Stripe& s = stripe(connection);
    const std::lock_guard lock(s.mutex);
    const auto found = s.uses.find(connection);
    if (found != s.uses.end() && --found->second == 0) s.uses.erase(found);
}

bool ConnectionUses::in_use(std::uint64_t connection) const {
    const Stripe& s = stripe(connection);
    const std::lock_guard lock(s.mutex);
    return s.uses.contains(connection);
}

}  // namespace sallyport::b2bua

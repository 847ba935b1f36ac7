#include "signaling/io/gathering.h"

namespace sallyport::io {

void Gathering::add(Gathered& socket) {
    sockets_.push_back(&socket);
    if (sockets_.size() > 1) return;
    timer_.expires_after(span);
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) end();
    });
}

void Gathering::end() {
    due_.swap(sockets_);
    for (Gathered* socket : due_) socket->look_again();
    due_.clear();
}

}  // namespace sallyport::io

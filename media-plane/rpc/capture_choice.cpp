#include "media-plane/rpc/capture_choice.h"

namespace sallyport::media::rpc {

void CaptureChoice::show(const SessionStatistics& session) {
    const bool by_name = session.key.session == wanted_ || session.key.client + ' ' + session.key.session == wanted_;
    if (!by_name && session.call != wanted_) return;
    Found& found = by_name ? by_name_ : by_label_;
    if (found.count++ == 0) found.first = session;
    if (found.keys.size() < most_candidates) found.keys.push_back(session.key);
}

const SessionStatistics* CaptureChoice::session() const { return best().count == 1 ? &*best().first : nullptr; }

std::string CaptureChoice::candidates() const {
    std::string text = std::to_string(best().count) + " media sessions are meant by that: ";
    for (std::size_t i = 0; i < best().keys.size(); ++i)
        text += (i == 0 ? "\"" : ", \"") + best().keys[i].client + ' ' + best().keys[i].session + '"';
    if (best().count > best().keys.size())
        text += " and " + std::to_string(best().count - best().keys.size()) + " more";
    return text + "; ask for one of them";
}

}  // namespace sallyport::media::rpc

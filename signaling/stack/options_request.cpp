#include "signaling/stack/options_request.h"

#include "signaling/b2bua/next_hop.h"

namespace sallyport::stack {

std::string options_request(b2bua::Context& cx, const Flow& flow, std::string_view uri) {
    using sip::HeaderName;
    constexpr std::size_t call_id_tries = 256;
    const Realm& realm = cx.realm(flow.realm);
    const std::string to = "<" + std::string(uri) + ">", contact = b2bua::contact_of(realm, flow);
    std::string call_id = cx.random.token(16);
    for (std::size_t i = 0; i < call_id_tries && !cx.settings.is_home(call_id); ++i) call_id = cx.random.token(16);
    auto options = sip::Composer::request("OPTIONS", uri);
    options.add(HeaderName::via, b2bua::via_of(realm, flow, cx.layer.new_branch()))
        .add(HeaderName::max_forwards, "70")
        .add(HeaderName::from, contact + ";tag=" + cx.random.token(8))
        .add(HeaderName::to, to)
        .add(HeaderName::call_id, call_id)
        .add(HeaderName::cseq, "1 OPTIONS")
        .add(HeaderName::contact, contact)
        .add(HeaderName::accept, "application/sdp")
        .add(HeaderName::user_agent, cx.settings.server_header);
    return options.finish();
}

}  // namespace sallyport::stack

// Identities between two PBXs of one node: what the one may say of itself to the core, told to the other one as the
// core would tell it. Nothing of it is in the caller's domain, which is the network's towards him alone.
#include "signaling/b2bua/identity.h"

namespace sallyport::b2bua {
namespace {

std::string host_of(const config::Trunk& trunk) {
    std::string host = public_host(trunk);
    return host.empty() ? "unknown.invalid" : host;
}

// The called trunk as the core that its PBX is to the other one.
config::Carrier as_core(const config::Trunk& trunk) {
    config::Carrier core;
    core.numbering.called_out = trunk.numbering.called_out;
    core.numbering.calling_out = trunk.numbering.calling_out;
    core.identity.untrusted = !trunk.identity.trusted;
    return core;
}

std::string in_domain_of(const TrunkPair& pair, std::string value) {
    auto parsed = sip::parse_name_addr(value);
    if (!parsed.has_value() || !sip::equal_ignoring_case(parsed->uri.host, host_of(pair.from))) return value;
    parsed->uri.host = host_of(pair.to);
    return parsed->text();
}

void tell(const TrunkPair& pair, Asserted& asserted) {
    if (pair.to.identity.omit_asserted) asserted.values.clear();
    for (auto& value : asserted.values) value = in_domain_of(pair, std::move(value));
}

}  // namespace

Identity identity_on_net(const sip::Message& invite, std::string_view called, const TrunkPair& pair) {
    const config::Carrier core = as_core(pair.to);
    const auto told = [&](const config::Trunk& caller) {
        return identity_to_core(invite, called, {caller, core, false}, host_of(pair.to));
    };
    Identity out;
    if (pair.to.identity.from == config::FromPolicy::anonymise) {
        config::Trunk hidden = pair.from;
        hidden.identity.restrict_by_default = true;
        out = told(hidden);
    } else {
        out = told(pair.from);
    }
    out.from = in_domain_of(pair, std::move(out.from));
    tell(pair, out.asserted);
    return out;
}

Asserted asserted_in_call(const sip::Message& message, const TrunkPair& pair) {
    const config::Carrier core = as_core(pair.to);
    Asserted out = asserted_in_call(message, false, {pair.from, core, false});
    tell(pair, out);
    if (out.values.empty()) out.privacy.clear();
    return out;
}

}  // namespace sallyport::b2bua

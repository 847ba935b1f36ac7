#include "signaling/registrar/reg_info.h"

#include <algorithm>

#include "signaling/registrar/registrar.h"
#include "signaling/sip/digest.h"

namespace sallyport::registrar {
namespace {

// What a PBX wrote, as XML text: what XML 1.0 has no place for is left out.
std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f)
            out += c;
    }
    return out;
}

std::int64_t whole_seconds(Duration duration) {
    return std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(duration).count());
}

std::string contact_xml(const RegInfo& what, const Binding& b, TimePoint now) {
    const std::string id =
        sip::digest_hash(sip::DigestAlgorithm::sha256, b.trunk + '\n' + b.contact + '\n' + b.instance);
    std::string uri = what.hidden;
    if (uri.empty()) uri = what.number.empty() ? b.contact : target_uri(b, what.number);
    std::string out = "    <contact id=\"c" + id.substr(0, 16) + "\" state=\"active\" event=\"registered\"";
    out += " duration-registered=\"" + std::to_string(whole_seconds(now - b.registered_at)) + '"';
    out += " expires=\"" + std::to_string(whole_seconds(b.expires_at - now)) + '"';
    if (b.q < 1.0) out += " q=\"" + sip::q_text(b.q) + '"';
    return out + ">\n      <uri>" + escaped(uri) + "</uri>\n    </contact>\n";
}

}  // namespace

std::string reg_info_xml(const RegInfo& what, const std::vector<Binding>& bindings, std::uint32_t version,
                         TimePoint now) {
    std::string out = "<?xml version=\"1.0\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"" +
                      std::to_string(version) + "\" state=\"full\">\n  <registration aor=\"" + escaped(what.aor) +
                      "\" id=\"" + escaped(what.id) + "\" state=\"" + (bindings.empty() ? "init" : "active") + "\">\n";
    std::size_t told = 0;
    for (const Binding& b : bindings)
        if (what.hidden.empty() || told++ == 0) out += contact_xml(what, b, now);
    return out + "  </registration>\n</reginfo>\n";
}

}  // namespace sallyport::registrar

#include "tests/support/peer.h"

#include <algorithm>

#include "signaling/sip/digest.h"

namespace sallyport::test {
namespace {

std::string with_tag(const std::string& party, const std::string& tag) {
    return tag.empty() ? party : party + ";tag=" + tag;
}

std::string parameter(const std::string& challenge, const std::string& name) {
    const auto at = challenge.find(name + "=");
    if (at == challenge.npos) return {};
    auto begin = at + name.size() + 1;
    const bool quoted = challenge[begin] == '"';
    if (quoted) ++begin;
    return challenge.substr(begin, challenge.find_first_of(quoted ? "\"" : ", ", begin) - begin);
}

std::string without_tag(const std::string& party) { return party.substr(0, party.find(";tag=")); }

}  // namespace

PeerDialog Peer::new_dialog(const std::string& from, const std::string& to, const std::string& target) {
    PeerDialog d;
    const auto serial = std::to_string(++serial_);
    d.call_id = id.name + "-call-" + serial + "@" + id.host;
    d.local_tag = id.name + "-tag-" + serial;
    d.local = from;
    d.remote = to;
    d.target = target;
    return d;
}

PeerDialog Peer::dialog_of(const TextMessage& invite) {
    PeerDialog d;
    d.call_id = invite.first("Call-ID");
    d.local_tag = id.name + "-tag-" + std::to_string(++serial_);
    d.remote_tag = tag_of(invite.first("From"));
    d.local = without_tag(invite.first("To"));
    d.remote = without_tag(invite.first("From"));
    d.target = uri_of(invite.first("Contact"));
    d.routes = invite.all("Record-Route");
    return d;
}

void Peer::learn(PeerDialog& dialog, const TextMessage& response) const {
    const auto tag = tag_of(response.first("To"));
    const bool makes_dialog = response.method() == "INVITE" && response.status() > 100 && response.status() < 300;
    if (!makes_dialog || tag.empty()) return;
    dialog.remote_tag = tag;
    if (response.has("Contact")) dialog.target = uri_of(response.first("Contact"));
    if (!dialog.early) return;
    dialog.routes = response.all("Record-Route");
    std::reverse(dialog.routes.begin(), dialog.routes.end());
    dialog.early = response.status() < 200;
}

TextMessage Peer::request(PeerDialog& dialog, const std::string& method) {
    const bool follows = method == "ACK" || method == "CANCEL";
    const bool cancel = method == "CANCEL";
    if (!follows) ++dialog.cseq;
    const std::string branch = cancel ? dialog.invite_branch : new_branch();
    const std::string uri = cancel ? dialog.invite_uri : dialog.target;
    if (method == "INVITE") {
        dialog.invite_cseq = dialog.cseq;
        dialog.invite_branch = branch;
        dialog.invite_uri = uri;
    }
    TextMessage m;
    m.start = method + " " + uri + " SIP/2.0";
    m.add("Via", "SIP/2.0/" + std::string(to_string(id.flow.transport)) + " " + id.host + ":" +
                     std::to_string(id.port) + ";branch=" + branch + ";rport");
    m.add("Max-Forwards", "70");
    for (const auto& route : dialog.routes) m.add("Route", route);
    m.add("From", with_tag(dialog.local, dialog.local_tag));
    m.add("To", with_tag(dialog.remote, cancel && dialog.early ? "" : dialog.remote_tag));
    m.add("Call-ID", dialog.call_id);
    m.add("CSeq", std::to_string(follows ? dialog.invite_cseq : dialog.cseq) + " " + method);
    if (method == "INVITE") {
        m.add("Contact", "<sip:" + id.name + "-contact@" + id.host + ":" + std::to_string(id.port) + ">");
        m.add("Allow", id.updates ? "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE" : "INVITE, ACK, CANCEL, BYE, OPTIONS");
    }
    m.add("User-Agent", id.agent);
    return m;
}

TextMessage Peer::response(const TextMessage& request, int status, const std::string& local_tag) const {
    TextMessage m;
    m.start = "SIP/2.0 " + std::to_string(status) + " As Scripted";
    for (const auto& via : request.all("Via")) m.add("Via", via);
    m.add("From", request.first("From"));
    const auto to = request.first("To");
    m.add("To", status > 100 && tag_of(to).empty() ? with_tag(to, local_tag) : to);
    m.add("Call-ID", request.first("Call-ID"));
    m.add("CSeq", request.first("CSeq"));
    if (request.method() == "INVITE" && status > 100 && status < 300)
        m.add("Contact", "<sip:" + id.name + "-contact@" + id.host + ":" + std::to_string(id.port) + ">");
    m.add("Server", id.agent);
    if (id.updates && status > 100 && status < 300) m.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE");
    return m;
}

std::string Peer::sdp(PeerDialog& dialog, const std::string& wish) {
    const std::string direction = wish.substr(0, wish.find(' '));
    const auto option = [&](const std::string& name, std::string otherwise) {
        const auto at = wish.find(' ' + name + '=');
        if (at == wish.npos) return otherwise;
        const auto from = at + name.size() + 2;
        return wish.substr(from, wish.find(' ', from) - from);
    };
    const std::string te = option("te", "101");  // the payload type of telephone-event
    std::string formats = option("formats", "8,0");
    std::replace(formats.begin(), formats.end(), ',', ' ');
    const std::string version = std::to_string(++dialog.sdp_version);
    const std::string at = (id.media_host.find(':') == std::string::npos ? "IN IP4 " : "IN IP6 ") + id.media_host;
    const std::string session = "v=0\r\no=" + id.name + "-user 4711 " + version + " " + at + "\r\ns=" + id.name +
                                "-session\r\nc=" + at + "\r\nt=0 0\r\n";
    if (direction == "fax")
        return session +
               "m=image 30002 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
               "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n";
    std::string text = session + "m=audio 30000 RTP/" + (id.srtp ? "SAVP" : "AVP") + " " + formats + " " + te +
                       "\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:" + te +
                       " telephone-event/8000\r\na=fmtp:" + te + " 0-15\r\n";
    if (id.srtp)
        text += "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + id.name.substr(0, 3) +
                std::string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").substr(0, 40 - id.name.substr(0, 3).size()) +
                "\r\n";
    return text + "a=" + direction + "\r\n";
}

std::vector<std::string> Peer::secrets() const {
    return {id.host,
            id.media_host,
            id.flow.remote.address.to_string(),
            id.agent,
            id.name + "-call-",
            id.name + "-tag-",
            id.name + "-contact",
            id.name + "-user",
            id.name + "-session",
            "z9hG4bK" + id.name};
}

std::pair<std::string, std::string> digest_answer(const TextMessage& challenge, const std::string& method,
                                                  const std::string& uri, const std::string& user,
                                                  const std::string& password) {
    const bool proxy = challenge.status() == 407;
    const auto value = challenge.first(proxy ? "Proxy-Authenticate" : "WWW-Authenticate");
    const auto algorithm = parameter(value, "algorithm");
    const auto engine = algorithm == "SHA-256" ? sip::DigestAlgorithm::sha256 : sip::DigestAlgorithm::md5;
    const auto hash = [&](const std::string& text) { return sip::digest_hash(engine, text); };
    const auto realm = parameter(value, "realm"), nonce = parameter(value, "nonce");
    const auto response = hash(hash(user + ":" + realm + ":" + password) + ":" + nonce +
                               ":00000001:peer:auth:" + hash(method + ":" + uri));
    return {proxy ? "Proxy-Authorization" : "Authorization",
            "Digest username=\"" + user + "\", realm=\"" + realm + "\", nonce=\"" + nonce + "\", uri=\"" + uri +
                "\", response=\"" + response + "\", algorithm=" + algorithm +
                ", qop=auth, nc=00000001, cnonce=\"peer\""};
}

}  // namespace sallyport::test

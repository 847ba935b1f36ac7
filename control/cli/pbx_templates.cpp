// Configurations to start from, one per family of PBXs. Each says what that family cannot do of SIPconnect 2.0;
// passwords and what belongs to the site stay blank.
#include <algorithm>
#include <array>
#include <utility>

#include "control/base/endpoint.h"
#include "control/cli/trunk_sheet.h"

namespace sallyport::cli {
namespace {

struct Facts {
    SheetServer server;
    std::string id, domain, user, username, first_number, transport;  // transport in small letters
    bool registers = false, srtp = true, bulk = true, v6 = false;
};

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return text;
}

Facts facts_of(const pv1::Trunk& trunk, const ov1::SignalingStatus& node) {
    Facts f;
    f.server = first_server(trunk, node);
    f.id = trunk.name().substr(trunk.name().find('/') + 1);
    f.domain = trunk_domain(trunk);
    f.user = aor_user(trunk);
    f.username = trunk.credentials_size() > 0 ? trunk.credentials(0).username() : f.user;
    f.first_number = trunk.numbers_size() > 0 ? trunk.numbers(0).first() : "";
    f.transport = lower(f.server.transport);
    f.registers = trunk.mode() == pv1::TRUNK_MODE_REGISTRATION;
    f.srtp = trunk.media().srtp() != pv1::SRTP_POLICY_OFF;
    f.v6 = f.server.family == Family::v6;
    f.bulk = f.registers && !trunk.single_aor_compatibility();
    return f;
}

// Of PBXs that register one address, like a telephone.
std::string bulk_warning(const Facts& f, std::string_view comment) {
    if (!f.bulk) return {};
    return std::string(comment) + " WARNING: this PBX does not register in bulk (RFC 6140): trunk " + f.id +
           " needs single_aor_compatibility: true\n";
}

std::string asterisk(const Facts& f) {
    const auto address = IpAddress::parse(f.server.host);
    std::string out = "; Asterisk 18 and later, pjsip.conf\n" + bulk_warning(f, ";");
    out += "[sallyport-transport]\ntype=transport\nprotocol=" + f.transport + "\nbind=" + (f.v6 ? "[::]" : "0.0.0.0") +
           "\n";
    if (f.transport == "tls")
        out += "method=tlsv1_2\nca_list_file=/etc/asterisk/keys/provider-ca.pem\nverify_server=yes\n";
    if (f.registers)
        out += "\n[sallyport-auth]\ntype=auth\nauth_type=userpass\nusername=" + f.username +
               "\npassword=<PASSWORD>\n\n[sallyport-registration]\ntype=registration\ntransport=sallyport-transport\n"
               "outbound_auth=sallyport-auth\nserver_uri=sip:" +
               f.domain + "\\;transport=" + f.transport + "\nclient_uri=sip:" + f.user + "@" + f.domain +
               "\ncontact_user=" + f.user + "\noutbound_proxy=sip:" + f.server.text() + "\\;transport=" + f.transport +
               "\\;lr\nretry_interval=30\nfatal_retry_interval=960\nforbidden_retry_interval=960\nline=yes\n"
               "endpoint=sallyport\n";
    out +=
        "\n[sallyport]\ntype=endpoint\ntransport=sallyport-transport\ncontext=from-provider\ndisallow=all\n"
        "allow=alaw,ulaw\ndtmf_mode=rfc4733\naors=sallyport\nfrom_domain=" +
        f.domain + "\nsend_pai=yes\ntrust_id_inbound=yes\nmedia_encryption=" + (f.srtp ? "sdes" : "no") + "\n" +
        (f.v6 ? "rtp_ipv6=yes\n" : "") + (f.registers ? "outbound_auth=sallyport-auth\n" : "") +
        "outbound_proxy=sip:" + f.server.text() + "\\;transport=" + f.transport +
        "\\;lr\n\n[sallyport]\ntype=aor\ncontact=sip:" + f.server.text() + "\\;transport=" + f.transport +
        "\nqualify_frequency=60\n\n[sallyport]\ntype=identify\nendpoint=sallyport\n"
        "match=" +
        (address ? address->to_string() : f.server.host) + "\n";
    return out;
}

std::string freeswitch(const Facts& f) {
    return "<!-- FreeSWITCH, conf/sip_profiles/external" + std::string(f.v6 ? "-ipv6/" : "/") + f.id + ".xml -->\n" +
           (f.bulk ? "<!--" + bulk_warning(f, "").substr(0, bulk_warning(f, "").size() - 1) + " -->\n" : "") +
           "<include>\n  <gateway name=\"" + f.id +
           "\">\n"
           "    <param name=\"realm\" value=\"" +
           f.domain +
           "\"/>\n"
           "    <param name=\"proxy\" value=\"" +
           f.domain +
           "\"/>\n"
           "    <param name=\"outbound-proxy\" value=\"" +
           f.server.text() +
           "\"/>\n"
           "    <param name=\"username\" value=\"" +
           (f.username.empty() ? f.id : f.username) +
           "\"/>\n"
           "    <param name=\"from-domain\" value=\"" +
           f.domain +
           "\"/>\n"
           "    <param name=\"password\" value=\"" +
           (f.registers ? "PASSWORD" : "none") +
           "\"/>\n"
           "    <param name=\"register\" value=\"" +
           (f.registers ? "true" : "false") +
           "\"/>\n"
           "    <param name=\"register-transport\" value=\"" +
           f.transport +
           "\"/>\n"
           "    <param name=\"expire-seconds\" value=\"600\"/>\n"
           "    <param name=\"retry-seconds\" value=\"30\"/>\n"
           "    <param name=\"ping\" value=\"60\"/>\n"
           "    <param name=\"caller-id-in-from\" value=\"true\"/>\n"
           "  </gateway>\n</include>\n"
           "<!-- dial string: {rtp_secure_media=" +
           std::string(f.srtp ? "mandatory" : "false") + ",absolute_codec_string=PCMA\\,PCMU}sofia/gateway/" + f.id +
           "/+49... -->\n";
}

std::string threecx(const Facts& f) {
    return "3CX V18 and later: SIP Trunks > Add > Generic SIP Trunk\n" + bulk_warning(f, "") +
           "  Registrar/Server/Gateway   " + f.domain + ", port " + std::to_string(f.server.port) +
           "\n  Outbound Proxy             " + f.server.text() + "\n  Type of Authentication     " +
           (f.registers ? "Register/Account based" : "Do not require - IP based") + "\n  Authentication ID          " +
           f.username + "\n  Authentication Password    (told apart)\n" + "  Main Trunk No              " +
           f.first_number + "\n  Transport Protocol         " + f.server.transport + "\n  SRTP                       " +
           (f.srtp ? "Enforced" : "Not supported") +
           "\n  Codecs                     G.711 A-law, G.711 U-law\n"
           "  Options                    Re-Register timeout 600; Use Keep Alive; PUBLIC IP as the site needs\n"
           "  Outbound Parameters        From: User = \"OriginatorCallerID\", Host = " +
           f.domain +
           "; P-Asserted-Identity: the same\n"
           "  Inbound Parameters         \"Called-Number\" = Request Line URI: User Part\n";
}

// A host as IOS wants it introduced.
std::string ios_host(const std::string& host) {
    const auto address = IpAddress::parse(host);
    if (!address) return "dns:" + host;
    return (address->family == Family::v6 ? "ipv6:" : "ipv4:") + host_text(*address);
}

std::string cube(const Facts& f) {
    std::string out = "! Cisco CUBE (IOS XE 16.12 and later)\n" + bulk_warning(f, "!");
    if (f.transport == "tls")
        out += "crypto pki trustpoint PROVIDER-CA\n enrollment terminal\n revocation-check none\n!\n";
    out += "voice service voip\n mode border-element\n allow-connections sip to sip\n";
    if (f.srtp) out += " srtp\n";
    out +=
        " sip\n  rel1xx disable\n  asserted-id pai\n!\nvoice class codec 100\n codec preference 1 g711alaw\n codec "
        "preference 2 g711ulaw\n!\nvoice class tenant 100\n";
    if (f.registers)
        out += " registrar 1 " + ios_host(f.domain) + " expires 600" +
               (f.transport == "tls"   ? " tls"
                : f.transport == "tcp" ? " tcp"
                                       : "") +
               "\n credentials number " + f.user + " username " + f.username + " password 0 <PASSWORD> realm " +
               f.domain + "\n authentication username " + f.username + " password 0 <PASSWORD> realm " + f.domain +
               "\n";
    out += " sip-server " + ios_host(f.domain) + "\n outbound-proxy " + ios_host(f.server.host) + ":" +
           std::to_string(f.server.port) + "\n session transport " + (f.transport == "tls" ? "tcp tls" : f.transport) +
           "\n!\ndial-peer voice 100 voip\n description " + f.id +
           "\n session protocol sipv2\n session target sip-server\n destination-pattern +T\n voice-class codec 100\n "
           "voice-class sip tenant 100\n voice-class sip options-keepalive\n dtmf-relay rtp-nte\n" +
           (f.srtp ? " srtp\n" : "") + " no vad\n!\nsip-ua\n" + (f.v6 ? " protocol mode ipv6\n" : "") +
           " timers connection aging 30\n";
    return out;
}

std::string generic(const Facts& f) {
    return "Any SIPconnect PBX\n  registrar and proxy    sip:" + f.domain + " by " + f.server.text() + " (" +
           f.server.transport + ")\n  " +
           (f.bulk ? "REGISTER               To/From sip:" + f.user + "@" + f.domain +
                         ", Contact <sip:PBX-ADDRESS;bnc>, Require: gin, Proxy-Require: gin, Supported: path\n"
            : f.registers ? "REGISTER               To/From sip:" + f.user + "@" + f.domain +
                                ", Contact <sip:" + f.user + "@PBX-ADDRESS>\n"
                          : "REGISTER               none\n") +
           "  From, P-Asserted-Identity   sip:+NUMBER@" + f.domain +
           ";user=phone\n  Request-URI            sip:+NUMBER@" + f.domain + ";user=phone\n  media                  " +
           (f.srtp ? "SRTP (RTP/SAVP, SDES keys)" : "RTP/AVP, not encrypted") + "\n";
}

using Template = std::string (*)(const Facts&);
constexpr std::array<std::pair<std::string_view, Template>, 5> templates{
    {{"3cx", threecx}, {"asterisk", asterisk}, {"cube", cube}, {"freeswitch", freeswitch}, {"generic", generic}}};

}  // namespace

std::vector<std::string> sheet_pbxs() {
    std::vector<std::string> names;
    names.reserve(templates.size());
    for (const auto& [name, text] : templates) names.emplace_back(name);
    return names;
}

std::string pbx_template(std::string_view pbx, const pv1::Trunk& trunk, const ov1::SignalingStatus& node) {
    const auto found =
        std::find_if(templates.begin(), templates.end(), [&](const auto& entry) { return entry.first == pbx; });
    return found == templates.end() ? std::string() : found->second(facts_of(trunk, node));
}

}  // namespace sallyport::cli

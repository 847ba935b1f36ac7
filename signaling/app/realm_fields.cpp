#include "signaling/app/realm_fields.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "control/base/service_address.h"
#include "control/yaml/dscp.h"
#include "signaling/io/socket_address.h"

namespace sallyport::app {
namespace {

using yaml::Fields;

constexpr std::size_t max_realms = 64, max_listeners = 64, max_certificates = 64;  // of one node, realm, realm
constexpr std::size_t max_name = 64;

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > max_name) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

// Host and port of what we call ourselves; the port may be left out.
struct Advertised {
    std::string host;
    std::optional<std::uint16_t> port;
};
std::optional<Advertised> parse_advertised(const std::string& text) {
    const auto bracket = text.rfind(']');
    const auto colon = text.find(':', bracket == text.npos ? 0 : bracket);
    Advertised result{text.substr(0, colon), std::nullopt};
    if (colon != text.npos) {
        result.port = parse_port(std::string_view(text).substr(colon + 1));
        if (!result.port) return std::nullopt;
    }
    const bool bare_v6 = result.host.find(':') != text.npos && !result.host.starts_with('[');
    if (bare_v6 || !is_host(result.host)) return std::nullopt;
    return result;
}

Transport transport_of(const std::string& text) {
    if (text == "tls") return Transport::tls;
    return text == "tcp" ? Transport::tcp : Transport::udp;
}

std::optional<Listener> read_listener(Fields& fields) {
    Listener listener;
    if (!fields.has("transport")) fields.wrong("transport", "is missing; example: transport: tls");
    listener.transport = transport_of(fields.choice("transport", {"udp", "tcp", "tls"}, "udp"));
    const auto text = fields.text("bind", Fields::Required::yes, "192.0.2.1:5061");
    const auto bind = Endpoint::parse(text);
    const bool usable = bind && bind->port != 0;
    if (!text.empty() && !usable) fields.wrong("bind", "'" + text + "' is not host:port; example: 192.0.2.1:5061");
    const auto name = fields.text("advertised", Fields::Required::no, "sbc.example.net:5061");
    const auto advertised = parse_advertised(name);
    if (!name.empty() && !advertised)
        fields.wrong("advertised", "'" + name + "' is neither host nor host:port; example: sbc.example.net:5061");
    if (usable && bind->address.is_unspecified() && name.empty())
        fields.wrong("advertised", "is missing: peers cannot be told to send to " + bind->to_string() +
                                       "; example: sbc.example.net:5061");
    fields.finish();
    if (!usable) return std::nullopt;
    listener.bind = *bind;
    listener.advertised_host = advertised ? advertised->host : host_text(bind->address);
    listener.advertised_port = advertised && advertised->port ? *advertised->port : bind->port;
    return listener;
}

std::optional<io::TlsOptions> read_tls(Fields& realm, bool needed) {
    Fields tls = realm.section("tls");
    if (!realm.has("tls")) {
        if (needed)
            realm.wrong("tls",
                        "is missing: a listener of this realm has transport tls; example: "
                        "tls: {certificate: /etc/sallyport/edge.pem, key: /etc/sallyport/edge.key}");
        return std::nullopt;
    }
    io::TlsOptions options;
    options.certificate = tls.text("certificate", Fields::Required::yes, "/etc/sallyport/tls/edge.pem");
    options.key = tls.text("key", Fields::Required::yes, "/etc/sallyport/tls/edge.key");
    options.ca = tls.text("ca", Fields::Required::no, "/etc/sallyport/tls/ca.pem");
    options.ocsp_staple = tls.text("ocsp_staple", Fields::Required::no, "/etc/sallyport/tls/edge.ocsp");
    auto more = tls.list("more_certificates", Fields::Required::no);
    if (more.size() > max_certificates) tls.wrong("more_certificates", "has more than 64 entries");
    for (auto& fields : more) {
        auto& files = options.more.emplace_back();
        files.certificate = fields.text("certificate", Fields::Required::yes, "/etc/sallyport/tls/other.pem");
        files.key = fields.text("key", Fields::Required::yes, "/etc/sallyport/tls/other.key");
        files.ocsp_staple = fields.text("ocsp_staple", Fields::Required::no, "/etc/sallyport/tls/other.ocsp");
        fields.finish();
    }
    const auto client = tls.choice("client_certificate", {"none", "optional", "required"}, "none");
    options.client_certificate = client == "required"   ? io::ClientCertificate::required
                                 : client == "optional" ? io::ClientCertificate::optional
                                                        : io::ClientCertificate::none;
    for (const auto& suite : tls.texts("rsa_suites", "aes128-gcm")) {
        if (suite == "aes128-gcm")
            options.rsa_gcm = true;
        else if (suite == "aes128-cbc")
            options.rsa_cbc = true;
        else
            tls.wrong("rsa_suites", "'" + suite + "' is not one of aes128-gcm, aes128-cbc; example: [aes128-gcm]");
    }
    options.tls_1_0 = tls.boolean("tls_1_0", false);
    if (options.tls_1_0 && !options.rsa_cbc)
        tls.wrong("tls_1_0", "needs rsa_suites: [aes128-cbc], the only suite of SIPconnect that TLS 1.0 has");
    options.tls_1_3 = tls.boolean("tls_1_3", true);
    tls.finish();
    return options;
}

// TCP and TLS share the ports of an address; UDP has its own.
using Places = std::set<std::pair<bool, Endpoint>>;

Realm read_realm(Fields& fields, std::optional<io::TlsOptions>& tls, std::uint8_t& dscp, Places& places) {
    Realm realm;
    realm.name = fields.text("name", Fields::Required::yes, "access");
    if (!realm.name.empty() && !is_name(realm.name))
        fields.wrong("name", "'" + realm.name + "' is not 1 to 64 letters, digits, '-', '_', '.'; example: access");
    realm.media_port = fields.text("media_port", Fields::Required::no, "access");
    if (realm.media_port.empty()) realm.media_port = realm.name;
    realm.trusted = fields.boolean("trusted", false);
    realm.registrar = fields.boolean("registrar", !realm.trusted);
    if (realm.trusted && realm.registrar)
        fields.wrong("registrar", "a trusted realm is a carrier's, and carriers do not register; leave it out");
    realm.carries_any_content = fields.choice("content", {"known", "any"}, "known") == "any";
    const auto media = fields.texts("media_advertised", "203.0.113.9");
    for (std::size_t i = 0; i < media.size(); ++i) {
        const auto address = IpAddress::parse(media[i]);
        if (!address || address->is_unspecified() || address->is_multicast())
            fields.wrong("media_advertised", "'" + media[i] + "' is nobody's address; example: [203.0.113.9]");
        else if (std::any_of(realm.advertised_media.begin(), realm.advertised_media.end(),
                             [&](const IpAddress& other) { return other.family == address->family; }))
            fields.wrong("media_advertised", "'" + media[i] +
                                                 "' is the second address of its IP version; example: "
                                                 "[203.0.113.9, \"2001:db8::9\"]");
        else
            realm.advertised_media.push_back(*address);
    }
    auto list = fields.list("listeners", Fields::Required::yes);
    if (list.size() > max_listeners) fields.wrong("listeners", "has more than 64 entries");
    bool needs_tls = false;
    for (auto& entry : list) {
        const auto listener = read_listener(entry);
        if (!listener) continue;
        needs_tls = needs_tls || listener->transport == Transport::tls;
        if (!places.emplace(listener->transport == Transport::udp, listener->bind).second)
            entry.wrong("bind", listener->bind.to_string() + " is the address of an earlier listener");
        realm.listeners.push_back(*listener);
    }
    tls = read_tls(fields, needs_tls);
    dscp = yaml::read_dscp(fields, "dscp", io::default_dscp, "CS3");
    fields.finish();
    return realm;
}

}  // namespace

void read_realms(Fields& root, RealmTable& realms, std::vector<std::optional<io::TlsOptions>>& tls,
                 std::vector<std::uint8_t>& dscp) {
    std::set<std::string> names;
    Places places;
    auto list = root.list("realms", Fields::Required::yes);
    if (list.size() > max_realms) root.wrong("realms", "has more than 64 entries");
    for (auto& fields : list) {
        Realm realm = read_realm(fields, tls.emplace_back(), dscp.emplace_back(), places);
        if (!realm.name.empty() && !names.insert(realm.name).second)
            fields.wrong("name", "'" + realm.name + "' is the name of an earlier realm");
        realms.push_back(std::move(realm));
    }
}

}  // namespace sallyport::app

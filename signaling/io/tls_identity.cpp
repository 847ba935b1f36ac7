#include "signaling/io/tls_identity.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <optional>

namespace sallyport::io {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    for (auto& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    return result;
}

// Visible ASCII only: an embedded NUL or a look-alike letter makes the name none.
std::optional<std::string> clean(std::string_view text) {
    if (text.empty()) return std::nullopt;
    const bool visible = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return visible ? std::optional(lower(text)) : std::nullopt;
}

std::optional<std::string> text_of(const ASN1_STRING* text) {
    return clean({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                  static_cast<std::size_t>(ASN1_STRING_length(text))});
}

std::string without_root_dot(std::string name) {
    if (name.ends_with('.')) name.pop_back();
    return name;
}

// RFC 5922 7.1: the scheme must be sip, and there must be no user part.
std::optional<std::string> host_of_sip_uri(const std::string& uri) {
    constexpr std::string_view scheme = "sip:";
    if (!uri.starts_with(scheme)) return std::nullopt;
    std::string host = uri.substr(scheme.size());
    host.resize(std::min(host.size(), host.find_first_of(";?")));
    if (host.find('@') != host.npos) return std::nullopt;
    const auto bracket = host.find(']');
    const auto colon = host.find(':', bracket == host.npos ? 0 : bracket);
    host.resize(std::min(host.size(), colon));
    if (host.empty()) return std::nullopt;
    return without_root_dot(std::move(host));
}

std::vector<std::string> common_name(const X509& certificate) {
    const X509_NAME* subject = X509_get_subject_name(&certificate);
    int last = -1;  // the most specific one stands last
    for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) last = i;
    if (last < 0) return {};
    const auto name = text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
    if (!name) return {};
    return {without_root_dot(*name)};
}

struct Names {
    std::vector<std::string> uris, hosts;  // the common name is a host
};

Names names_of(const X509& certificate) {
    Names found;
    if (X509_get_ext_by_NID(&certificate, NID_subject_alt_name, -1) < 0) {
        found.hosts = common_name(certificate);
        return found;
    }
    const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
        [](GENERAL_NAMES* n) { GENERAL_NAMES_free(n); });
    if (!names) return found;  // malformed, or there twice
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
        if (name->type == GEN_URI) {
            const auto uri = text_of(name->d.uniformResourceIdentifier);
            if (!uri) continue;
            if (auto host = host_of_sip_uri(*uri)) found.uris.push_back(std::move(*host));
        } else if (name->type == GEN_DNS) {
            if (auto host = text_of(name->d.dNSName)) found.hosts.push_back(without_root_dot(std::move(*host)));
        }
    }
    return found;
}

}  // namespace

std::vector<std::string> sip_identities(const x509_st& certificate) {
    auto names = names_of(certificate);
    return names.uris.empty() ? std::move(names.hosts) : std::move(names.uris);
}

std::vector<std::string> all_names(const x509_st& certificate) {
    auto names = names_of(certificate);
    for (auto& host : names.hosts) names.uris.push_back(std::move(host));
    return std::move(names.uris);
}

bool is_named_by_common_name(const x509_st& certificate) {
    return X509_get_ext_by_NID(&certificate, NID_subject_alt_name, -1) < 0 && !common_name(certificate).empty();
}

bool names_host(const std::vector<std::string>& identities, std::string_view name, bool wildcards) {
    const std::string wanted = without_root_dot(lower(name));
    if (wanted.empty()) return false;
    const auto named = [&](std::string_view identity) {
        return std::find(identities.begin(), identities.end(), identity) != identities.end();
    };
    if (named(wanted)) return true;
    const auto dot = wanted.find('.');
    // At least two labels behind the star: "*.com" names everybody.
    const bool may = wildcards && dot != wanted.npos && wanted.find('.', dot + 1) != wanted.npos;
    return may && named('*' + wanted.substr(dot));
}

}  // namespace sallyport::io

#include "signaling/app/certificate_alarm.h"

namespace sallyport::app {
namespace {

constexpr long long hour = 3'600, day = 24 * hour;
constexpr long long certificate_warning = 30 * day;  // a certificate authority may need weeks
constexpr long long certificate_urgent = 7 * day;
constexpr long long staple_warning = 6 * hour;  // responders renew theirs days before

std::string in_time(long long seconds) {
    const bool days = seconds >= 2 * day;
    return "in " + std::to_string(seconds / (days ? day : hour)) + (days ? " days" : " hours");
}

}  // namespace

std::vector<Alarm> certificate_alarms(const std::string& realm, const std::vector<io::TlsContext::Life>& lives,
                                      long long now) {
    std::vector<Alarm> out;
    for (const auto& life : lives) {
        const std::string who = "realm " + realm + ": certificate " + life.certificate;
        const long long left = life.not_after - now;
        if (left <= 0)
            out.push_back({true, who + " has expired: peers refuse it"});
        else if (left < certificate_warning)
            out.push_back({left < certificate_urgent, who + " expires " + in_time(left)});
        if (life.staple_until == 0) continue;  // none that ends; one that cannot be fetched is told when it fails
        const long long staple = life.staple_until - now;
        if (staple <= 0)
            out.push_back({true, who + ": its OCSP response is out of date and no longer stapled"});
        else if (staple < staple_warning)
            out.push_back({false, who + ": its OCSP response ends " + in_time(staple)});
    }
    return out;
}

std::vector<std::string> legacy_warnings(const std::string& realm, const io::TlsOptions& options) {
    std::vector<std::string> out;
    const std::string who = "realm " + realm + ": ";
    if (options.tls_1_0) out.push_back(who + "TLS 1.0 and 1.1 are on (tls_1_0): deprecated by RFC 8996");
    if (!options.tls_1_3) out.push_back(who + "TLS 1.3 is off (tls_1_3): RFC 9325 advises to have it");
    if (options.rsa_gcm)
        out.push_back(who + "aes128-gcm of rsa_suites has no forward secrecy: RFC 9325 advises against it");
    if (options.rsa_cbc)
        out.push_back(who + "aes128-cbc of rsa_suites has no forward secrecy: RFC 9325 advises against it");
    return out;
}

}  // namespace sallyport::app

// What an OCSP response is worth: who has signed it, whom it is about, and for how long (RFC 6960 3.2, 4.2.2).
// Responses are made by openssl(1); the time at which they are read is an argument.
#include "signaling/io/tls_ocsp.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "certificates.h"

using certificates::folder;
using sallyport::io::CertificateStatus;
using sallyport::io::read_status;
using sallyport::io::StatusAnswer;

namespace {

constexpr long long skew = 300, hour = 3'600, day = 86'400;  // seconds

std::string bytes_of(const std::string& name) {
    std::ifstream in(folder().file(name), std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

std::shared_ptr<X509> certificate(const std::string& name) {
    const std::string pem = bytes_of(name);
    const std::unique_ptr<BIO, void (*)(BIO*)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                   BIO_free_all);
    std::shared_ptr<X509> read(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    REQUIRE(read != nullptr);
    return read;
}

long long seconds() { return static_cast<long long>(std::time(nullptr)); }

// An authority that is older than this test, so that responses can be read before they were made; what it has issued;
// and what it says of them: "good" is, "revoked" is not.
void make_authority() {
    static bool made = false;
    if (made) return;
    made = true;
    std::ofstream(folder().file("authority.cnf"))
        << "[ca]\ndefault_ca = here\n[here]\ndatabase = database\nserial = serial\nnew_certs_dir = .\n"
           "default_md = sha256\npolicy = any\nx509_extensions = authority\n[any]\ncommonName = supplied\n"
           "[authority]\nbasicConstraints = critical,CA:true\nkeyUsage = critical,keyCertSign,cRLSign\n";
    const auto authority = [](const std::string& key, const std::string& name) {
        folder().run(
            ": >database; echo 01 >serial; openssl req -new -key " + key +
            " -subj '/CN=Issuer' -out issuer.csr && openssl ca -batch -selfsign -config authority.cnf -keyfile " + key +
            " -in issuer.csr -startdate 20200101000000Z -enddate 20991231000000Z -out " + name);
    };
    authority("key.pem", "issuer.pem");
    authority("other-key.pem", "namesake.pem");  // the same name, another key
    folder().run(
        "openssl genrsa -out leaf-key.pem 2048; echo 'extendedKeyUsage=OCSPSigning' >delegated; : >plain; : >index");
    for (const std::string name : {"good", "revoked", "delegate", "peer"}) {
        folder().run(
            "openssl req -new -key leaf-key.pem -subj '/CN=" + name +
            "' -out leaf.csr && openssl x509 -req -in leaf.csr -CA issuer.pem -CAkey key.pem -CAcreateserial -days 20 "
            "-extfile " +
            (name == "delegate" ? "delegated" : "plain") + " -out " + name + ".pem");
        folder().run("printf '" +
                     std::string(name == "revoked" ? "R\\t400101000000Z\\t250101000000Z,keyCompromise"
                                                   : "V\\t400101000000Z\\t") +
                     "\\t%s\\tunknown\\t/CN=" + name + "\\n' $(openssl x509 -in " + name +
                     ".pem -noout -serial | cut -d= -f2) >>index");
    }
}

// A response about these certificates, `-cert NAME.pem` each, by this signer. `times`: its options, empty: no
// nextUpdate.
std::string response(const std::string& about, const std::string& times = "-nmin 60",
                     const std::string& signer = "-rsigner issuer.pem -rkey key.pem") {
    make_authority();
    folder().run("openssl ocsp -issuer issuer.pem " + about + " -index index -CA issuer.pem " + signer + " " + times +
                 " -noverify -respout response.der");
    return bytes_of("response.der");
}

StatusAnswer read(const std::string& der, long long now, const std::string& name = "good") {
    return read_status(der, *certificate(name + ".pem"), *certificate("issuer.pem"), now);
}

}  // namespace

TEST_CASE("an OCSP response counts when the issuer has signed it, or whom it has certified for that, and nobody else") {
    for (const std::string signer : {"-rsigner issuer.pem -rkey key.pem", "-rsigner delegate.pem -rkey leaf-key.pem"}) {
        INFO(signer);
        const auto answer = read(response("-cert good.pem", "-nmin 60", signer), seconds());
        CHECK((answer.status == CertificateStatus::good && answer.why.empty()));
        CHECK(read(response("-cert revoked.pem", "-nmin 60", signer), seconds(), "revoked").status ==
              CertificateStatus::revoked);
    }
    for (const std::string signer :
         {"-rsigner other-ca.pem -rkey other-key.pem", "-rsigner namesake.pem -rkey other-key.pem",
          "-rsigner peer.pem -rkey leaf-key.pem", "-rsigner good.pem -rkey leaf-key.pem"}) {
        INFO(signer);
        const auto answer = read(response("-cert good.pem", "-nmin 60", signer), seconds());
        CHECK(answer.status == CertificateStatus::unknown);
        CHECK(answer.why == "the OCSP response is not signed by the certificate's issuer");
    }
    const std::string der = response("-cert good.pem", "-nmin 60 -resp_no_certs");
    REQUIRE(read(der, seconds()).status == CertificateStatus::good);
    for (std::size_t i = 0; i < der.size(); i += 7) {  // what is signed, and the signature
        std::string forged = der;
        forged[i] = static_cast<char>(forged[i] ^ 0x10);
        const auto answer = read(forged, seconds());
        if (answer.status == CertificateStatus::good) FAIL("taken with octet " << i << " changed");
    }
}

TEST_CASE("an OCSP response about another certificate says nothing; of several the one about this certificate counts") {
    const std::string other = response("-cert peer.pem");
    CHECK(read(other, seconds()).why == "the OCSP response is about another certificate");
    CHECK(read(other, seconds(), "revoked").status == CertificateStatus::unknown);
    CHECK(read(response("-cert revoked.pem"), seconds()).status == CertificateStatus::unknown);
    const std::string both = response("-cert revoked.pem -cert good.pem");
    CHECK(read(both, seconds()).status == CertificateStatus::good);
    const auto answer = read(both, seconds(), "revoked");
    CHECK((answer.status == CertificateStatus::revoked && answer.why == "the certificate is revoked: keyCompromise"));
}

TEST_CASE("an OCSP response counts from thisUpdate to nextUpdate, give or take five minutes") {
    const long long before = seconds();
    const std::string der = response("-cert good.pem");
    const long long after = seconds();
    const auto answer = read(der, after);
    CHECK((answer.next_update >= before + hour && answer.next_update <= after + hour));
    CHECK(read(der, after - skew).status == CertificateStatus::good);
    CHECK(read(der, before - skew - 1).why == "the OCSP response is of the future, or of no time");
    CHECK(read(der, before + hour + skew).status == CertificateStatus::good);
    CHECK(read(der, after + hour + skew + 1).why == "the OCSP response is out of date");
}

TEST_CASE("an OCSP response that names no next one counts for a day") {
    const long long before = seconds();
    for (const std::string name : {"good", "revoked"}) {
        const std::string der = response("-cert " + name + ".pem", "");
        const long long after = seconds();
        const auto answer = read(der, after, name);
        CHECK(answer.status == (name == "good" ? CertificateStatus::good : CertificateStatus::revoked));
        CHECK((answer.next_update >= before + day && answer.next_update <= after + day));
        CHECK(read(der, before + day + skew, name).status == answer.status);
        const auto later = read(der, after + day + skew + 1, name);
        CHECK((later.status == CertificateStatus::unknown && later.why == "the OCSP response is out of date"));
        CHECK(read(der, before - skew - 1, name).why == "the OCSP response is of the future, or of no time");
    }
}

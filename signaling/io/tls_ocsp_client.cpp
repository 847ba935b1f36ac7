#include "signaling/io/tls_ocsp_client.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>

#include "signaling/io/tls_trust.h"

namespace sallyport::io {
namespace {

constexpr std::size_t most_waiting = 1'000;     // a storm of new peers behind a dead responder must not grow
constexpr std::size_t most_known = 10'000;      // PBXs of a large edge
constexpr std::size_t response_bytes = 65'536;  // a response with a delegate's certificate takes 3 kB
constexpr int responder_seconds = 4;            // less than a handshake may take
constexpr long long away_for = 5;       // seconds: who waits behind a dead responder waits once, not each in turn
constexpr long long unknown_for = 30;   // seconds until a responder that failed is asked again
constexpr long long known_for = 3'600;  // at most: a revocation should be seen within the hour

long long seconds_now() { return static_cast<long long>(std::time(nullptr)); }

struct Place {
    std::string host, port, path;
};

struct FreeText {
    void operator()(char* text) const { OPENSSL_free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

std::optional<Place> place_of(const char* url) {
    char *host = nullptr, *port = nullptr, *path = nullptr;
    int tls = 0;
    if (OSSL_HTTP_parse_url(url, &tls, nullptr, &host, &port, nullptr, &path, nullptr, nullptr) != 1)
        return std::nullopt;
    const Text h(host), p(port), f(path);
    if (tls != 0) return std::nullopt;  // RFC 6960 A.1: its certificate would need a status too
    return Place{h.get(), p.get(), f.get()};
}

// The first responder that we can ask.
std::optional<Place> responder_of(const StatusQuestion& question) {
    STACK_OF(OPENSSL_STRING)* urls = X509_get1_ocsp(question.certificate.get());
    std::optional<Place> place;
    for (int i = 0; !place && i < sk_OPENSSL_STRING_num(urls); ++i) place = place_of(sk_OPENSSL_STRING_value(urls, i));
    X509_email_free(urls);
    return place;
}

using Bio = std::unique_ptr<BIO, int (*)(BIO*)>;

std::string request_for(const StatusQuestion& question) {
    const std::unique_ptr<OCSP_REQUEST, void (*)(OCSP_REQUEST*)> request(OCSP_REQUEST_new(),
                                                                         [](OCSP_REQUEST* r) { OCSP_REQUEST_free(r); });
    // SHA-1 names the issuer here and protects nothing; every responder knows it (RFC 5019 2.1.1).
    OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), question.certificate.get(), question.issuer.get());
    if (id == nullptr || OCSP_request_add0_id(request.get(), id) == nullptr) return {};
    unsigned char* der = nullptr;
    const int size = i2d_OCSP_REQUEST(request.get(), &der);
    if (size <= 0) return {};
    std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return text;
}

// The response's DER; nothing when there is none.
std::string post(const Place& place, const std::string& request) {
    const Bio body(BIO_new_mem_buf(request.data(), static_cast<int>(request.size())), BIO_free);
    const Bio response(
        OSSL_HTTP_transfer(nullptr, place.host.c_str(), place.port.c_str(), place.path.c_str(), 0, nullptr, nullptr,
                           nullptr, nullptr, nullptr, nullptr, 0, nullptr, "application/ocsp-request", body.get(),
                           "application/ocsp-response", 1, response_bytes, responder_seconds, 0),
        BIO_free);
    std::string der;
    char chunk[4'096];
    for (int n = 0; response && (n = BIO_read(response.get(), chunk, sizeof chunk)) > 0;)
        der.append(chunk, static_cast<std::size_t>(n));
    ERR_clear_error();
    return der;
}

}  // namespace

OcspClient::OcspClient()
    : thread_([this] {
          pthread_setname_np(pthread_self(), "ocsp");
          run();
      }) {}

OcspClient::~OcspClient() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void OcspClient::ask(const StatusQuestion& question, Done done, bool fresh) {
    Known known;
    std::string key = fingerprint_of(*question.certificate);
    {
        const std::lock_guard lock(mutex_);
        const auto found = known_.find(key);
        if (!fresh && found != known_.end() && found->second.until > seconds_now()) {
            statistics_.cached.add();
            known = found->second;
        } else if (waiting_.size() >= most_waiting) {
            statistics_.refused_too_many.add();
            known.answer.why = "too many certificates wait for their status";
        } else {
            waiting_.push_back({question, std::move(key), std::move(done), fresh});
            wake_.notify_one();
            return;
        }
    }
    done(known.answer, known.der);
}

void OcspClient::run() {
    for (;;) {
        Asked asked;
        std::optional<Known> known;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            asked = std::move(waiting_.front());
            waiting_.pop_front();
            const auto found = known_.find(asked.key);  // asked twice while it was on its way
            const bool may = !asked.fresh && found != known_.end();
            if (may && found->second.until > seconds_now()) known = found->second;
        }
        if (!known) {
            known = look_up(asked.question);
            remember(asked.key, *known);
        }
        asked.done(known->answer, known->der);
    }
}

OcspClient::Known OcspClient::look_up(const StatusQuestion& question) {
    Known known;
    const long long now = seconds_now();
    known.until = now + unknown_for;
    const auto place = responder_of(question);
    if (!place) {
        known.answer.why = "the certificate names no OCSP responder";
        statistics_.unknown.add();
        return known;
    }
    const std::string name = place->host + ':' + place->port;
    std::erase_if(away_, [now](const auto& away) { return away.second <= now; });
    if (!away_.contains(name)) known.der = post(*place, request_for(question));
    if (known.der.empty()) {
        away_.try_emplace(name, seconds_now() + away_for);
        known.answer.why = "the OCSP responder " + name + " does not answer";
        statistics_.unreachable.add();
        return known;
    }
    known.answer = read_status(known.der, *question.certificate, *question.issuer, now);
    switch (known.answer.status) {
        case CertificateStatus::good: statistics_.good.add(); break;
        case CertificateStatus::revoked: statistics_.revoked.add(); break;
        case CertificateStatus::unknown: statistics_.unknown.add(); return known;
    }
    known.until = std::min(now + known_for, known.answer.next_update);
    return known;
}

void OcspClient::remember(const std::string& key, const Known& known) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= most_known)
        std::erase_if(known_, [now = seconds_now()](const auto& k) { return k.second.until <= now; });
    if (known_.size() >= most_known) known_.erase(known_.begin());
    known_[key] = known;
}

}  // namespace sallyport::io

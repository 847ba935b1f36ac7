// OCSP responses about our own certificates, stapled to handshakes whose peer asks for one (RFC 6066 8; of RFC 6961's
// many nothing is left since RFC 8446). Hands out none that is out of date.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

struct x509_st;
struct ssl_st;
struct ssl_ctx_st;

namespace sallyport::io {

class Staples {
public:
    struct Staple {
        std::string der;
        long long since = 0;        // seconds since 1970 when it was put
        long long next_update = 0;  // handed out until then
    };
    void put(const x509_st& certificate, Staple staple);
    struct Life {
        long long since = 0, until = 0;
    };
    std::optional<Life> life(const x509_st& certificate) const;
    // From now on connections of the context carry what is put here; it must outlive them.
    void attach(ssl_ctx_st& context);

private:
    static int on_status_request(ssl_st* connection, void* self);

    mutable std::mutex mutex_;                         // once per handshake that asks
    std::map<const x509_st*, Staple> by_certificate_;  // the context's own object: no two share one
};

}  // namespace sallyport::io

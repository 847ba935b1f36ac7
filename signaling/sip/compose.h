// Writes messages: canonical names, never folded, Content-Length always right. Refuses nothing and invents nothing:
// the caller says every field. CR, LF and NUL inside a value are replaced by spaces, so that no value can smuggle one.
#pragma once

#include <string>
#include <string_view>

#include "signaling/sip/message.h"

namespace sallyport::sip {

class Composer {
public:
    static Composer request(std::string_view method, std::string_view uri);
    static Composer response(std::uint16_t status, std::string_view reason = {});  // empty: the standard phrase
    Composer& add(HeaderName name, std::string_view value);
    Composer& add(std::string_view name, std::string_view value);
    Composer& copy(const Message& from, HeaderName name);  // every field of that name, in order
    std::string finish(std::string_view content_type = {}, std::string_view body = {});

private:
    void append(std::string_view canonical_name, std::string_view value);

    std::string text_;
};

// Of a message that a Composer has finished, without parsing it. The first value of that canonical name; empty: none.
std::string_view own_field(std::string_view message, std::string_view name);
std::string_view own_uri(std::string_view request);  // its Request-URI

std::string_view reason_phrase(std::uint16_t status);

// A response with everything RFC 3261 8.2.6 copies from the request: Via (all), From, To, Call-ID, CSeq, and Timestamp
// in a 100. `to_tag` is added unless the request has one or the status is 100. `received`/`rport` are set on the top
// Via when `source` is given (RFC 3261 18.2.1, RFC 3581 4).
Composer respond(const Message& request, std::uint16_t status, std::string_view to_tag,
                 const Endpoint* source = nullptr, std::string_view reason = {});

}  // namespace sallyport::sip

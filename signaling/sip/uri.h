// SIP, SIPS and tel URIs (RFC 3261 19.1, RFC 3966). Each structure comes twice: as a view, checked and cut where its
// text stands, valid as long as that text is; and as a value of its own, to be kept or changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/result.h"

namespace sallyport::sip {

struct Parameter {
    std::string name;   // lower case
    std::string value;  // as written, quotes removed; empty for a flag
    bool has_value = false;
    bool quoted = false;  // it stood in double quotes, and will again
    friend bool operator==(const Parameter&, const Parameter&) = default;
};
// ";a=b;c" where it stands, checked.
class ParametersView {
public:
    ParametersView() = default;
    explicit ParametersView(std::string_view checked) : text_(checked) {}
    bool has(std::string_view name) const { return value(name).has_value(); }  // name in any case
    // "" for a flag; what stands in quotes without them, but with its escapes.
    std::optional<std::string_view> value(std::string_view name) const;
    std::string_view text() const { return text_; }

private:
    std::string_view text_;
};
class Parameters {
public:
    const Parameter* find(std::string_view name) const;                  // name in lower case
    std::optional<std::string_view> value(std::string_view name) const;  // "" for a flag
    bool has(std::string_view name) const { return find(name) != nullptr; }
    void set(std::string name, std::string value);  // replaces or appends
    void set_flag(std::string name);
    void erase(std::string_view name);
    const std::vector<Parameter>& all() const { return list_; }
    std::string text() const;  // ";a=b;c", values quoted where they must be
    std::vector<Parameter>& list() { return list_; }
    friend bool operator==(const Parameters&, const Parameters&) = default;

private:
    std::vector<Parameter> list_;
};

enum class Scheme : std::uint8_t { sip, sips, tel, urn, other };
enum class UriErrc : std::uint8_t {
    empty,
    bad_scheme,
    bad_user,
    bad_host,
    bad_port,
    bad_parameter,
    bad_headers,
    bad_number,
    too_long
};
std::string_view to_string(UriErrc e);

struct UriView {
    Scheme scheme = Scheme::other;
    std::string_view scheme_text, user, password, host, headers;  // as written; see Uri
    std::string_view parameters;                                  // from the first ";" on
    bool has_user = false;
    std::uint16_t port = 0;

    std::string decoded_user() const;  // %HH decoded once
};
struct Uri {
    Scheme scheme = Scheme::sip;
    std::string scheme_text;  // as written, lower case: needed for `other`
    std::string user;         // as written, escapes kept; tel and urn: what follows the colon
    std::string password;
    bool has_user = false;
    std::string host;        // lower case; IPv6 in brackets; empty for tel
    std::uint16_t port = 0;  // 0: absent
    Parameters parameters;
    std::string headers;  // after '?', without it, as written

    std::optional<IpAddress> host_address() const;  // if the host is a literal
    std::string text() const;
    std::string decoded_user() const;                          // %HH decoded once
    friend bool operator==(const Uri&, const Uri&) = default;  // textual; see equivalent()
};

Result<UriView, UriErrc> view_uri(std::string_view text);  // an addr-spec, without < >
Result<Uri, UriErrc> parse_uri(std::string_view text);
Uri own(const UriView& uri);
std::string decode_escapes(std::string_view text);  // %HH once; anything else as it is
// RFC 3261 19.1.4.
bool equivalent(const Uri& a, const Uri& b);

// The E.164 number a URI names: sip user part (parameters inside it dropped, visual separators removed) or global tel
// number; "+" included. Nothing for local numbers without phone-context "+...", names, or > 15 digits.
std::optional<std::string> e164(const Uri& uri);

}  // namespace sallyport::sip

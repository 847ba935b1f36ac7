// Who calls and what he may: the client certificate's subject. Its CN is the name in the audit trail, its OUs are
// roles. Verifying the certificate is TLS' work and done before.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::api {

enum class Permission : std::uint8_t { read, provision, records, operate, capture, decrypt };

struct Caller {
    std::string name;  // the certificate's CN
    std::string peer;  // "ipv4:192.0.2.7:43210"
    std::vector<std::string> roles;
    bool may(Permission permission) const;
};

// viewer: read; provisioner: read and change; billing: fetch and acknowledge call records; capture: read, and packets
// of a call as they are on the wire; decrypt: that, and what SRTP hides, which no other role has, admin neither:
// whoever listens to calls has a certificate that says so. admin: everything else, and alone what changes how the node
// works now (operate).
bool is_role(std::string_view role);

class Authorization {
public:
    // `default_role`: of a certificate that names none in its OUs.
    explicit Authorization(std::string default_role) : default_role_(std::move(default_role)) {}

    struct Decision {
        Caller caller;        // as far as known, also when refused: the audit trail wants the name
        grpc::Status status;  // OK, UNAUTHENTICATED without a certificate, PERMISSION_DENIED without the role
    };
    Decision check(const grpc::ServerContextBase& context, Permission permission) const;

private:
    std::string default_role_;
};

// Values of one attribute of an RFC 2253 name: attribute_values("CN=noc,OU=viewer,O=ACME\\, Inc.", "OU").
std::vector<std::string> attribute_values(std::string_view subject, std::string_view attribute);

}  // namespace sallyport::api

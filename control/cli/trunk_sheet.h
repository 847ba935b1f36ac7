// What the administrator of a trunk's PBX has to enter, as text: where to register or to send calls, as whom, over
// what, with which numbers, codecs and timers; and files to start from for common PBXs. Asks nobody, knows no secret.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/base/endpoint.h"
#include "sallyport/operations/v1/operations.pb.h"
#include "sallyport/provisioning/v1/provisioning.pb.h"

namespace sallyport::cli {

namespace ov1 = sallyport::operations::v1;
namespace pv1 = sallyport::provisioning::v1;

std::string sheet_text(const pv1::Trunk& trunk, const ov1::SignalingStatus& node);

std::vector<std::string> sheet_pbxs();  // "asterisk", "freeswitch", ...
// `pbx`: one of them.
std::string pbx_template(std::string_view pbx, const pv1::Trunk& trunk, const ov1::SignalingStatus& node);

// The one place of the node that a PBX is pointed to: TLS before TCP before UDP, of those that the trunk may use.
struct SheetServer {
    std::string transport;  // "TLS"; empty: the realm has none that the trunk may use
    std::string host;       // a name, or an address (IPv6 in brackets)
    std::uint32_t port = 0;
    Family family = Family::none;  // of the host, of a name that of what it stands for
    std::string text() const { return host + ":" + std::to_string(port); }
};
SheetServer first_server(const pv1::Trunk& trunk, const ov1::SignalingStatus& node);
std::string trunk_domain(const pv1::Trunk& trunk);
std::string aor_user(const pv1::Trunk& trunk);

}  // namespace sallyport::cli

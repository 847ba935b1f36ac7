// How an operator reads a value of the provisioned model, where a difference tells it: "tcp_then_udp", "+49 strip 3
// prepend "0"". Pure; of everything that a list or a field may hold.
#pragma once

#include <cstdint>
#include <string>

#include "control/config/model.h"

namespace sallyport::config::told {

std::string text(bool);
std::string text(double);
std::string text(TrunkMode);
std::string text(SrtpPolicy);
std::string text(OnNet);
std::string text(LargeRequests);
std::string text(CallRecords);
std::string text(EarlyMedia);
std::string text(MusicOnHold);
std::string text(Fax);
std::string text(Transport);
std::string text(TlsClientCertificate);
std::string text(OcspPolicy);
std::string text(DigestUse);
std::string text(DigestAlgorithm);
std::string text(NatMode);
std::string text(Family);
std::string text(const NumberRange&);
std::string text(const OverflowNumber&);
std::string text(const AddressBlock&);
std::string text(const std::string&);
std::string text(std::uint16_t);
std::string text(Screening);
std::string text(FromPolicy);
std::string text(const ShortCode&);
std::string text(const NumberRule&);
std::string text(const RouteChoice&);
std::string text(const EmergencyArea&);
std::string text(const NumberLimit&);
std::string text(const CallingHours&);
std::string text(const HeaderRule&);
std::string text(const Target&);

}  // namespace sallyport::config::told

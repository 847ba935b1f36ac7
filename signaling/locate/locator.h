// RFC 3263, pure: from a target to an ordered list of addresses, asking DNS through questions it hands out. Holds no
// socket and no cache (the resolver behind it does); RFC 2782 weights are drawn from the given random source.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/base/endpoint.h"
#include "control/base/random.h"
#include "control/base/time.h"
#include "signaling/transaction/flow.h"

namespace sallyport::locate {

enum class RecordType : std::uint8_t { a, aaaa, srv, naptr };
struct Question {
    RecordType type = RecordType::a;
    std::string name;  // without trailing dot, lower case
    friend bool operator==(const Question&, const Question&) = default;
};
struct SrvRecord {
    std::uint16_t priority = 0, weight = 0, port = 0;
    std::string target;
};
struct NaptrRecord {
    std::uint16_t order = 0, preference = 0;
    std::string flags, service, regexp, replacement;
};
enum class DnsStatus : std::uint8_t { ok, no_data, no_such_name, failure, timeout };
struct Answer {
    Question question;
    DnsStatus status = DnsStatus::ok;
    Duration ttl{};
    std::vector<IpAddress> addresses;  // a, aaaa
    std::vector<SrvRecord> srv;
    std::vector<NaptrRecord> naptr;
};

struct Wanted {        // what is to be reached
    std::string host;  // name or literal
    std::uint16_t port = 0;
    std::optional<Transport> transport;  // given explicitly
    bool sips = false;                   // TLS or nothing
    Family family = Family::none;        // v4, v6, or none: both, v6 after v4
    std::vector<Transport> supported{Transport::udp, Transport::tcp, Transport::tls};
    friend bool operator==(const Wanted&, const Wanted&) = default;
};
struct Located {
    Transport transport = Transport::udp;
    Endpoint endpoint;
    std::string tls_name;  // the name the certificate must carry: the original host, never the SRV target (RFC 5922)
    bool assumed = false;  // neither who asks nor DNS has named the transport
};
enum class LocateErrc : std::uint8_t { nothing_found, dns_failure, unsupported, bad_host };

using Step = std::variant<std::vector<Question>, std::vector<Located>, LocateErrc>;  // ask these, or done, or failed

namespace limits {                              // what hostile or broken zones can make us do
inline constexpr std::size_t services = 8;      // NAPTR records followed
inline constexpr std::size_t srv_records = 16;  // of one service, best first
inline constexpr std::size_t addresses = 8;     // of one host and family
inline constexpr std::size_t hosts = 24;        // whose addresses are asked
inline constexpr std::size_t located = 64;      // in the result
}  // namespace limits

// One resolution. Call start() once, then resume() per answer, until it is done; answers to other questions are
// ignored.
class Locator {
public:
    Locator(Wanted wanted, RandomSource& random);
    Step start();
    Step resume(const Answer& answer);  // an empty question list: keep waiting for the others

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sallyport::locate

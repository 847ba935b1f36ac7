// rooms: media_rpc
// Any bytes as a client's message: converted or refused with a text that names a field, and what is converted is within
// the limits that the pipeline counts on.
#include <google/protobuf/stubs/logging.h>

#include "control/base/check.h"
#include "media-plane/rpc/media_convert.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::rpc;

namespace {

template <class T>
bool accepted(const Converted<T>& converted) {
    if (converted.has_value()) return true;
    SALLYPORT_CHECK(converted.error().code != Code::ok);
    SALLYPORT_CHECK(!converted.error().text.empty() && converted.error().text.size() < 1000);
    return false;
}

void check_legs(const std::vector<LegChange>& legs) {
    SALLYPORT_CHECK(legs.size() <= 2 * max_streams);
    for (const auto& leg : legs) {
        SALLYPORT_CHECK(leg.stream < max_streams && leg.side <= Side::b);
        SALLYPORT_CHECK(!leg.remote || (leg.remote->port != 0 && !leg.remote->address.empty()));
        if (leg.keys) SALLYPORT_CHECK(static_cast<std::size_t>(leg.keys->suite) < srtp::suite_facts.size());
    }
}

std::string serialized(const pb::ClientMessage& message) { return message.SerializeAsString(); }

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    pb::ClientMessage hello, allocate, modify, release;
    hello.mutable_hello()->set_client("edge-1/0");
    hello.mutable_hello()->set_lease_seconds(30);
    auto& a = *allocate.mutable_allocate();
    a.set_session("s1");
    a.set_port_a("access");
    a.set_port_b("core");
    a.set_streams(2);
    auto& leg = *a.add_legs();
    leg.set_stream(1);
    leg.mutable_remote()->set_address("2001:db8::9");
    leg.mutable_remote()->set_port(4000);
    leg.mutable_keys()->set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
    leg.mutable_keys()->set_receive(std::string(30, 'r'));
    leg.set_replace_payload_map(true);
    leg.add_payload_map()->set_from(101);
    auto& wish = *a.add_restore();
    wish.mutable_rtp()->set_address("192.0.2.2");
    wish.mutable_rtp()->set_port(20'000);
    modify.mutable_modify()->set_session("s1");
    *modify.mutable_modify()->add_legs() = leg;
    release.mutable_release()->set_session("s1");
    return {serialized(hello), serialized(allocate), serialized(modify), serialized(release)};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto silent = google::protobuf::SetLogHandler(nullptr);  // no line for each malformed message
    static_cast<void>(silent);
    pb::ClientMessage message;
    if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
    if (const auto hello = from_proto(message.hello()); accepted(hello))
        SALLYPORT_CHECK(!hello->client.empty() && hello->lease_seconds <= rpc::limits::lease_seconds);
    if (const auto allocate = from_proto("client", message.allocate()); accepted(allocate)) {
        SALLYPORT_CHECK(allocate->streams >= 1 && allocate->streams <= max_streams);
        SALLYPORT_CHECK(!allocate->key.session.empty() && allocate->key.session.size() <= rpc::limits::name_bytes);
        SALLYPORT_CHECK(allocate->restore.size() <= 2 * max_streams);
        check_legs(allocate->legs);
    }
    if (const auto modify = from_proto("client", message.modify()); accepted(modify)) check_legs(modify->legs);
    if (const auto release = from_proto("client", message.release()); accepted(release))
        SALLYPORT_CHECK(release->key.session.find(' ') == std::string::npos);
    const auto key = from_page_token(std::string(as_text({data, size})));
    if (accepted(key) && size != 0) SALLYPORT_CHECK(page_token(*key) == as_text({data, size}));
    return 0;
}

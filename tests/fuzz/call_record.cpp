// rooms: records
// A line of the spool and a place in it, as billing and operators hand them back: any bytes are a record or a sentence,
// a record that was read is written in words that read as the same again, and a place has one spelling.
#include "control/records/call_record.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "control/records/segment.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {
        R"({"schema":1,"id":"c0ffee","node":"edge-1","session_id":"ab30","sip_call_ids":["a@pbx","b"],"trunk":"acme",)"
        R"("direction":"from-pbx","from":"+4930123450","to":"+4940999","asserted_identity":"+49","emergency":false,)"
        R"("carrier":"core","target":"sip:192.0.2.9:5060;transport=udp","started_at":"2026-11-21T12:30:00.125Z",)"
        R"("ringing_at":"2026-11-21T12:30:01.000Z","answered_at":"2026-11-21T12:30:05.500Z",)"
        R"("ended_at":"2026-11-21T12:31:05.750Z","talk_ms":60250,"ended_by":"caller","sip_status":200,"q850_cause":16,)"
        R"("reason":"","codecs":["PCMA/8000"],"media":[{"side":"a","stream":0,"packets_received":3000,)"
        R"("bytes_received":516000,"packets_sent":2999,"bytes_sent":515828,"lost":1,"jitter_ms":1.5,)"
        R"("srtp":"AES_CM_128_HMAC_SHA1_80","srtp_auth_failures":0,"dropped":2,"local":"192.0.2.1:40000",)"
        R"("remote":"192.0.2.7:9"}]})",
        R"({"schema":1,"id":"x","started_at":"9999-12-31T23:59:59.999Z","sip_status":-1,"media":[{}]})",
        R"({"schema":2})", "12:4096", "18446744073709551615:18446744073709551616"};
}

}  // namespace sallyport::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sallyport::records;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto place = Position::parse(text)) SALLYPORT_CHECK(Position::parse(place->to_string()) == *place);
    if (const auto time = parse_rfc3339(text)) SALLYPORT_CHECK(!sallyport::rfc3339(*time).empty());
    const auto record = parse_call_record(text);
    if (!record) {
        SALLYPORT_CHECK(!record.error().sentence.empty());
        return 0;
    }
    const auto line = to_json(*record);
    SALLYPORT_CHECK(line.find('\n') == line.npos);
    const auto again = parse_call_record(line);
    SALLYPORT_CHECK(again.has_value());
    SALLYPORT_CHECK(to_json(*again) == line);
    return 0;
}

// Which calls leave a record: by the trunk's own rule, in either direction; a call for help always does.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

using config::CallRecords;

config::Trunk trunk_with(CallRecords records) {
    auto trunk = Bench::default_trunk();
    trunk.call_records = records;
    return trunk;
}
std::size_t records_of_call_out(CallRecords records, std::string_view uri = "sip:+442055501@sip.example.net") {
    Bench b(trunk_with(records));
    b.bind();
    b.receive(b.pbx_flow(), b.invite(uri, secure_sdp("198.51.100.10", 5004, "A")));
    b.receive(b.core_flow(), b.answer(b.find("INVITE"), 486, "bob", {}));
    b.run_for(40s);
    CHECK(b.stack.alive().calls == 0);
    CHECK(b.stack.statistics().records_written.read() == b.records.size());
    CHECK(b.stack.statistics().invites.read() == 1);  // metrics see every call
    CHECK(b.stack.statistics().calls_failed.read() == 1);
    CHECK(b.stack.calls(false, 10).size() == 1);  // and so does the operator
    return b.records.size();
}
std::size_t records_of_call_in(CallRecords records, std::string_view number = "+4930155") {
    Bench b(trunk_with(records));
    b.bind();
    b.receive(b.core_flow(), b.core_invite("sip:" + std::string(number) + "@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
    if (number == "+4930155") b.receive(b.pbx_flow(), b.answer(b.find("INVITE"), 486, "pbx", {}));
    b.run_for(40s);
    return b.records.size();
}

}  // namespace

TEST_CASE("call_records of a trunk says which of its calls leave a record [SC-16.6.3-02]") {
    CHECK(records_of_call_out(CallRecords::all) == 1);
    CHECK(records_of_call_out(CallRecords::received) == 0);
    CHECK(records_of_call_out(CallRecords::none) == 0);
    CHECK(records_of_call_in(CallRecords::all) == 1);
    CHECK(records_of_call_in(CallRecords::received) == 1);
    CHECK(records_of_call_in(CallRecords::none) == 0);
}

TEST_CASE("A call for help leaves a record whatever is said, and so does a call of no trunk") {
    for (const auto records : {CallRecords::received, CallRecords::none})
        CHECK(records_of_call_out(records, "urn:service:sos") == 1);
    CHECK(records_of_call_in(CallRecords::none, "+4930999") == 1);
}

TEST_CASE("Of a call between two trunks one rule that wants a record is enough") {
    const auto records_with = [](CallRecords caller, CallRecords called) {
        auto first = trunk_with(caller);
        first.on_net = config::OnNet::node;
        auto second = trunk_with(called);
        second.id = "globex";
        second.registration_aor = "sip:globex@sip.example.net";
        second.credentials[0].username = "globex";
        second.numbers = {{"+4989100", "+4989199"}};
        Bench b;
        b.configure(first, Bench::default_carrier(), {second});
        b.sent.clear();
        b.bind();
        b.receive(b.pbx_flow(), b.invite("sip:+4989155@sip.example.net", secure_sdp("198.51.100.10", 5004, "A")));
        b.run_for(40s);
        return b.records.size();
    };
    CHECK(records_with(CallRecords::none, CallRecords::none) == 0);
    CHECK(records_with(CallRecords::none, CallRecords::received) == 1);
    CHECK(records_with(CallRecords::all, CallRecords::none) == 1);
    CHECK(records_with(CallRecords::received, CallRecords::none) == 0);
}

TEST_CASE("A call that its PBX has sent on is one that has come to it") {
    for (const auto records : {CallRecords::received, CallRecords::none}) {
        Bench b(trunk_with(records));
        b.bind();
        b.receive(b.core_flow(), b.core_invite("sip:+4930155@10.0.0.1", plain_sdp("192.0.2.21", 6000)));
        b.receive(b.pbx_flow(), b.answer(b.find("INVITE"), 302, "pbx", "<sip:+442055501@sip.example.net;user=phone>"));
        b.receive(b.core_flow(), b.answer(b.find("INVITE"), 486, "bob", {}));
        b.run_for(40s);
        CHECK(b.records.size() == (records == CallRecords::received ? 1 : 0));
    }
}

}  // namespace sallyport::stack

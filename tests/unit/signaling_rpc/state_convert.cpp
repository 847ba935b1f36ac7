// Views for operators, and their pages.
#include "signaling/rpc/state_convert.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using namespace sallyport::rpc;

TEST_CASE("pages: default size, tokens that lead on, an end, and nothing for nonsense") {
    const auto first = parse_page(0, "");
    REQUIRE(first.has_value());
    CHECK(first->size == 100);
    CHECK(first->next_token(100).empty());
    const auto second = parse_page(10, first->next_token(101));
    REQUIRE(second.has_value());
    CHECK(second->offset == 100);
    CHECK(second->next_token(111) == "110");
    CHECK(parse_page(1'000'000, "")->size == 1'000);
    CHECK_FALSE(parse_page(-1, "").has_value());
    CHECK_FALSE(parse_page(1, "abc").has_value());
    CHECK_FALSE(parse_page(1, "-5").has_value());
    CHECK_FALSE(parse_page(1, "99999999999999999999").has_value());
}

TEST_CASE("numbers of a trunk are counted over all its ranges") {
    config::Trunk trunk;
    trunk.numbers = {{"+4930123400", "+4930123499"}, {"+49891", "+49891"}, {"+2", "+1"}, {"x", "+1"}};
    CHECK(count_numbers(trunk) == 101);
}

TEST_CASE("a registration says what is left of it and whom it serves") {
    registrar::Binding binding;
    binding.trunk = "acme-hq";
    binding.contact = "sip:192.0.2.7:5061;transport=tls";
    binding.bulk = true;
    binding.flow = {Transport::tls, 0, {}, *Endpoint::parse("192.0.2.7:40123"), 9};
    const TimePoint now{1'800'000'000s};
    binding.registered_at = now - 10s;
    binding.expires_at = now + 590s;
    binding.path = {"<sip:p.example.net;lr>"};
    config::Trunk trunk;
    trunk.registration_aor = "sip:acme@example.net";
    trunk.numbers = {{"+491", "+499"}};
    operations_pb::Registration r;
    to_proto(binding, &trunk, now, r);
    CHECK(r.trunk() == "acme-hq");
    CHECK(r.aor() == "sip:acme@example.net");
    CHECK(r.bulk());
    CHECK(r.transport() == "TLS");
    CHECK(r.source() == "192.0.2.7:40123");
    CHECK(r.expires_seconds() == 590);
    CHECK(r.registered_at() == "2027-01-15T07:59:50.000Z");
    CHECK(r.path(0) == "<sip:p.example.net;lr>");
    CHECK(r.numbers() == 9);
    operations_pb::Registration late;
    to_proto(binding, nullptr, now + 1h, late);
    CHECK(late.expires_seconds() == 0);
    CHECK(late.aor().empty());
}

TEST_CASE("a call: times that did not happen are empty, carrier and target come from its record") {
    stack::CallView view;
    view.id = "c-1";
    view.state = "ringing";
    view.started = TimePoint{1'800'000'000s};
    view.sip_call_ids = {"a@x", "b@y"};
    operations_pb::Call open;
    to_proto(view, open);
    CHECK(open.started_at() == "2027-01-15T08:00:00.000Z");
    CHECK(open.answered_at().empty());
    CHECK(open.ended_at().empty());
    CHECK(open.sip_call_ids_size() == 2);
    CHECK(open.carrier().empty());
    view.record.emplace();
    view.record->carrier = "core";
    view.record->target = "udp 192.0.2.20:5060";
    operations_pb::Call ended;
    to_proto(view, ended);
    CHECK(ended.carrier() == "core");
    CHECK(ended.target() == "udp 192.0.2.20:5060");
}

TEST_CASE("a trunk is named by its id or by its resource name") {
    CHECK(trunk_id("trunks/acme-hq") == "acme-hq");
    CHECK(trunk_id("acme-hq") == "acme-hq");
    CHECK(trunk_id("").empty());
}

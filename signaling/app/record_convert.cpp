#include "signaling/app/record_convert.h"

#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

namespace sallyport::app {
namespace {

std::optional<TimePoint> happened(TimePoint t) { return t == TimePoint{} ? std::nullopt : std::optional(t); }

double rounded(double value, double parts) { return std::round(value * parts) / parts; }

records::LegMedia to_spool(const b2bua::MediaLegStatistics& leg) {
    records::LegMedia media;
    media.side.assign(1, leg.side == b2bua::Side::a ? 'a' : 'b');
    media.stream = leg.stream;
    media.packets_received = leg.packets_received;
    media.bytes_received = leg.bytes_received;
    media.packets_sent = leg.packets_sent;
    media.bytes_sent = leg.bytes_sent;
    media.lost = leg.lost;
    media.jitter_milliseconds = leg.jitter_seconds * 1'000;
    media.reordered = leg.reordered;
    media.round_trip_milliseconds = rounded(leg.round_trip_seconds * 1'000, 10);
    media.mos = rounded(leg.mos, 100);
    media.worst_mos = rounded(leg.worst_mos, 100);
    media.silences = leg.silences;
    media.silent_milliseconds = rounded(leg.silent_seconds * 1'000, 1);
    media.one_way_milliseconds = rounded(leg.one_way_seconds * 1'000, 1);
    media.telephone_events = leg.telephone_events;
    media.srtp_suite = leg.suite;
    media.srtp_auth_failures = leg.srtp_auth_failures;
    media.dropped = leg.dropped;
    if (!leg.local.empty()) media.local = leg.local.to_string();
    if (!leg.remote.empty()) media.remote = leg.remote.to_string();
    return media;
}

}  // namespace

records::CallRecord to_spool(b2bua::CallRecord record, const std::string& node) {
    records::CallRecord spooled;
    spooled.id = std::move(record.id);
    spooled.node = node;
    spooled.session_id = std::move(record.session_id);
    for (auto* call_id : {&record.call_id_a, &record.call_id_b})
        if (!call_id->empty()) spooled.sip_call_ids.push_back(std::move(*call_id));
    spooled.trunk = std::move(record.trunk);
    spooled.carrier = std::move(record.carrier);
    spooled.target = std::move(record.target);
    spooled.ends.assign(std::make_move_iterator(record.ends.begin()), std::make_move_iterator(record.ends.end()));
    spooled.direction = std::move(record.direction);
    for (const auto& f : record.forwards) spooled.forwards.push_back({f.from, f.to, f.trunk, f.status, f.left});
    for (const auto& r : record.replaced)
        spooled.replaced.push_back({r.side == b2bua::Side::a ? "a" : "b", r.end, r.call_id, happened(r.at)});
    spooled.from = std::move(record.caller);
    spooled.to = std::move(record.called);
    spooled.asserted_identity = std::move(record.asserted_identity);
    spooled.redirecting_party = std::move(record.redirecting_party);
    spooled.request_uri = std::move(record.request_uri);
    spooled.emergency = record.emergency;
    spooled.location = std::move(record.location);
    spooled.started = happened(record.started);
    spooled.ringing = happened(record.rang);
    spooled.answered = happened(record.answered);
    spooled.ended = happened(record.ended);
    spooled.ended_by = std::move(record.ended_by);
    spooled.sip_status = record.status;
    spooled.q850_cause = record.q850;
    spooled.reason = std::move(record.reason);
    spooled.codecs = std::move(record.codecs);
    for (const auto& leg : record.media) spooled.media.push_back(to_spool(leg));
    return spooled;
}

}  // namespace sallyport::app

#include "control/records/call_record.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "control/records/json_line.h"

namespace sallyport::records {
namespace {

using Json = nlohmann::ordered_json;

void put_time(JsonLine& json, std::string_view key, const std::optional<TimePoint>& time) {
    if (time) json.put(key, rfc3339(*time));
}

std::int64_t milliseconds_between(const std::optional<TimePoint>& from, const std::optional<TimePoint>& to) {
    if (!from || !to || *to < *from) return 0;
    return unix_milliseconds(*to) - unix_milliseconds(*from);
}

void put_media(JsonLine& json, const LegMedia& leg) {
    json.put("side", leg.side);
    json.put("stream", leg.stream);
    json.put("packets_received", leg.packets_received);
    json.put("bytes_received", leg.bytes_received);
    json.put("packets_sent", leg.packets_sent);
    json.put("bytes_sent", leg.bytes_sent);
    json.put("lost", leg.lost);
    json.put("jitter_ms", leg.jitter_milliseconds);
    json.put("reordered", leg.reordered);
    json.put("rtt_ms", leg.round_trip_milliseconds);
    json.put("mos", leg.mos);
    json.put("worst_mos", leg.worst_mos);
    json.put("silences", leg.silences);
    json.put("silent_ms", leg.silent_milliseconds);
    json.put("one_way_ms", leg.one_way_milliseconds);
    json.put("telephone_events", leg.telephone_events);
    json.put("srtp", leg.srtp_suite);
    json.put("srtp_auth_failures", leg.srtp_auth_failures);
    json.put("dropped", leg.dropped);
    json.put("local", leg.local);
    json.put("remote", leg.remote);
}

void put_forward(JsonLine& json, const Forward& forward) {
    json.put("from", forward.from);
    json.put("to", forward.to);
    json.put("trunk", forward.trunk);
    json.put("sip_status", forward.sip_status);
    json.put("left_status", forward.left_status);
}

void put_replacement(JsonLine& json, const Replacement& replaced) {
    json.put("side", replaced.side);
    json.put("end", replaced.end);
    json.put("sip_call_id", replaced.sip_call_id);
    put_time(json, "at", replaced.at);
}

// Reads with the type that is asked for; another type in the file is as good as no value.
template <class T>
void read(const Json& json, const char* key, T& out) {
    const auto found = json.find(key);
    if (found == json.end()) return;
    if constexpr (std::is_same_v<T, std::string>) {
        if (found->is_string()) out = found->template get<std::string>();
    } else if constexpr (std::is_same_v<T, bool>) {
        if (found->is_boolean()) out = found->template get<bool>();
    } else {
        if (found->is_number()) out = found->template get<T>();
    }
}

void read(const Json& json, const char* key, std::vector<std::string>& out) {
    const auto found = json.find(key);
    if (found == json.end() || !found->is_array()) return;
    for (const auto& item : *found)
        if (item.is_string()) out.push_back(item.get<std::string>());
}

void read(const Json& json, const char* key, std::optional<TimePoint>& out) {
    std::string text;
    read(json, key, text);
    out = parse_rfc3339(text);
}

Forward parse_forward(const Json& json) {
    Forward forward;
    read(json, "from", forward.from);
    read(json, "to", forward.to);
    read(json, "trunk", forward.trunk);
    read(json, "sip_status", forward.sip_status);
    read(json, "left_status", forward.left_status);
    return forward;
}

Replacement parse_replacement(const Json& json) {
    Replacement out;
    read(json, "side", out.side);
    read(json, "end", out.end);
    read(json, "sip_call_id", out.sip_call_id);
    read(json, "at", out.at);
    return out;
}

LegMedia parse_media(const Json& json) {
    LegMedia leg;
    read(json, "side", leg.side);
    read(json, "stream", leg.stream);
    read(json, "packets_received", leg.packets_received);
    read(json, "bytes_received", leg.bytes_received);
    read(json, "packets_sent", leg.packets_sent);
    read(json, "bytes_sent", leg.bytes_sent);
    read(json, "lost", leg.lost);
    read(json, "jitter_ms", leg.jitter_milliseconds);
    read(json, "reordered", leg.reordered);
    read(json, "rtt_ms", leg.round_trip_milliseconds);
    read(json, "mos", leg.mos);
    read(json, "worst_mos", leg.worst_mos);
    read(json, "silences", leg.silences);
    read(json, "silent_ms", leg.silent_milliseconds);
    read(json, "one_way_ms", leg.one_way_milliseconds);
    read(json, "telephone_events", leg.telephone_events);
    read(json, "srtp", leg.srtp_suite);
    read(json, "srtp_auth_failures", leg.srtp_auth_failures);
    read(json, "dropped", leg.dropped);
    read(json, "local", leg.local);
    read(json, "remote", leg.remote);
    return leg;
}

bool read_number(std::string_view text, int& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size() && text.front() != '-';
}

}  // namespace

std::string to_json(const CallRecord& r) {
    JsonLine json;
    json.put("schema", CallRecord::schema);
    json.put("id", r.id);
    json.put("node", r.node);
    json.put("session_id", r.session_id);
    json.put("sip_call_ids", r.sip_call_ids);
    json.put("trunk", r.trunk);
    json.put("ends", r.ends);
    json.put("direction", r.direction);
    json.put("from", r.from);
    json.put("to", r.to);
    json.put("asserted_identity", r.asserted_identity);
    json.put("redirecting_party", r.redirecting_party);
    if (!r.forwards.empty()) json.put_objects("forwards", r.forwards, put_forward);
    if (!r.replaced.empty()) json.put_objects("replaced", r.replaced, put_replacement);
    json.put("request_uri", r.request_uri);
    json.put("emergency", r.emergency);
    if (!r.location.empty()) json.put("location", r.location);
    json.put("carrier", r.carrier);
    json.put("target", r.target);
    put_time(json, "started_at", r.started);
    put_time(json, "ringing_at", r.ringing);
    put_time(json, "answered_at", r.answered);
    put_time(json, "ended_at", r.ended);
    json.put("talk_ms", milliseconds_between(r.answered, r.ended));
    json.put("ended_by", r.ended_by);
    json.put("sip_status", r.sip_status);
    json.put("q850_cause", r.q850_cause);
    json.put("reason", r.reason);
    json.put("codecs", r.codecs);
    json.put_objects("media", r.media, put_media);
    return std::move(json).finish();
}

Result<CallRecord, RecordError> parse_call_record(std::string_view line) {
    const auto json = Json::parse(line, nullptr, false);
    if (!json.is_object()) return RecordError{"the line is no JSON object"};
    int schema = 0;
    read(json, "schema", schema);
    if (schema != CallRecord::schema)
        return RecordError{"the record has schema " + std::to_string(schema) + ", this program reads " +
                           std::to_string(CallRecord::schema)};
    CallRecord r;
    read(json, "id", r.id);
    if (r.id.empty()) return RecordError{"the record has no id"};
    read(json, "node", r.node);
    read(json, "session_id", r.session_id);
    read(json, "sip_call_ids", r.sip_call_ids);
    read(json, "trunk", r.trunk);
    read(json, "ends", r.ends);
    read(json, "direction", r.direction);
    read(json, "from", r.from);
    read(json, "to", r.to);
    read(json, "asserted_identity", r.asserted_identity);
    read(json, "redirecting_party", r.redirecting_party);
    read(json, "request_uri", r.request_uri);
    read(json, "emergency", r.emergency);
    read(json, "location", r.location);
    read(json, "carrier", r.carrier);
    read(json, "target", r.target);
    read(json, "started_at", r.started);
    read(json, "ringing_at", r.ringing);
    read(json, "answered_at", r.answered);
    read(json, "ended_at", r.ended);
    read(json, "ended_by", r.ended_by);
    read(json, "sip_status", r.sip_status);
    read(json, "q850_cause", r.q850_cause);
    read(json, "reason", r.reason);
    read(json, "codecs", r.codecs);
    if (const auto forwards = json.find("forwards"); forwards != json.end() && forwards->is_array())
        for (const auto& forward : *forwards)
            if (forward.is_object()) r.forwards.push_back(parse_forward(forward));
    if (const auto replaced = json.find("replaced"); replaced != json.end() && replaced->is_array())
        for (const auto& one : *replaced)
            if (one.is_object()) r.replaced.push_back(parse_replacement(one));
    if (const auto media = json.find("media"); media != json.end() && media->is_array())
        for (const auto& leg : *media)
            if (leg.is_object()) r.media.push_back(parse_media(leg));
    return r;
}

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    constexpr int first_year = 1678, last_year = 2261;  // what 64 bits of nanoseconds around 1970 hold
    if (text.size() != 24 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
        text[16] != ':' || text[19] != '.' || text[23] != 'Z')
        return std::nullopt;
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, ms = 0;
    if (!read_number(text.substr(0, 4), y) || !read_number(text.substr(5, 2), mo) ||
        !read_number(text.substr(8, 2), d) || !read_number(text.substr(11, 2), h) ||
        !read_number(text.substr(14, 2), mi) || !read_number(text.substr(17, 2), s) ||
        !read_number(text.substr(20, 3), ms))
        return std::nullopt;
    const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
    if (y < first_year || y > last_year) return std::nullopt;
    if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
    const auto since_epoch = sys_days{date}.time_since_epoch() + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms);
    return TimePoint(duration_cast<Duration>(since_epoch));
}

}  // namespace sallyport::records

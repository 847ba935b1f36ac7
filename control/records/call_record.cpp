#include "control/records/call_record.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace sallyport::records {
namespace {

using Json = nlohmann::ordered_json;

void put_time(Json& json, const char* key, const std::optional<TimePoint>& time) {
    if (time) json[key] = rfc3339(*time);
}

std::int64_t milliseconds_between(const std::optional<TimePoint>& from, const std::optional<TimePoint>& to) {
    if (!from || !to || *to < *from) return 0;
    return unix_milliseconds(*to) - unix_milliseconds(*from);
}

Json media_json(const LegMedia& leg) {
    return {{"side", leg.side},
            {"stream", leg.stream},
            {"packets_received", leg.packets_received},
            {"bytes_received", leg.bytes_received},
            {"packets_sent", leg.packets_sent},
            {"bytes_sent", leg.bytes_sent},
            {"lost", leg.lost},
            {"jitter_ms", leg.jitter_milliseconds},
            {"srtp", leg.srtp_suite},
            {"srtp_auth_failures", leg.srtp_auth_failures},
            {"dropped", leg.dropped},
            {"local", leg.local},
            {"remote", leg.remote}};
}

Json forward_json(const Forward& forward) {
    return {{"from", forward.from},
            {"to", forward.to},
            {"trunk", forward.trunk},
            {"sip_status", forward.sip_status},
            {"left_status", forward.left_status}};
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
    Json json{{"schema", CallRecord::schema}, {"id", r.id}, {"node", r.node}, {"session_id", r.session_id}};
    json["sip_call_ids"] = r.sip_call_ids;
    json["trunk"] = r.trunk;
    json["ends"] = r.ends;
    json["direction"] = r.direction;
    json["from"] = r.from;
    json["to"] = r.to;
    json["asserted_identity"] = r.asserted_identity;
    json["redirecting_party"] = r.redirecting_party;
    if (!r.forwards.empty()) json["forwards"] = Json::array();
    for (const auto& forward : r.forwards) json["forwards"].push_back(forward_json(forward));
    json["request_uri"] = r.request_uri;
    json["emergency"] = r.emergency;
    json["carrier"] = r.carrier;
    json["target"] = r.target;
    put_time(json, "started_at", r.started);
    put_time(json, "ringing_at", r.ringing);
    put_time(json, "answered_at", r.answered);
    put_time(json, "ended_at", r.ended);
    json["talk_ms"] = milliseconds_between(r.answered, r.ended);
    json["ended_by"] = r.ended_by;
    json["sip_status"] = r.sip_status;
    json["q850_cause"] = r.q850_cause;
    json["reason"] = r.reason;
    json["codecs"] = r.codecs;
    json["media"] = Json::array();
    for (const auto& leg : r.media) json["media"].push_back(media_json(leg));
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
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

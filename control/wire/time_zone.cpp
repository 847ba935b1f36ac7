#include "control/wire/time_zone.h"

#include <absl/time/time.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "control/config/limits.h"

namespace sallyport::wire {
namespace {

// "Europe/Berlin", "Etc/GMT+1": no path, no file of its own.
bool is_zone_name(const std::string& name) {
    const auto is_part_of_name = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
               c == '+' || c == '-';
    };
    return !name.empty() && name.size() <= config::limits::time_zone_length && name.front() >= 'A' &&
           name.front() <= 'Z' && std::all_of(name.begin(), name.end(), is_part_of_name);
}

std::shared_ptr<const config::TimeZone> load(const std::string& name) {
    absl::TimeZone zone;
    if (!absl::LoadTimeZone(name, &zone)) return nullptr;
    auto out = std::make_shared<config::TimeZone>();
    out->name = name;
    absl::Time at = absl::FromUnixSeconds(0);
    const absl::Time end = absl::FromCivil(absl::CivilYear(2100), absl::UTCTimeZone());
    out->seconds = zone.At(at).offset;
    absl::TimeZone::CivilTransition change;
    while (at < end && zone.NextTransition(at, &change)) {
        at = zone.At(change.to).trans;
        out->changes.push_back({absl::ToUnixSeconds(at), zone.At(at).offset});
    }
    return out;
}

}  // namespace

std::shared_ptr<const config::TimeZone> time_zone(const std::string& name) {
    static std::mutex mutex;
    static std::map<std::string, std::shared_ptr<const config::TimeZone>> known;
    if (!is_zone_name(name)) return nullptr;
    const std::lock_guard lock(mutex);
    const auto found = known.find(name);
    if (found != known.end()) return found->second;
    auto zone = load(name);
    if (zone) known.emplace(name, zone);  // one that is not there yet may come with a package
    return zone;
}

}  // namespace sallyport::wire

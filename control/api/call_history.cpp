#include "control/api/call_history.h"

#include <algorithm>

#include "control/records/newest_lines.h"

namespace sallyport::api {
namespace {

constexpr std::uint64_t page_bytes = 64u << 20;
constexpr std::uint64_t search_bytes = 512u << 20;

// Asking whether the caller is still there takes a lock inside gRPC: once in so many lines.
class Patience {
public:
    explicit Patience(const CallHistory::GiveUp& give_up) : give_up_(give_up) {}
    bool is_over() { return over_ = over_ || (lines_++ % lines_between == 0 && give_up_()); }
    bool was_over() const { return over_; }

private:
    static constexpr std::uint64_t lines_between = 256;
    const CallHistory::GiveUp& give_up_;
    std::uint64_t lines_ = 0;
    bool over_ = false;
};

std::string time_text(const std::optional<TimePoint>& time) { return time ? rfc3339(*time) : std::string(); }

std::string cause_text(const records::CallRecord& record) {
    auto text = record.ended_by;
    if (record.q850_cause != 0) text += (text.empty() ? "" : ", ") + ("Q.850 " + std::to_string(record.q850_cause));
    if (!record.reason.empty()) text += (text.empty() ? "" : ": ") + record.reason;
    return text;
}

bool is_of(const records::CallRecord& record, std::string_view id) {
    const auto& ids = record.sip_call_ids;
    return record.id == id || std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

operations::v1::Call to_proto(const records::CallRecord& record) {
    operations::v1::Call call;
    call.set_id(record.id);
    call.set_session_id(record.session_id);
    call.set_trunk(record.trunk);
    call.set_direction(record.direction);
    call.set_from(record.from);
    call.set_to(record.to);
    call.set_state("ended");
    call.set_started_at(time_text(record.started));
    call.set_answered_at(time_text(record.answered));
    call.set_ended_at(time_text(record.ended));
    call.set_status(record.sip_status);
    call.set_cause(cause_text(record));
    for (const auto& id : record.sip_call_ids) call.add_sip_call_ids(id);
    call.set_carrier(record.carrier);
    call.set_target(record.target);
    return call;
}

std::optional<CallHistory::Page> CallHistory::page(std::string_view trunk, std::size_t size, const std::string& from,
                                                   const GiveUp& give_up) const {
    std::optional<records::Position> before;
    if (!from.empty() && !(before = records::Position::parse(from))) return std::nullopt;
    Page page;
    Patience patience(give_up);
    std::optional<records::Position> reached = before;
    const bool oldest = records::visit_newest(directory_, before, page_bytes, [&](std::string_view line, auto start) {
        if (page.calls.size() == size || patience.is_over()) return false;
        reached = start;
        if (line.find(trunk) == line.npos) return true;  // far cheaper than parsing every line
        const auto record = records::parse_call_record(line);
        if (record && (trunk.empty() || record->trunk == trunk)) page.calls.push_back(to_proto(*record));
        return true;
    });
    if (!oldest && reached) page.next = reached->to_string();
    return page;
}

Result<std::optional<CallHistory::Found>, CallHistory::SearchErrc> CallHistory::find(std::string_view id,
                                                                                     const GiveUp& give_up) const {
    const std::unique_lock search(search_, std::try_to_lock);
    if (!search.owns_lock()) return SearchErrc::busy;
    std::optional<Found> found;
    Patience patience(give_up);
    records::visit_newest(directory_, std::nullopt, search_bytes, [&](std::string_view line, records::Position) {
        if (patience.is_over()) return false;
        if (line.find(id) == line.npos) return true;  // far cheaper than parsing every line
        auto record = records::parse_call_record(line);
        if (record && is_of(*record, id)) found = Found{std::move(*record), std::string(line)};
        return !found;
    });
    if (patience.was_over()) return SearchErrc::given_up;
    return found;
}

std::uint64_t CallHistory::bytes() const {
    std::uint64_t total = 0;
    for (const auto& segment : records::list_segments(directory_)) total += segment.bytes;
    return total;
}

}  // namespace sallyport::api

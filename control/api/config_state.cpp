#include "control/api/config_state.h"

#include <algorithm>
#include <cstdio>

#include "control/observe/log.h"
#include "control/wire/config_convert.h"
#include "control/wire/store_codec.h"

namespace sallyport::api {
namespace {

constexpr std::string_view request_prefix = "/sallyport/v1/request/";
constexpr std::size_t answer_bytes_kept = 32u << 20;
constexpr std::size_t page = 1'000;

std::string request_key(std::uint64_t revision) {  // the order of keys is the order of time
    char digits[32];
    std::snprintf(digits, sizeof digits, "%020llu", static_cast<unsigned long long>(revision));
    return std::string(request_prefix) + digits;
}

// Of an answer that is remembered: everything that is as long as the client likes.
std::size_t bytes_of(const std::string& id, std::size_t rest) { return 2 * id.size() + rest; }

store::Write write_of(const config::Difference& difference, const config::Snapshot& snapshot) {
    const auto id = difference.name.substr(difference.name.find('/') + 1);
    store::Write write{wire::store_key(difference.name), std::nullopt};
    if (difference.action == config::Action::delete_) return write;
    write.in_history = !difference.name.starts_with("trunks/");  // a deleted or rotated hash is gone
    if (difference.name.starts_with("trunks/")) write.value = wire::encode(snapshot.trunks.at(id));
    if (difference.name.starts_with("carriers/")) write.value = wire::encode(snapshot.carriers.at(id));
    if (difference.name.starts_with("routes/")) write.value = wire::encode(snapshot.routes.at(id));
    if (difference.name.starts_with("customers/")) write.value = wire::encode(snapshot.customers.at(id));
    return write;
}

}  // namespace

Result<std::unique_ptr<ConfigState>, std::string> ConfigState::open(store::Store& store, std::size_t answers_kept) {
    std::unique_ptr<ConfigState> state(new ConfigState(store, answers_kept));
    if (auto started = state->start(); !started) return started.error();
    return state;
}

Result<void, std::string> ConfigState::start() {
    auto loaded = load();
    if (!loaded) return loaded.error();
    snapshot_ = std::move(*loaded);
    stored_ = published_ = snapshot_->revision;
    if (auto answers = load_answers(); !answers) return answers;
    // The store tells of every write, ours and another node's; nothing is done on its thread but to note the revision.
    auto watch =
        store_.watch(std::string(wire::revision_key), store_.revision() + 1, [this](const store::Event& event) {
            const auto& value = event.writes.back().value;
            const std::lock_guard lock(listeners_mutex_);
            stored_ = value ? wire::revision_of(*value) : 0;
            wake_.notify_all();
        });
    if (!watch) return watch.error().sentence;
    watch_ = std::move(*watch);
    publisher_ = std::thread([this] { run(); });
    return {};
}

ConfigState::~ConfigState() {
    watch_.reset();
    {
        const std::lock_guard lock(listeners_mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (publisher_.joinable()) publisher_.join();
}

Result<config::SnapshotPtr, std::string> ConfigState::load() {
    auto snapshot = std::make_shared<config::Snapshot>();
    revision_entry_ = 0;
    for (std::string after;;) {
        auto entries = store_.range(wire::config_prefix, after, page);
        if (!entries) return std::move(entries.error().sentence);
        for (const auto& entry : *entries) {
            if (auto decoded = wire::decode_into(entry.key, entry.value, *snapshot); !decoded)
                return std::move(decoded.error().sentence);
            if (entry.key == wire::revision_key) revision_entry_ = entry.revision;
        }
        if (entries->size() < page) break;
        after = entries->back().key;
    }
    snapshot->build_indexes();
    return config::SnapshotPtr(std::move(snapshot));
}

Result<void, std::string> ConfigState::load_answers() {
    for (std::string after;;) {
        auto entries = store_.range(request_prefix, after, page);
        if (!entries) return std::move(entries.error().sentence);
        for (const auto& entry : *entries) {
            if (auto answer = unpack(entry.value)) remember(entry.key, std::move(*answer));
        }
        if (entries->size() < page) return {};
        after = entries->back().key;
    }
}

config::SnapshotPtr ConfigState::snapshot() const {
    const std::lock_guard lock(snapshot_mutex_);
    return snapshot_;
}

std::optional<Result<std::string, Problem>> ConfigState::known_answer(const Request& request) const {
    if (request.id.empty() || request.validate_only) return std::nullopt;
    const auto answered = answers_.find(request.id);
    if (answered == answers_.end()) return std::nullopt;
    if (answered->second.fingerprint != request.fingerprint)
        return Problem{Refusal::invalid, "the request_id was used before, for another request", {}};
    if (request.same_secrets && !request.same_secrets(*snapshot()))
        return Problem{
            Refusal::invalid,
            "the request_id was used before, and the credentials of this request are not those stored by now",
            {}};
    return answered->second.reply;
}

Result<std::string, Problem> ConfigState::change(const Request& request, const Make& make, const Reply& reply) {
    const std::lock_guard lock(mutex_);
    if (auto known = known_answer(request)) return std::move(*known);
    const auto base = snapshot();
    auto change = make(*base);
    if (!change) return change.error();
    auto outcome = config::apply(*base, *change);
    if (!outcome) {
        const auto count = outcome.error().size();
        return Problem{Refusal::invalid, std::to_string(count) + (count == 1 ? " rule is broken" : " rules are broken"),
                       outcome.error()};
    }
    auto bytes = reply(*outcome);
    if (request.validate_only) return bytes;
    return commit(request, std::move(*outcome), std::move(bytes));
}

Result<std::string, Problem> ConfigState::commit(const Request& request, config::Outcome outcome, std::string reply) {
    if (!outcome.changed()) return reply;
    store::Transaction transaction;
    transaction.preconditions.push_back({std::string(wire::revision_key), revision_entry_});
    for (const auto& difference : outcome.differences)
        if (difference.action != config::Action::unchanged)
            transaction.writes.push_back(write_of(difference, outcome.snapshot));
    transaction.writes.push_back({std::string(wire::revision_key), wire::etag_of(outcome.snapshot.revision)});
    const auto key = request_key(store_.revision() + 1);
    StoredAnswer answer{request.id, request.fingerprint, reply};
    if (!request.id.empty()) {
        transaction.preconditions.push_back({key, 0});
        transaction.writes.push_back({key, pack(answer), false});
        forget_answers(transaction);
    }
    const auto committed = store_.commit(transaction);
    if (!committed) {
        const bool lost_race = committed.error().code == store::Errc::conflict;
        return Problem{lost_race ? Refusal::aborted : Refusal::unavailable, committed.error().sentence, {}};
    }
    if (!request.id.empty()) remember(key, std::move(answer));
    revision_entry_ = *committed;
    auto fresh = std::make_shared<const config::Snapshot>(std::move(outcome.snapshot));
    const std::lock_guard lock(snapshot_mutex_);
    snapshot_.swap(fresh);
    return reply;
}

void ConfigState::remember(const std::string& key, StoredAnswer answer) {
    while (!answer_ids_.empty() && (answer_ids_.size() >= answers_kept_ || answer_bytes_ > answer_bytes_kept)) {
        const auto oldest = answer_ids_.begin();
        const auto answered = answers_.find(oldest->second);
        if (answered != answers_.end() && answered->second.key == oldest->first) {
            answer_bytes_ -= bytes_of(answered->first, answered->second.bytes());
            answers_.erase(answered);
        }
        answer_ids_.erase(oldest);
    }
    Answered answered{key, std::move(answer.fingerprint), std::move(answer.reply)};
    answer_bytes_ += bytes_of(answer.id, answered.bytes());
    answer_ids_[key] = answer.id;
    answers_[std::move(answer.id)] = std::move(answered);
}

// The store forgets with the memory: what remember() will drop now leaves in the same transaction.
void ConfigState::forget_answers(store::Transaction& transaction) const {
    std::size_t count = answer_ids_.size(), bytes = answer_bytes_;
    for (const auto& [key, id] : answer_ids_) {
        if (count < answers_kept_ && bytes <= answer_bytes_kept) return;
        transaction.writes.push_back({key, std::nullopt, false});
        --count;
        if (const auto answered = answers_.find(id); answered != answers_.end())
            bytes -= bytes_of(id, answered->second.bytes());
    }
}

std::uint64_t ConfigState::subscribe(Listener listener) {
    const auto present = snapshot();
    const std::lock_guard lock(listeners_mutex_);
    listener(present);
    listeners_[next_subscription_] = std::move(listener);
    return next_subscription_++;
}

void ConfigState::unsubscribe(std::uint64_t subscription) {
    const std::lock_guard lock(listeners_mutex_);
    listeners_.erase(subscription);
}

void ConfigState::run() {
    std::unique_lock lock(listeners_mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || stored_ != published_; });
        if (stopping_) return;
        lock.unlock();
        const auto revision = publish();
        lock.lock();
        published_ = revision;
    }
}

std::uint64_t ConfigState::publish() {
    {
        const std::lock_guard one_change(mutex_);  // waits until a change that just committed has its snapshot in place
        std::uint64_t stored;
        {
            const std::lock_guard lock(listeners_mutex_);
            stored = stored_;
        }
        if (snapshot()->revision != stored) {  // written by another node
            auto loaded = load();
            if (!loaded) {
                observe::log_error("cannot read the configuration that another node wrote",
                                   {{"reason", loaded.error()}});
                return stored;
            }
            const std::lock_guard lock(snapshot_mutex_);
            snapshot_ = std::move(*loaded);
        }
    }
    const auto present = snapshot();
    const std::lock_guard lock(listeners_mutex_);
    for (const auto& [id, listener] : listeners_) listener(present);
    return present->revision;
}

}  // namespace sallyport::api

// The provisioned state of this node: the newest snapshot in memory, the store behind it, one change at a time.
// A change is in the store before anybody hears of it. Knows no message and no caller.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "control/api/stored_answer.h"
#include "control/base/result.h"
#include "control/config/change.h"
#include "control/store/store.h"

namespace sallyport::api {

enum class Refusal : std::uint8_t { invalid, not_found, already_exists, aborted, failed_precondition, unavailable };
struct Problem {
    Refusal refusal;
    std::string sentence;
    config::Violations violations;  // invalid, failed_precondition
};

class ConfigState {
public:
    using Make = std::function<Result<config::Change, Problem>(const config::Snapshot& base)>;
    // Turns the outcome into the reply that a repeated request gets again.
    using Reply = std::function<std::string(const config::Outcome& outcome)>;
    using Listener = std::function<void(const config::SnapshotPtr&)>;

    struct Request {
        std::string id;           // idempotency; empty: none
        std::string fingerprint;  // of method and content, without secrets
        bool validate_only = false;
        // The fingerprint does not tell passwords apart; this does, against what is stored by now. Empty: always the
        // same.
        std::function<bool(const config::Snapshot& present)> same_secrets{};
    };

    // `answers_kept`: of how many requests with an id the answer is remembered.
    static Result<std::unique_ptr<ConfigState>, std::string> open(store::Store& store,
                                                                  std::size_t answers_kept = 10'000);
    ~ConfigState();
    ConfigState(const ConfigState&) = delete;
    ConfigState& operator=(const ConfigState&) = delete;

    config::SnapshotPtr snapshot() const;
    // Asks make() for the change with the newest snapshot in hand, applies it, commits it; the reply's bytes. What
    // changed nothing is not remembered: its repetition is judged anew, and leaves no trace in the store either.
    Result<std::string, Problem> change(const Request& request, const Make& make, const Reply& reply);

    // Hears of each new snapshot, on a thread of our own; when many come together, of the last. At once of the
    // present one. Ends with unsubscribe(), after which the listener is not called any more.
    std::uint64_t subscribe(Listener listener);
    void unsubscribe(std::uint64_t subscription);

private:
    // What a request with an id was answered: kept in the store, so that a retry after a crash is recognised.
    struct Answered {
        std::string key, fingerprint, reply;
        std::size_t bytes() const { return key.size() + fingerprint.size() + reply.size(); }
    };

    ConfigState(store::Store& store, std::size_t answers_kept) : store_(store), answers_kept_(answers_kept) {}
    Result<void, std::string> start();
    Result<config::SnapshotPtr, std::string> load();
    Result<void, std::string> load_answers();
    Result<std::string, Problem> commit(const Request& request, config::Outcome outcome, std::string reply);
    std::optional<Result<std::string, Problem>> known_answer(const Request& request) const;
    void remember(const std::string& key, StoredAnswer answer);
    void forget_answers(store::Transaction& transaction) const;
    void run();
    std::uint64_t publish();  // the revision that the listeners have now

    store::Store& store_;
    const std::size_t answers_kept_;
    mutable std::mutex mutex_;                           // one change at a time; guards the answers
    std::unordered_map<std::string, Answered> answers_;  // by request id
    std::map<std::string, std::string> answer_ids_;      // by key, oldest first
    std::size_t answer_bytes_ = 0;
    store::Revision revision_entry_ = 0;  // of the store's entry that holds the snapshot's revision

    mutable std::mutex snapshot_mutex_;
    config::SnapshotPtr snapshot_;

    std::mutex listeners_mutex_;
    std::condition_variable wake_;
    std::map<std::uint64_t, Listener> listeners_;
    std::uint64_t next_subscription_ = 1;
    std::uint64_t stored_ = 0, published_ = 0;  // revisions of snapshots
    bool stopping_ = false;

    std::unique_ptr<store::Store::Watch> watch_;
    std::thread publisher_;
};

}  // namespace sallyport::api

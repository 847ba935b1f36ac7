// What control keeps: ordered keys with revisions, transactions with preconditions, and a watch that misses nothing.
// The words are etcd's, so that an engine for many nodes fits behind them. Interprets no value.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/histogram.h"
#include "control/base/result.h"

namespace sallyport::store {

using Revision = std::uint64_t;  // of the whole store; each transaction that writes adds one

enum class Errc : std::uint8_t {
    conflict,      // a precondition does not hold; nothing was written
    compacted,     // the history asked for is not kept any more: read everything anew
    unavailable,   // the medium refused; nothing was written, trying again may help
    newer_schema,  // written by a later version of this program
    damaged,
    in_use,  // by another process
};
struct Error {
    Errc code;
    std::string sentence;
};

struct Entry {
    std::string key, value;
    Revision revision = 0;  // of its last change
    friend bool operator==(const Entry&, const Entry&) = default;
};
struct Precondition {
    std::string key;
    Revision revision = 0;  // the entry is unchanged since; 0: there is none
};
struct Write {
    std::string key;
    std::optional<std::string> value;  // nothing: delete
    // False: no copy outlives the entry, and watches that come later are not told. For secrets, and for what nobody
    // asks after once it is over.
    bool in_history = true;
};
struct Transaction {
    std::vector<Precondition> preconditions;
    std::vector<Write> writes;
};
// Everything one transaction wrote under the watched prefix.
struct Event {
    Revision revision = 0;
    std::vector<Write> writes;
    friend bool operator==(const Event&, const Event&);
};

struct Stats {
    SecondsHistogram commit_seconds{seconds_bounds};
    Counter commits, conflicts, failures;
};

class Store {
public:
    // Ends the watch when destroyed; after that its callback is not called any more.
    class Watch {
    public:
        virtual ~Watch() = default;
    };
    using OnEvent = std::function<void(const Event&)>;

    virtual ~Store() = default;

    virtual Result<std::optional<Entry>, Error> get(std::string_view key) = 0;
    // Entries whose key starts with the prefix and comes after `after`, in order, at most `limit`.
    virtual Result<std::vector<Entry>, Error> range(std::string_view prefix, std::string_view after,
                                                    std::size_t limit) = 0;
    // Durable when it returns: all writes or none. A transaction without writes gives the current revision.
    virtual Result<Revision, Error> commit(const Transaction& transaction) = 0;
    // Every event from this revision on, in order, each once: first those of the history, before watch() returns, then
    // each on the committing thread before commit() returns. The callback must not call the store.
    virtual Result<std::unique_ptr<Watch>, Error> watch(std::string prefix, Revision from, OnEvent on_event) = 0;
    virtual Revision revision() = 0;
    virtual const Stats& stats() const = 0;

    Result<Revision, Error> put(std::string key, std::string value) {
        return commit({{}, {{std::move(key), std::move(value)}}});
    }
};

}  // namespace sallyport::store

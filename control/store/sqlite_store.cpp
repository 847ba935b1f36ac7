#include "control/store/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <list>
#include <mutex>

#include "control/store/sqlite.h"

namespace sallyport::store {
namespace {

constexpr std::int64_t schema = 1;
constexpr std::int64_t application_id = 0x53505254;  // "SPRT", so that file(1) and a wrong path are told apart

constexpr const char* create_schema =
    "CREATE TABLE entry(key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE history(revision INTEGER NOT NULL, position INTEGER NOT NULL, key TEXT NOT NULL, value BLOB,"
    " PRIMARY KEY(revision, position)) WITHOUT ROWID;"
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counter VALUES('revision', 0), ('compacted', 0);";

// A file that only we may write, held as long as we live: released by the kernel even after kill -9.
class LockFile {
public:
    ~LockFile() {
        if (file_ >= 0) close(file_);
    }
    bool take(const std::string& path) {
        file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        return file_ >= 0 && flock(file_, LOCK_EX | LOCK_NB) == 0;
    }

private:
    int file_ = -1;
};

// The first key that no longer starts with the prefix, or "" when there is none.
std::string behind(std::string_view prefix) {
    std::string key(prefix);
    while (!key.empty() && static_cast<unsigned char>(key.back()) == 0xff) key.pop_back();
    if (!key.empty()) key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) + 1);
    return key;
}

class SqliteStore final : public Store {
public:
    explicit SqliteStore(const SqliteOptions& options) : options_(options) {}

    Result<void, Error> open();
    Result<std::optional<Entry>, Error> get(std::string_view key) override;
    Result<std::vector<Entry>, Error> range(std::string_view prefix, std::string_view after,
                                            std::size_t limit) override;
    Result<Revision, Error> commit(const Transaction& transaction) override;
    Result<std::unique_ptr<Watch>, Error> watch(std::string prefix, Revision from, OnEvent on_event) override;
    Revision revision() override {
        const std::lock_guard lock(mutex_);
        return revision_;
    }
    const Stats& stats() const override { return stats_; }

private:
    struct Watcher {
        std::string prefix;
        OnEvent on_event;
    };
    class Registration;

    Result<void, Error> open_file();
    Result<void, Error> check_schema();
    bool prepare_statements();
    Result<Revision, Error> commit_locked(const Transaction& transaction);
    Result<void, Error> check(const Precondition& precondition);
    bool write(const Transaction& transaction, Revision revision);
    bool trim_history(Revision newest, std::uint64_t added);
    Error roll_back(Error error);
    void tell(Revision revision, const std::vector<Write>& writes);
    Result<void, Error> replay(const Watcher& watcher, Revision from);

    SqliteOptions options_;
    LockFile lock_;
    std::mutex mutex_;  // guards what follows: one thread at a time is in SQLite
    sqlite::Connection db_;
    sqlite::Statement get_, range_, put_, erase_, remember_, count_, forget_, compact_, history_, sizes_;
    Revision revision_ = 0;
    std::uint64_t history_size_ = 0;        // bytes of keys and values in the history, as of the last commit
    std::uint64_t fresh_history_size_ = 0;  // of the transaction that is being written
    Stats stats_;
    std::list<Watcher> watchers_;
};

class SqliteStore::Registration final : public Store::Watch {
public:
    Registration(SqliteStore& store, std::list<Watcher>::iterator place) : store_(store), place_(place) {}
    ~Registration() override {
        const std::lock_guard lock(store_.mutex_);
        store_.watchers_.erase(place_);
    }

private:
    SqliteStore& store_;
    std::list<Watcher>::iterator place_;
};

Result<void, Error> SqliteStore::open() {
    std::error_code error;
    const auto directory = options_.file.parent_path();
    if (!directory.empty() && std::filesystem::create_directories(directory, error))
        std::filesystem::permissions(directory, std::filesystem::perms(0750), error);
    if (error) return Error{Errc::unavailable, "cannot create " + directory.string() + ": " + error.message()};
    errno = 0;
    if (!lock_.take(options_.file.string() + ".lock")) {
        if (errno == EWOULDBLOCK)
            return Error{Errc::in_use, "the store " + options_.file.string() + " is in use by another process"};
        return Error{Errc::unavailable, "cannot lock " + options_.file.string() + ".lock: " + std::strerror(errno)};
    }
    if (auto opened = open_file(); !opened) return opened;
    if (auto checked = check_schema(); !checked) return checked;
    if (!prepare_statements()) return db_.error("cannot use the store " + options_.file.string());
    const auto revision = db_.integer("SELECT value FROM counter WHERE name='revision'");
    if (!revision) return Error{Errc::damaged, "the store " + options_.file.string() + " has no revision counter"};
    revision_ = static_cast<Revision>(*revision);
    const auto size = db_.integer(
        "SELECT COALESCE(SUM(LENGTH(CAST(key AS BLOB))+COALESCE(LENGTH(value),0)),0)"
        " FROM history");
    if (!size) return db_.error("cannot read the store's history");
    history_size_ = static_cast<std::uint64_t>(*size);
    return {};
}

Result<void, Error> SqliteStore::open_file() {
    const auto path = options_.file.string();
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);  // it will hold digest hashes
    if (file < 0) return Error{Errc::unavailable, "cannot open the store " + path + ": " + std::strerror(errno)};
    close(file);
    if (!db_.open(path) || !db_.execute("PRAGMA journal_mode=WAL") || !db_.execute("PRAGMA synchronous=FULL") ||
        !db_.execute("PRAGMA secure_delete=ON") ||  // a hash that was replaced leaves no readable page behind
        !db_.execute("PRAGMA foreign_keys=ON"))
        return db_.error("cannot open the store " + path);
    return {};
}

Result<void, Error> SqliteStore::check_schema() {
    const auto path = options_.file.string();
    const auto version = db_.integer("PRAGMA user_version"), owner = db_.integer("PRAGMA application_id");
    if (!version || !owner) return db_.error("cannot read the store " + path);
    if (*version == 0 && *owner == 0) {  // fresh; another program's file without these marks fails at CREATE TABLE
        std::string sql = "BEGIN IMMEDIATE;";
        sql.append(create_schema)
            .append("PRAGMA application_id=")
            .append(std::to_string(application_id))
            .append(";PRAGMA user_version=")
            .append(std::to_string(schema))
            .append(";COMMIT;");
        if (!db_.execute(sql.c_str())) return db_.error("cannot create the store " + path);
        return {};
    }
    if (*owner != application_id) return Error{Errc::damaged, path + " is a SQLite file of another program"};
    if (*version > schema)
        return Error{Errc::newer_schema, "the store " + path + " has schema " + std::to_string(*version) +
                                             ", this version knows up to " + std::to_string(schema) +
                                             ": run the newer version, or restore a backup made before it"};
    const auto verdict = db_.text("PRAGMA quick_check(1)");
    if (verdict != "ok")
        return Error{Errc::damaged,
                     "the store " + path + " is damaged (" + verdict.value_or("unreadable") + "): restore a backup"};
    return {};
}

bool SqliteStore::prepare_statements() {
    return get_.prepare(db_, "SELECT value, revision FROM entry WHERE key=?") &&
           range_.prepare(db_,
                          "SELECT key, value, revision FROM entry WHERE key>=? AND key>? AND (?='' OR key<?)"
                          " ORDER BY key LIMIT ?") &&
           put_.prepare(db_,
                        "INSERT INTO entry VALUES(?,?,?) ON CONFLICT(key) DO UPDATE SET value=excluded.value,"
                        " revision=excluded.revision") &&
           erase_.prepare(db_, "DELETE FROM entry WHERE key=?") &&
           remember_.prepare(db_, "INSERT INTO history VALUES(?,?,?,?)") &&
           count_.prepare(db_, "UPDATE counter SET value=? WHERE name='revision'") &&
           forget_.prepare(db_, "DELETE FROM history WHERE revision<=?") &&
           compact_.prepare(db_, "UPDATE counter SET value=MAX(value,?) WHERE name='compacted'") &&
           sizes_.prepare(db_,
                          "SELECT revision, SUM(LENGTH(CAST(key AS BLOB))+COALESCE(LENGTH(value),0))"
                          " FROM history GROUP BY revision"
                          " ORDER BY revision") &&
           history_.prepare(db_,
                            "SELECT revision, key, value FROM history WHERE revision>=? ORDER BY revision, position");
}

Result<std::optional<Entry>, Error> SqliteStore::get(std::string_view key) {
    const std::lock_guard lock(mutex_);
    auto use = get_.use();
    use.text(key);
    if (use.row()) return std::optional<Entry>(Entry{std::string(key), use.column_bytes(0), use.column_integer(1)});
    if (use.failed()) return db_.error("cannot read the store");
    return std::optional<Entry>();
}

Result<std::vector<Entry>, Error> SqliteStore::range(std::string_view prefix, std::string_view after,
                                                     std::size_t limit) {
    const std::lock_guard lock(mutex_);
    const auto end = behind(prefix);
    std::vector<Entry> entries;
    auto use = range_.use();
    use.text(prefix).text(after).text(end).text(end).integer(limit);
    while (use.row()) entries.push_back({use.column_bytes(0), use.column_bytes(1), use.column_integer(2)});
    if (use.failed()) return db_.error("cannot read the store");
    return entries;
}

Result<Revision, Error> SqliteStore::commit(const Transaction& transaction) {
    const std::lock_guard lock(mutex_);
    const auto began = std::chrono::steady_clock::now();
    auto committed = commit_locked(transaction);
    if (committed) {
        stats_.commits.add();
        stats_.commit_seconds.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    } else {
        (committed.error().code == Errc::conflict ? stats_.conflicts : stats_.failures).add();
    }
    return committed;
}

Result<Revision, Error> SqliteStore::commit_locked(const Transaction& transaction) {
    if (!db_.execute("BEGIN IMMEDIATE")) return db_.error("cannot write to the store");
    for (const auto& precondition : transaction.preconditions)
        if (auto held = check(precondition); !held) return roll_back(held.error());
    if (transaction.writes.empty()) {
        db_.execute("ROLLBACK");
        return revision_;
    }
    const Revision next = revision_ + 1;
    if (!write(transaction, next)) return roll_back(db_.error("cannot write to the store"));
    if (!db_.execute("COMMIT")) return roll_back(db_.error("cannot commit to the store"));
    revision_ = next;
    history_size_ = fresh_history_size_;
    tell(next, transaction.writes);
    return next;
}

Error SqliteStore::roll_back(Error error) {
    db_.execute("ROLLBACK");
    return error;
}

Result<void, Error> SqliteStore::check(const Precondition& precondition) {
    auto use = get_.use();
    use.text(precondition.key);
    const Revision found = use.row() ? use.column_integer(1) : 0;
    if (use.failed()) return db_.error("cannot read the store");
    if (found == precondition.revision) return {};
    return Error{Errc::conflict, precondition.key + " was changed by somebody else"};
}

bool SqliteStore::write(const Transaction& transaction, Revision revision) {
    std::uint64_t position = 0, added = 0;
    for (const auto& change : transaction.writes) {
        if (change.value ? !put_.use().text(change.key).blob(change.value).integer(revision).done()
                         : !erase_.use().text(change.key).done())
            return false;
        if (!change.in_history) continue;
        if (!remember_.use().integer(revision).integer(position++).text(change.key).blob(change.value).done())
            return false;
        added += change.key.size() + (change.value ? change.value->size() : 0);
    }
    return count_.use().integer(revision).done() && trim_history(revision, added);
}

bool SqliteStore::trim_history(Revision newest, std::uint64_t added) {
    fresh_history_size_ = history_size_ + added;
    const Revision too_old = newest > options_.history_revisions ? newest - options_.history_revisions : 0;
    Revision last_gone = 0;
    {
        auto use = sizes_.use();
        while (use.row()) {
            const auto revision = use.column_integer(0);
            const bool too_much = fresh_history_size_ > options_.history_bytes && revision < newest;
            if (revision > too_old && !too_much) break;
            fresh_history_size_ -= std::min(fresh_history_size_, use.column_integer(1));
            last_gone = revision;
        }
        if (use.failed()) return false;
    }
    last_gone = std::max(last_gone, too_old);
    if (last_gone == 0) return true;
    return forget_.use().integer(last_gone).done() && compact_.use().integer(last_gone).done();
}

void SqliteStore::tell(Revision revision, const std::vector<Write>& writes) {
    for (const auto& watcher : watchers_) {
        Event event{revision, {}};
        for (const auto& change : writes)
            if (change.key.starts_with(watcher.prefix)) event.writes.push_back(change);
        if (!event.writes.empty()) watcher.on_event(event);
    }
}

Result<void, Error> SqliteStore::replay(const Watcher& watcher, Revision from) {
    Event event;
    const auto flush = [&] {
        if (!event.writes.empty()) watcher.on_event(event);
        event.writes.clear();
    };
    auto use = history_.use();
    use.integer(from);
    while (use.row()) {
        if (const auto revision = use.column_integer(0); revision != event.revision) {
            flush();
            event.revision = revision;
        }
        auto key = use.column_bytes(1);
        if (!key.starts_with(watcher.prefix)) continue;
        event.writes.push_back(
            {std::move(key), use.column_null(2) ? std::nullopt : std::optional(use.column_bytes(2))});
    }
    if (use.failed()) return db_.error("cannot read the store's history");
    flush();
    return {};
}

Result<std::unique_ptr<Store::Watch>, Error> SqliteStore::watch(std::string prefix, Revision from, OnEvent on_event) {
    const std::lock_guard lock(mutex_);
    const auto compacted = db_.integer("SELECT value FROM counter WHERE name='compacted'");
    if (!compacted) return db_.error("cannot read the store");
    if (from <= static_cast<Revision>(*compacted) && *compacted > 0)
        return Error{Errc::compacted, "revisions up to " + std::to_string(*compacted) + " are not kept any more"};
    Watcher watcher{std::move(prefix), std::move(on_event)};
    if (auto replayed = replay(watcher, from); !replayed) return replayed.error();
    watchers_.push_back(std::move(watcher));
    return std::unique_ptr<Watch>(std::make_unique<Registration>(*this, std::prev(watchers_.end())));
}

}  // namespace

bool operator==(const Event& a, const Event& b) {
    const auto same = [](const Write& x, const Write& y) { return x.key == y.key && x.value == y.value; };
    return a.revision == b.revision &&
           std::equal(a.writes.begin(), a.writes.end(), b.writes.begin(), b.writes.end(), same);
}

Result<std::unique_ptr<Store>, Error> open_sqlite_store(const SqliteOptions& options) {
    auto store = std::make_unique<SqliteStore>(options);
    if (auto opened = store->open(); !opened) return opened.error();
    return std::unique_ptr<Store>(std::move(store));
}

}  // namespace sallyport::store

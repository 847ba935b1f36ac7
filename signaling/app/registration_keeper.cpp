#include "signaling/app/registration_keeper.h"

#include <algorithm>
#include <filesystem>

#include "control/observe/log.h"
#include "control/store/sqlite_store.h"
#include "signaling/registrar/binding_text.h"

namespace sallyport::app {
namespace {

constexpr std::string_view prefix = "bindings/";
constexpr std::size_t page = 1'000, batch = 1'000;  // entries read at a time, trunks of one transaction
// How old what is on the disk may be: registrations of the last moment before a kill -9 are lost, and their PBXs come
// back with their next refresh.
constexpr std::chrono::milliseconds interval(100);

// A file that is damaged or of a later version would keep every later start from keeping anything.
Result<std::unique_ptr<store::Store>, store::Error> open_or_begin_anew(const std::string& file) {
    store::SqliteOptions options;
    options.file = file;
    auto opened = store::open_sqlite_store(options);
    if (opened || (opened.error().code != store::Errc::damaged && opened.error().code != store::Errc::newer_schema))
        return opened;
    observe::log_error("registrations cannot be read back and are begun anew: " + opened.error().sentence,
                       {{"kept_as", file + ".unreadable"}});
    std::error_code ignored;
    for (const char* part : {"", "-wal", "-shm"})
        std::filesystem::rename(file + part, file + ".unreadable" + part, ignored);
    return store::open_sqlite_store(options);
}

}  // namespace

RegistrationKeeper::RegistrationKeeper(const std::string& file, registrar::LocationStore& locations,
                                       const RealmTable& realms, const io::Clock& clock, UnwritableAnswer answer)
    : locations_(locations), realms_(realms), clock_(clock), answer_(answer) {
    if (file.empty()) return;
    auto opened = open_or_begin_anew(file);
    if (!opened) {
        observe::log_error("registrations do not survive a restart: " + opened.error().sentence);
        statistics_.commit_errors.add();
        return;
    }
    store_ = std::move(*opened);
    restore();
    locations_.remember_changes();
    thread_ = std::thread([this] { run(); });
}

RegistrationKeeper::~RegistrationKeeper() {
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
    write_changes();
}

void RegistrationKeeper::restore() {
    std::string after;
    for (;;) {
        const auto entries = store_->range(prefix, after, page);
        if (!entries) return observe::log_error("registrations cannot be read back: " + entries.error().sentence);
        for (const auto& entry : *entries) restore_one(entry);
        if (entries->size() < page) break;
        after = entries->back().key;
    }
    observe::log_info("registrations restored", {{"bindings", statistics_.restored.read()},
                                                 {"on_lost_connections", statistics_.restored_lost.read()},
                                                 {"unreadable", statistics_.unreadable.read()}});
}

void RegistrationKeeper::restore_one(const store::Entry& entry) {
    const auto trunk = std::string_view(entry.key).substr(prefix.size());
    auto bindings = registrar::read_bindings(entry.value, trunk, realms_, clock_.now());
    if (!bindings) return statistics_.unreadable.add();
    if (bindings->empty()) return;
    statistics_.restored.add(bindings->size());
    statistics_.restored_lost.add(static_cast<std::uint64_t>(
        std::count_if(bindings->begin(), bindings->end(), [](const auto& b) { return b.flow_closed; })));
    locations_.update(trunk, [&](std::vector<registrar::Binding>& present) {
        present = std::move(*bindings);
        return true;
    });
}

void RegistrationKeeper::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        wake_.wait_for(lock, interval);
        lock.unlock();
        write_changes();
        lock.lock();
    }
}

void RegistrationKeeper::write_changes() {
    for (auto& [trunk, bindings] : locations_.take_changes()) pending_.insert_or_assign(trunk, std::move(bindings));
    while (!pending_.empty()) {
        store::Transaction transaction;
        auto end = pending_.begin();
        for (std::size_t i = 0; i < batch && end != pending_.end(); ++i, ++end) {
            std::optional<std::string> text;
            if (!end->second.empty()) text = registrar::write_bindings(end->second, realms_);
            transaction.writes.push_back({std::string(prefix) + end->first, std::move(text), false});
        }
        if (const auto done = store_->commit(transaction); !done) {
            statistics_.commit_errors.add();
            answer_.in_force.store(answer_.status, std::memory_order_relaxed);
            if (!std::exchange(complained_, true))
                observe::log_error("registrations are not on the disk, trying again: " + done.error().sentence);
            return;
        }
        complained_ = false;
        answer_.in_force.store(0, std::memory_order_relaxed);
        statistics_.commits.add();
        pending_.erase(pending_.begin(), end);
    }
}

}  // namespace sallyport::app

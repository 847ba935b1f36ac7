// What PBXs have registered, kept in a file (SQLite) so that they need not register again when this process restarts:
// written by a thread of its own in batches, read once at the start. Decides nothing about bindings.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/base/counter.h"
#include "control/store/store.h"
#include "signaling/io/clock.h"
#include "signaling/registrar/location_store.h"

namespace sallyport::app {

// Written by the keeper's thread.
struct KeeperStatistics {
    Counter restored, restored_lost, unreadable, commits, commit_errors;
};

// What REGISTER is answered while the file cannot be written: `status` goes into `in_force` then, 0 when it can again.
struct UnwritableAnswer {
    std::uint16_t status = 0;
    std::atomic<std::uint16_t>& in_force;
};

class RegistrationKeeper {
public:
    // Fills `locations` from the file; then keeps every change of it. `file`: empty: nothing is kept. One that cannot
    // be had is told in the log, and signaling goes on without: PBXs register again.
    RegistrationKeeper(const std::string& file, registrar::LocationStore& locations, const RealmTable& realms,
                       const io::Clock& clock, UnwritableAnswer answer);
    ~RegistrationKeeper();  // writes what is left
    RegistrationKeeper(const RegistrationKeeper&) = delete;
    RegistrationKeeper& operator=(const RegistrationKeeper&) = delete;

    const KeeperStatistics& statistics() const { return statistics_; }

private:
    void restore();
    void restore_one(const store::Entry& entry);
    void run();
    void write_changes();

    registrar::LocationStore& locations_;
    const RealmTable& realms_;
    const io::Clock& clock_;
    UnwritableAnswer answer_;
    KeeperStatistics statistics_;
    std::unique_ptr<store::Store> store_;
    std::map<std::string, std::vector<registrar::Binding>> pending_;  // not on the disk yet
    bool complained_ = false;

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sallyport::app

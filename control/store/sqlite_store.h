// The store of one node: SQLite in WAL mode, synchronous=FULL. A commit is on the disk when it returns and survives
// kill -9 and power loss; a file of a later schema is refused, not guessed at.
#pragma once

#include <filesystem>
#include <memory>

#include "control/store/store.h"

namespace sallyport::store {

struct SqliteOptions {
    std::filesystem::path file;                // created with mode 0600, its directory with 0750
    std::uint64_t history_revisions = 10'000;  // kept for watches that come late
    std::uint64_t history_bytes = 64u << 20;   // likewise; the oldest revisions go first, never the newest
};

Result<std::unique_ptr<Store>, Error> open_sqlite_store(const SqliteOptions& options);

}  // namespace sallyport::store

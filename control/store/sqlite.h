// SQLite's C API with owners and values: a connection, a statement that is reset when it goes. Internal to this room.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "control/store/store.h"

namespace sallyport::store::sqlite {

class Connection {
public:
    Connection() = default;
    ~Connection() { sqlite3_close_v2(handle_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool open(const std::string& file);
    bool execute(const char* sql) { return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK; }
    std::optional<std::int64_t> integer(const char* sql);  // first column of the first row
    std::optional<std::string> text(const char* sql);
    Error error(std::string_view doing) const;  // of the last call that failed
    sqlite3* handle() const { return handle_; }

private:
    sqlite3* handle_ = nullptr;
};

// Prepared once; each use() binds from 1 on and resets at its end.
class Statement {
public:
    Statement() = default;
    ~Statement() { sqlite3_finalize(handle_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    bool prepare(const Connection& connection, const char* sql) {
        return sqlite3_prepare_v3(connection.handle(), sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) ==
               SQLITE_OK;
    }

    class Use {
    public:
        explicit Use(Statement& statement) : handle_(statement.handle_) {}
        ~Use() {
            sqlite3_reset(handle_);
            sqlite3_clear_bindings(handle_);
        }
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

        Use& text(std::string_view value) {
            sqlite3_bind_text64(handle_, ++bound_, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
            return *this;
        }
        Use& blob(const std::optional<std::string>& value) {
            ++bound_;
            if (value) sqlite3_bind_blob64(handle_, bound_, value->data(), value->size(), SQLITE_STATIC);
            return *this;
        }
        Use& integer(std::uint64_t value) {
            sqlite3_bind_int64(handle_, ++bound_, static_cast<sqlite3_int64>(value));
            return *this;
        }
        bool row() { return (last_ = sqlite3_step(handle_)) == SQLITE_ROW; }
        bool done() { return (last_ = sqlite3_step(handle_)) == SQLITE_DONE; }
        bool failed() const { return last_ != SQLITE_ROW && last_ != SQLITE_DONE; }
        std::string column_bytes(int i) const;
        bool column_null(int i) const { return sqlite3_column_type(handle_, i) == SQLITE_NULL; }
        std::uint64_t column_integer(int i) const {
            return static_cast<std::uint64_t>(sqlite3_column_int64(handle_, i));
        }

    private:
        sqlite3_stmt* handle_;
        int bound_ = 0;
        int last_ = SQLITE_DONE;
    };
    Use use() { return Use(*this); }

private:
    sqlite3_stmt* handle_ = nullptr;
};

}  // namespace sallyport::store::sqlite

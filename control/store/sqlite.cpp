#include "control/store/sqlite.h"

namespace sallyport::store::sqlite {

bool Connection::open(const std::string& file) {
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(file.c_str(), &handle_, flags, nullptr) != SQLITE_OK) return false;
    sqlite3_busy_timeout(handle_, 5'000);  // an operator may be looking with the sqlite3 shell
    return true;
}

std::optional<std::int64_t> Connection::integer(const char* sql) {
    Statement statement;
    if (!statement.prepare(*this, sql)) return std::nullopt;
    auto use = statement.use();
    if (!use.row()) return std::nullopt;
    return static_cast<std::int64_t>(use.column_integer(0));
}

std::optional<std::string> Connection::text(const char* sql) {
    Statement statement;
    if (!statement.prepare(*this, sql)) return std::nullopt;
    auto use = statement.use();
    if (!use.row()) return std::nullopt;
    return use.column_bytes(0);
}

Error Connection::error(std::string_view doing) const {
    const int code = sqlite3_errcode(handle_) & 0xff;
    const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return {damaged ? Errc::damaged : Errc::unavailable, std::string(doing) + ": " + sqlite3_errmsg(handle_)};
}

std::string Statement::Use::column_bytes(int i) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, i));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, i));
    return data == nullptr ? std::string() : std::string(data, size);
}

}  // namespace sallyport::store::sqlite

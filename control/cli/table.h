// Aligned columns for people, and the small texts in them. Programs use --json.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::cli {

class Table {
public:
    explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.size() == 1; }
    // Empty cells are "-"; control characters are "?", so that what a peer sent cannot move the cursor.
    void print(std::ostream& out) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

std::string printable(std::string_view text);
std::string duration_text(double seconds);         // "3m07s", "2h05m", "12d04h"
std::string bytes_text(std::uint64_t bytes);       // "1.4 MB"
std::string clock_text(std::string_view rfc3339);  // "2026-11-21 12:30:00", UTC

}  // namespace sallyport::cli

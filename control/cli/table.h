// Columns for people: left-aligned, as wide as their widest cell, nothing cut.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace sallyport::cli {

class Table {
public:
    explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    bool empty() const { return rows_.size() == 1; }
    void print(std::ostream& out) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace sallyport::cli

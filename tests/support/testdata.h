// Finds the public test data that is not part of the repository: $SALLYPORT_TESTDATA, else shared/testdata beside the
// checkout that the running program was built in. Absent data skips a test with one line, it never fails one.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::test {

inline std::optional<std::filesystem::path> testdata() {
    namespace fs = std::filesystem;
    if (const char* given = std::getenv("SALLYPORT_TESTDATA"); given != nullptr)
        return fs::is_directory(given) ? std::optional<fs::path>(given) : std::nullopt;
    // Not from __FILE__: a compiler cache may make that a relative path.
    for (fs::path at = fs::read_symlink("/proc/self/exe"); at != at.root_path();) {
        at = at.parent_path();
        if (auto path = at / "shared" / "testdata"; fs::is_directory(path)) return path;
    }
    return std::nullopt;
}

inline std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The files of a folder with that extension, sorted by name.
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& folder, std::string_view extension) {
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
        if (entry.is_regular_file() && entry.path().extension() == extension) out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
}

// A CSV file with a heading: one map from column to cell per row. Quoted cells may hold commas and doubled quotes.
inline std::vector<std::map<std::string, std::string>> csv_rows(const std::filesystem::path& file) {
    std::vector<std::vector<std::string>> table(1, std::vector<std::string>(1));
    bool quoted = false;
    const std::string text = contents(file);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
            table.back().back() += text[i++];
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == ',' && !quoted) {
            table.back().emplace_back();
        } else if (c == '\n' && !quoted) {
            table.emplace_back(1);
        } else if (c != '\r') {
            table.back().back() += c;
        }
    }
    std::vector<std::map<std::string, std::string>> rows;
    for (std::size_t r = 1; r < table.size(); ++r) {
        if (table[r].size() < 2) continue;
        auto& row = rows.emplace_back();
        for (std::size_t c = 0; c < table[r].size() && c < table[0].size(); ++c) row[table[0][c]] = table[r][c];
    }
    return rows;
}

}  // namespace sallyport::test

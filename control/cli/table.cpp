#include "control/cli/table.h"

#include <algorithm>
#include <cstdio>

namespace sallyport::cli {
namespace {

std::size_t width(std::string_view text) {  // of UTF-8 in cells: continuation bytes take none
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

std::string printable(std::string_view text) {
    std::string out(text);
    for (auto& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return out;
}

void Table::print(std::ostream& out) const {
    std::vector<std::size_t> widths;
    std::vector<std::vector<std::string>> shown;
    for (const auto& row : rows_) {
        auto& cells = shown.emplace_back();
        for (std::size_t i = 0; i < row.size(); ++i) {
            cells.push_back(row[i].empty() ? "-" : printable(row[i]));
            if (widths.size() <= i) widths.push_back(0);
            widths[i] = std::max(widths[i], width(cells[i]));
        }
    }
    for (const auto& row : shown) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) line += std::string(widths[i] - width(row[i]) + 2, ' ');
        }
        out << line << '\n';
    }
}

std::string duration_text(double seconds) {
    const auto total = static_cast<long long>(std::max(seconds, 0.0));
    char text[48];
    if (total < 60)
        std::snprintf(text, sizeof text, "%llds", total);
    else if (total < 3'600)
        std::snprintf(text, sizeof text, "%lldm%02llds", total / 60, total % 60);
    else if (total < 86'400)
        std::snprintf(text, sizeof text, "%lldh%02lldm", total / 3'600, total / 60 % 60);
    else
        std::snprintf(text, sizeof text, "%lldd%02lldh", total / 86'400, total / 3'600 % 24);
    return text;
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1'000 && unit + 1 < std::size(units); ++unit) value /= 1'000;
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return text;
}

std::string clock_text(std::string_view rfc3339) {
    if (rfc3339.size() < 19) return std::string(rfc3339);
    std::string text(rfc3339.substr(0, 19));
    text[10] = ' ';
    return text;
}

}  // namespace sallyport::cli

#include "control/records/json_line.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>

namespace sallyport::records {

void JsonLine::put(std::string_view key, std::string_view value) {
    name(key);
    quote(value);
}

void JsonLine::put(std::string_view key, const std::vector<std::string>& values) {
    name(key);
    text_ += '[';
    for (const auto& value : values) {
        separate();
        quote(value);
    }
    text_ += ']';
}

void JsonLine::put(std::string_view key, double value) {
    name(key);
    if (value >= 0 && value < 1e9 && value == std::floor(value)) {  // nearly all
        text_.append(std::to_string(static_cast<std::uint32_t>(value))).append(".0");
        return;
    }
    text_ += nlohmann::json(value).dump();  // the shortest text that reads back as the same; what is no number is null
}

// What names and numbers are made of is taken as it is; anything else is the library's to escape or to repair.
void JsonLine::quote(std::string_view value) {
    const bool plain =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
    if (!plain) {
        text_ += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
        return;
    }
    text_ += '"';
    text_ += value;
    text_ += '"';
}

}  // namespace sallyport::records

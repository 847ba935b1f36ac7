// Where parsers put the fields of an INVITE: looked at, or kept to be compared.
#pragma once

#include <benchmark/benchmark.h>

#include <charconv>
#include <map>
#include <string>
#include <string_view>

namespace sallyport::invite_rivals {

inline std::string_view text(const char* c) { return c == nullptr ? std::string_view() : std::string_view(c); }

// Where a field goes that is only looked at.
struct Looked {
    void operator()(std::string_view, std::string_view value) { benchmark::DoNotOptimize(value.data()); }
    void operator()(std::string_view, unsigned long value) { benchmark::DoNotOptimize(value); }
};
// Where it is kept. osip2 and sofia-sip leave quotes where they stand.
struct Kept {
    void operator()(std::string_view name, std::string_view value) {
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
        all[std::string(name)] += std::string(value) + "|";
    }
    void operator()(std::string_view name, unsigned long value) {
        all[std::string(name)] += std::to_string(value) + "|";
    }
    std::map<std::string, std::string> all;
};

inline unsigned long number(std::string_view digits) {
    unsigned long out = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return out;
}

// The whole message, and its session description if asked for; false: it could not be read.
bool osip2(const std::string& invite, bool with_sdp, Looked& field);
bool osip2(const std::string& invite, bool with_sdp, Kept& field);
bool sofia_sip(const std::string& invite, bool with_sdp, Looked& field);
bool sofia_sip(const std::string& invite, bool with_sdp, Kept& field);

}  // namespace sallyport::invite_rivals

// rooms: observe
// corpora: corpus torture fuzz/advisories
// What a peer sent goes into the log: whatever it is, a line is one line of bounded length, has no control character in
// it, and reads back as what was written; in JSON as well. The first byte cuts the rest into text and value.
#include "control/observe/log_line.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "control/base/check.h"
#include "control/base/utf8.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {
        "\x10"
        "User-Agent: x\r\nlevel=error msg=\"forged\" \x1b[31m\x7f",
        std::string("\x05\0\0\xff\xfe", 5),
        "\x20"
        "\xc2\x9b"
        "31m \xe2\x80\xa8 \xed\xa0\x80 \xf4\x90\x80\x80 J\xc3\xbcrgen",
        "\x02"
        "a=\"b\\\" c=d \\x41 \\n",
        "\x7f" + std::string(2'047, 'a') + "\xe2\x82\xac" + std::string(5'000, '"'),
        "\x01" + std::string(3'000, '\x01')};
}

}  // namespace sallyport::test

namespace {

using namespace sallyport;
using namespace sallyport::observe;

constexpr std::size_t longest = 26'000;  // two values of 2 kB, six bytes for each of theirs at most, and what is ours

// One value from its place in a line, as an operator's tools read it.
std::string read_value(std::string_view line, std::size_t& at) {
    std::string out;
    if (at == line.size() || line[at] != '"') {
        while (at < line.size() && line[at] != ' ') out += line[at++];
        return out;
    }
    for (++at; SALLYPORT_CHECK(at < line.size()), line[at] != '"'; ++at) {
        if (line[at] != '\\') {
            out += line[at];
            continue;
        }
        SALLYPORT_CHECK(++at < line.size());
        switch (line[at]) {
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 't': out += '\t'; break;
            case 'x':
                SALLYPORT_CHECK(at + 2 < line.size());
                out += static_cast<char>(std::stoi(std::string(line.substr(at + 1, 2)), nullptr, 16));
                at += 2;
                break;
            default: SALLYPORT_CHECK(line[at] == '"' || line[at] == '\\'); out += line[at];
        }
    }
    ++at;
    return out;
}
std::string next_value(std::string_view line, std::size_t& at, std::string_view key) {
    SALLYPORT_CHECK(line.substr(at).starts_with(" " + std::string(key) + "="));
    at += key.size() + 2;
    return read_value(line, at);
}

void check_shown(std::string_view line) {
    SALLYPORT_CHECK(line.size() < longest);
    SALLYPORT_CHECK(is_utf8(line));
    for (std::size_t i = 0; i < line.size(); ++i) {
        const auto u = static_cast<unsigned char>(line[i]);
        SALLYPORT_CHECK(u >= 0x20 && u != 0x7f);
        SALLYPORT_CHECK(u != 0xc2 || static_cast<unsigned char>(line[i + 1]) >= 0xa0);  // U+0080 to U+009F
    }
}

// As it was written, or its beginning and dots.
void check_read(std::string_view read, std::string_view written) {
    if (read == written) return;
    SALLYPORT_CHECK(read.ends_with("...") && written.size() > read.size() - 3);
    SALLYPORT_CHECK(written.starts_with(read.substr(0, read.size() - 3)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (input.empty()) return 0;
    const auto cut = 1 + static_cast<std::size_t>(data[0]) * (size - 1) / 255;
    const std::string_view text = input.substr(1, cut - 1), value = input.substr(cut);
    const TimePoint now{std::chrono::seconds(1'795'264'200)};
    const auto line = format_line(LogFormat::key_value, now, Level::warning, "d", text,
                                  {{"peer", value}, {"status", 400}, {"password", value}, {"end", true}});
    check_shown(line);
    std::size_t at = std::string_view("ts=2026-11-21T12:30:00.000Z").size();
    SALLYPORT_CHECK(next_value(line, at, "level") == "warning");
    SALLYPORT_CHECK(next_value(line, at, "daemon") == "d");
    check_read(next_value(line, at, "msg"), text);
    check_read(next_value(line, at, "peer"), value);
    SALLYPORT_CHECK(next_value(line, at, "status") == "400");
    SALLYPORT_CHECK(next_value(line, at, "password") == "(masked)");
    SALLYPORT_CHECK(next_value(line, at, "end") == "true");
    SALLYPORT_CHECK(at == line.size());

    const auto json = format_line(LogFormat::json, now, Level::warning, "d", text, {{"peer", value}, {"status", 400}});
    check_shown(json);
    const auto read = nlohmann::json::parse(json, nullptr, false);
    SALLYPORT_CHECK(read.is_object() && read.size() == 6 && read["status"] == 400);
    if (is_utf8(text)) check_read(read["msg"].get<std::string>(), text);
    if (is_utf8(value)) check_read(read["peer"].get<std::string>(), value);
    return 0;
}

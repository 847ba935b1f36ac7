// Runs one fuzz target without libFuzzer: its own seeds, files and folders of the test data named as arguments, then a
// fixed sequence of mutations of all of them. Bounded by number and by time. An input that ends the process is left
// behind as "crash-<program>". $SALLYPORT_FUZZ_RUNS asks for more mutations than a test run has time for.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "control/base/random.h"
#include "tests/support/fuzz_seeds.h"
#include "tests/support/testdata.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using sallyport::SeededRandom;

constexpr std::size_t largest_input = 65'535;
constexpr std::uint64_t default_mutations = 20'000;
constexpr auto default_time = std::chrono::seconds(4);

std::string current_input, crash_file;

extern "C" void leave_input(int signal_number) {  // only calls that are safe in a signal handler
    const int file = open(crash_file.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (file >= 0) {
        [[maybe_unused]] const auto written = write(file, current_input.data(), current_input.size());
        close(file);
    }
    std::signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void run(std::string input) {
    current_input = std::move(input);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current_input.data()), current_input.size());
}

class Mutator {
public:
    explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

    std::string next() {
        std::string text = seeds_[random_.below(size32(seeds_.size()))];
        for (std::uint32_t n = 1 + random_.below(6); n > 0; --n) step(text);
        text.resize(std::min(text.size(), largest_input));
        return text;
    }

private:
    static std::uint32_t size32(std::size_t n) { return static_cast<std::uint32_t>(n); }
    std::size_t place(const std::string& text) { return random_.below(size32(text.size()) + 1); }

    void step(std::string& text) {
        static constexpr std::string_view tokens[] = {
            "\r\n",       "\n",        "\r",       "\r\n\r\n", "\r\n ",    ":",
            ";",          ",",         "\"",       "\\",       "<",        ">",
            "@",          "%00",       "%",        "=",        "[::",      "]",
            "SIP/2.0",    "SIP/2.0/",  " ",        "\t",       "\0",       "-1",
            "4294967296", "2^31",      "*",        "?",        "z9hG4bK",  "v=0",
            "m=",         "a=",        "RTP/SAVP", "\xff",     "\xc3\xa9", "Content-Length: ",
            "Via: ",      "2147483648"};
        const std::size_t at = place(text);
        switch (random_.below(7)) {
            case 0:
                if (at < text.size()) text[at] = static_cast<char>(random_.u32());
                break;
            case 1:
                if (at < text.size()) text[at] = static_cast<char>(text[at] ^ 1 << random_.below(8));
                break;
            case 2: text.insert(at, tokens[random_.below(std::size(tokens))]); break;
            case 3: text.erase(at, random_.below(32) + 1); break;
            case 4: {  // a piece of itself again, sometimes very often
                const std::string piece = text.substr(at, random_.below(64));
                for (std::uint32_t n = random_.below(64) == 0 ? 500 : 1; n > 0 && text.size() < largest_input; --n)
                    text.insert(at, piece);
                break;
            }
            case 5: {  // the tail of another seed
                const std::string& other = seeds_[random_.below(size32(seeds_.size()))];
                text.replace(at, std::string::npos, other, place(other), std::string::npos);
                break;
            }
            default: text.resize(at);
        }
    }

    const std::vector<std::string>& seeds_;
    SeededRandom random_{20'26};
};

void add_files(const fs::path& path, std::vector<std::string>& seeds) {
    if (fs::is_regular_file(path)) {
        if (fs::file_size(path) <= largest_input) seeds.push_back(sallyport::test::contents(path));
        return;
    }
    if (!fs::is_directory(path)) return;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(path))
        if (entry.is_regular_file()) files.push_back(entry.path());
    std::sort(files.begin(), files.end());  // the sequence is the same everywhere
    for (const auto& file : files) add_files(file, seeds);
}

}  // namespace

int main(int argc, char** argv) {
    crash_file = "crash-" + fs::path(argv[0]).filename().string();
    for (const int fatal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(fatal, leave_input);

    std::vector<std::string> seeds{""};
    if (sallyport::test::fuzz_seeds != nullptr)
        for (auto& seed : sallyport::test::fuzz_seeds()) seeds.push_back(std::move(seed));
    const auto data = sallyport::test::testdata();
    for (int i = 1; i < argc; ++i) {
        const fs::path argument = argv[i];
        if (fs::exists(argument))
            add_files(argument, seeds);
        else if (data)
            add_files(*data / argument, seeds);
    }
    if (!data) std::puts("skipped: no test data; the target's own seeds only");
    for (const auto& seed : seeds) run(seed);

    const char* asked = std::getenv("SALLYPORT_FUZZ_RUNS");
    const std::uint64_t mutations = asked != nullptr ? std::strtoull(asked, nullptr, 10) : default_mutations;
    const auto deadline = std::chrono::steady_clock::now() + default_time;
    Mutator mutator(seeds);
    std::uint64_t done = 0;
    while (done < mutations && (asked != nullptr || std::chrono::steady_clock::now() < deadline)) {
        run(mutator.next());
        ++done;
    }
    std::printf("%zu seeds, %llu mutations\n", seeds.size(), static_cast<unsigned long long>(done));
}

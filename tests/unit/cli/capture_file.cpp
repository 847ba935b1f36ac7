// Where a capture may be written to, and what is said where it may not.
#include "control/cli/capture_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/cli/connection.h"

using namespace sallyport::cli;

namespace {

struct Folder {
    Folder() { std::filesystem::create_directory(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path = "/tmp/sallyport-capture-" + std::to_string(getpid());
};
std::string refused(const std::string& path, bool is_terminal = false) {
    std::ostringstream out;
    try {
        CaptureFile(path, out, is_terminal).begin();
    } catch (const Failure& failure) {
        return failure.sentence;
    }
    return "";
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("A capture's file is new and its owner's; it is there once there is something for it") {
    const Folder folder;
    const std::string name = folder.path + "/call.pcapng";
    std::ostringstream out;
    CaptureFile file(name, out, true);
    CHECK_FALSE(std::filesystem::exists(name));
    file.begin() << "packets";
    file.flush();
    struct stat facts {};
    REQUIRE(stat(name.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
    CHECK(facts.st_size == 7);
    CHECK(out.str().empty());
}

TEST_CASE("What is written goes to the file that was made, whatever has its name by now, and a full disk is told") {
    const Folder folder;
    const std::string name = folder.path + "/call.pcapng", moved = folder.path + "/moved";
    std::ostringstream out;
    {
        CaptureFile file(name, out, true);
        auto& to = file.begin();
        std::filesystem::rename(name, moved);
        std::ofstream(name) << "another's";
        for (int i = 0; i < 20'000; ++i) to << "0123456789";  // more than waits at a time
        file.flush();
    }
    CHECK(std::filesystem::file_size(moved) == 200'000);
    CHECK(std::filesystem::file_size(name) == 9);
    CaptureFile full(folder.path + "/full", out, true);
    full.begin() << "x";
    const struct rlimit none { 0, RLIM_INFINITY };
    struct rlimit before {};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
    std::string said;
    try {
        full.flush();
    } catch (const Failure& failure) {
        said = failure.sentence;
    }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, ignored);
    CHECK(has(said, "cannot be written any further: File too large"));
}

TEST_CASE("What cannot become a capture's file is told before packets are asked for, with what would be right") {
    const Folder folder;
    std::ofstream(folder.path + "/there") << "x";
    CHECK(refused(folder.path + "/there") ==
          "--file " + folder.path + "/there exists, and no file is overwritten: give another name");
    std::filesystem::create_symlink("/nowhere", folder.path + "/link");
    CHECK(has(refused(folder.path + "/link"), "exists"));
    const auto missing = refused(folder.path + "/no/call.pcapng");
    CHECK(has(missing, "cannot be written: No such file or directory; give a new file in a directory"));
    CHECK(has(refused("/proc/call.pcapng"), "cannot be written: "));
    CHECK(has(refused("-", true), "pipe it"));
    CHECK(refused("-") == "");
}

TEST_CASE("A disk that is full is told with its name and cause") {
    std::ofstream full("/dev/full");
    CaptureFile file("-", full, false);
    file.begin() << "packets";
    try {
        file.flush();
        FAIL("it took them");
    } catch (const Failure& failure) {
        CHECK(failure.sentence == "standard output cannot be written any further: No space left on device");
    }
}

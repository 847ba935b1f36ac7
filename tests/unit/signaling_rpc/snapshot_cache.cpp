// The file that lets signaling start without control.
#include "signaling/rpc/snapshot_cache.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using sallyport::rpc::SnapshotCache;

namespace {

struct Folder {
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "sallyport-cache-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string file() const { return (path / "snapshot").string(); }
    std::filesystem::path path;
};

const std::string bytes("revision 7 \0 with any byte \xff", 28);

}  // namespace

TEST_CASE("what was stored is loaded, and a newer one replaces it whole") {
    const Folder folder;
    const SnapshotCache cache(folder.file());
    CHECK_FALSE(cache.load().bytes.has_value());
    CHECK(cache.load().problem.empty());
    CHECK_FALSE(cache.store(bytes).has_value());
    CHECK(cache.load().bytes == bytes);
    CHECK_FALSE(cache.store("next").has_value());
    CHECK(cache.load().bytes == "next");
    CHECK_FALSE(cache.store("").has_value());
    CHECK(cache.load().bytes == "");
}

TEST_CASE("only its owner may read it: it holds credential hashes") {
    const Folder folder;
    const SnapshotCache cache(folder.file());
    const mode_t before = umask(0);
    cache.store(bytes);
    umask(before);
    struct stat facts {};
    REQUIRE(stat(folder.file().c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
}

TEST_CASE("a damaged or foreign file is told and not used, at every cut and every flipped byte") {
    const Folder folder;
    const SnapshotCache cache(folder.file());
    cache.store(bytes);
    std::ifstream in(folder.file(), std::ios::binary);
    const std::string good{std::istreambuf_iterator<char>(in), {}};
    const auto write = [&](const std::string& text) {
        std::ofstream(folder.file(), std::ios::binary | std::ios::trunc) << text;
    };
    for (std::size_t n = 0; n < good.size(); ++n) {
        write(good.substr(0, n));
        CHECK_FALSE(cache.load().bytes.has_value());
        CHECK(cache.load().problem.starts_with(folder.file() + ": is "));
        std::string flipped = good;
        flipped[n] = static_cast<char>(flipped[n] ^ 0x40);
        write(flipped);
        CHECK_FALSE(cache.load().bytes.has_value());
    }
    write("something else entirely, and long enough to hold a head of ours");
    CHECK(cache.load().problem == folder.file() + ": is no snapshot of ours");
}

TEST_CASE("a folder that is not there is told; without a path nothing is kept") {
    const SnapshotCache nowhere("/nonexistent/folder/snapshot");
    CHECK(nowhere.store("x") == "/nonexistent/folder/snapshot.new: No such file or directory");
    const SnapshotCache off("");
    CHECK_FALSE(off.store("x").has_value());
    CHECK_FALSE(off.load().bytes.has_value());
}

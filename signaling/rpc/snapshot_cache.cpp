#include "signaling/rpc/snapshot_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "signaling/io/call_id_hash.h"

namespace sallyport::rpc {
namespace {

constexpr std::string_view magic = "sallyport-snapshot-1 ";
constexpr std::size_t digest_bytes = 16;
constexpr std::size_t max_bytes = 256u << 20;

// Against torn and damaged files; whoever may write the file needs no forgery.
std::string digest(std::string_view bytes) {
    const std::uint64_t hash = io::siphash({}, as_bytes(bytes));
    std::uint8_t raw[8];
    store_be32(raw, static_cast<std::uint32_t>(hash >> 32));
    store_be32(raw + 4, static_cast<std::uint32_t>(hash));
    return to_hex(raw);
}

std::string because(const std::string& path, int error) { return path + ": " + std::system_category().message(error); }

class File {
public:
    File(const std::string& path, int flags, mode_t mode) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    explicit operator bool() const { return fd_ >= 0; }
    int fd() const { return fd_; }

    bool write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(n));
        }
        return true;
    }
    bool read(std::string& bytes) const {
        struct stat facts {};
        if (fstat(fd_, &facts) != 0) return false;
        bytes.resize(std::min<std::size_t>(static_cast<std::size_t>(facts.st_size), max_bytes));
        std::size_t done = 0;
        while (done < bytes.size()) {
            const ssize_t n = ::read(fd_, bytes.data() + done, bytes.size() - done);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return false;
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        bytes.resize(done);
        return true;
    }

private:
    int fd_;
};

}  // namespace

std::optional<std::string> SnapshotCache::store(std::string_view bytes) const {
    if (path_.empty()) return std::nullopt;
    const std::string next = path_ + ".new";
    {
        ::unlink(next.c_str());
        const File file(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (!file) return because(next, errno);
        const std::string head = std::string(magic) + digest(bytes) + '\n';
        if (!file.write(head) || !file.write(bytes) || ::fsync(file.fd()) != 0) return because(next, errno);
    }
    if (::rename(next.c_str(), path_.c_str()) != 0) return because(path_, errno);
    const auto folder = std::filesystem::path(path_).parent_path();
    const File directory(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY, 0);
    if (directory) ::fsync(directory.fd());
    return std::nullopt;
}

SnapshotCache::Loaded SnapshotCache::load() const {
    if (path_.empty()) return {};
    const File file(path_, O_RDONLY, 0);
    if (!file) return {std::nullopt, errno == ENOENT ? std::string() : because(path_, errno)};
    std::string text;
    if (!file.read(text)) return {std::nullopt, because(path_, errno)};
    const std::size_t head = magic.size() + digest_bytes + 1;
    if (text.size() < head || !text.starts_with(magic) || text[head - 1] != '\n')
        return {std::nullopt, path_ + ": is no snapshot of ours"};
    const std::string claimed = text.substr(magic.size(), digest_bytes);
    text.erase(0, head);
    if (digest(text) != claimed) return {std::nullopt, path_ + ": is damaged"};
    return {std::move(text), {}};
}

}  // namespace sallyport::rpc

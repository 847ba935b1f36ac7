#include "control/cli/capture_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "control/cli/connection.h"

namespace sallyport::cli {
namespace {

std::string cause_of(int error) { return error == 0 ? "it ended" : std::system_category().message(error); }

Failure exists(const std::string& path) {
    return Failure{"--file " + path + " exists, and no file is overwritten: give another name"};
}
Failure not_writable(const std::string& path, int error) {
    return Failure{"--file " + path + " cannot be written: " + cause_of(error) +
                   "; give a new file in a directory that you may write to, or - for standard output"};
}

}  // namespace

DescriptorBuffer::~DescriptorBuffer() {
    if (descriptor_ < 0) return;
    sync();
    ::close(descriptor_);
}

DescriptorBuffer::int_type DescriptorBuffer::overflow(int_type next) {
    if (sync() != 0) return traits_type::eof();
    if (traits_type::eq_int_type(next, traits_type::eof())) return traits_type::not_eof(next);
    return sputc(traits_type::to_char_type(next));
}

int DescriptorBuffer::sync() {
    for (const char* from = pbase(); from != pptr();) {
        const auto written = ::write(descriptor_, from, static_cast<std::size_t>(pptr() - from));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return -1;
        from += written;
    }
    setp(room_.data(), room_.data() + room_.size());
    return 0;
}

CaptureFile::CaptureFile(std::string path, std::ostream& standard_output, bool is_terminal)
    : path_(std::move(path)), standard_output_(standard_output) {
    if (path_ == "-") {
        if (is_terminal)
            throw Failure{
                "--file - would write packets to your terminal: pipe it, as in --file - | tshark -r -, or give the "
                "name of a new file"};
        return;
    }
    std::error_code error;
    if (std::filesystem::exists(std::filesystem::symlink_status(path_, error))) throw exists(path_);
    const auto directory = std::filesystem::path(path_).parent_path();
    const std::string parent = directory.empty() ? "." : directory.string();
    if (::access(parent.c_str(), W_OK | X_OK) != 0) throw not_writable(path_, errno);
}

std::ostream& CaptureFile::begin() {
    begun_ = true;
    if (path_ == "-") return standard_output_;
    // Whoever else may read the directory shall not read the call.
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) throw exists(path_);
    if (fd < 0) throw not_writable(path_, errno);
    file_.attach(fd);
    return to_file_;
}

void CaptureFile::flush() {
    errno = 0;
    std::ostream& out = path_ == "-" ? standard_output_ : to_file_;
    out.flush();
    if (!out) throw Failure{name() + " cannot be written any further: " + cause_of(errno)};
}

}  // namespace sallyport::cli

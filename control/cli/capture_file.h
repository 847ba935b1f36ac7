// Where `sallyport media capture` writes to: a file that was not there before, readable by its owner alone, or standard
// output. Knows nothing of what is written.
#pragma once

#include <array>
#include <ostream>
#include <streambuf>
#include <string>

namespace sallyport::cli {

// Writes to a descriptor, which it closes: a name that is opened a second time may be another's by then.
class DescriptorBuffer final : public std::streambuf {
public:
    DescriptorBuffer() { setp(room_.data(), room_.data() + room_.size()); }
    ~DescriptorBuffer() override;
    DescriptorBuffer(const DescriptorBuffer&) = delete;
    DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;
    void attach(int descriptor) { descriptor_ = descriptor; }

protected:
    int_type overflow(int_type next) override;
    int sync() override;

private:
    std::array<char, 65'536> room_;
    int descriptor_ = -1;
};

class CaptureFile {
public:
    // "-": `standard_output`, which `is_terminal` or not. Throws Failure for what cannot become a file, before anybody
    // is asked for packets; creates nothing yet.
    CaptureFile(std::string path, std::ostream& standard_output, bool is_terminal);

    std::ostream& begin();  // creates it; throws Failure
    bool begun() const { return begun_; }
    // What was written so far is there. Throws Failure if it is not: a full disk, a pipe that nobody reads.
    void flush();
    std::string name() const { return path_ == "-" ? "standard output" : path_; }

private:
    std::string path_;
    std::ostream& standard_output_;
    DescriptorBuffer file_;
    std::ostream to_file_{&file_};
    bool begun_ = false;
};

}  // namespace sallyport::cli

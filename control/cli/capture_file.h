// Where `sallyport media capture` writes to: a file that was not there before, readable by its owner alone, or standard
// output. Knows nothing of what is written.
#pragma once

#include <ext/stdio_filebuf.h>

#include <optional>
#include <ostream>
#include <string>

namespace sallyport::cli {

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
    std::optional<__gnu_cxx::stdio_filebuf<char>> file_;
    std::ostream to_file_{nullptr};
    bool begun_ = false;
};

}  // namespace sallyport::cli

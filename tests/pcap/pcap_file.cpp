#include "pcap_file.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace sallyport::test {
namespace {

struct FileHeader {
    std::uint32_t magic = 0xa1b2c3d4;
    std::uint16_t major = 2, minor = 4;
    std::uint32_t zone = 0, accuracy = 0, longest = 65'535, link_type = 1;
};
struct RecordHeader {
    std::uint32_t seconds = 0, microseconds = 0, kept = 0, length = 0;
};

}  // namespace

void write_pcap(const std::string& file, const std::vector<Bytes>& frames) {
    std::ofstream out(file, std::ios::binary);
    const FileHeader header;
    out.write(reinterpret_cast<const char*>(&header), sizeof header);
    for (const auto& frame : frames) {
        const auto length = static_cast<std::uint32_t>(frame.size());
        const RecordHeader record{.kept = length, .length = length};
        out.write(reinterpret_cast<const char*>(&record), sizeof record);
        out.write(reinterpret_cast<const char*>(frame.data()), length);
    }
    if (!out.flush()) throw std::runtime_error(file + ": cannot be written");
}

std::vector<Bytes> read_pcap(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    FileHeader header;
    if (text.size() < sizeof header) throw std::runtime_error(file + ": no pcap file");
    std::memcpy(&header, text.data(), sizeof header);
    const bool nanoseconds = header.magic == 0xa1b23c4d;
    if ((header.magic != 0xa1b2c3d4 && !nanoseconds) || header.link_type != 1)
        throw std::runtime_error(file + ": another format than pcap with Ethernet frames");
    std::vector<Bytes> frames;
    for (std::size_t at = sizeof header; at < text.size();) {
        RecordHeader record;
        if (text.size() - at < sizeof record) throw std::runtime_error(file + ": cut off");
        std::memcpy(&record, text.data() + at, sizeof record);
        at += sizeof record;
        if (text.size() - at < record.kept) throw std::runtime_error(file + ": cut off");
        const ByteView frame = as_bytes(text).subspan(at, record.kept);
        frames.emplace_back(frame.begin(), frame.end());
        at += record.kept;
    }
    return frames;
}

}  // namespace sallyport::test

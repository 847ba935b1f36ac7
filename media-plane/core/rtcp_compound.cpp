#include "media-plane/core/rtcp_compound.h"

#include <algorithm>

#include "control/base/check.h"

namespace sallyport::media::rtcp {
namespace {

class Words {
public:
    explicit Words(std::uint8_t* out) : begin_(out), at_(out) {}
    void add(std::uint32_t word) {
        store_be32(at_, word);
        at_ += 4;
    }
    // Its length is written by end_packet().
    void begin_packet(PacketType type, std::size_t count) {
        packet_ = at_;
        add(0x8000'0000u | static_cast<std::uint32_t>(count) << 24 | std::uint32_t{type} << 16);
    }
    void end_packet() { store_be16(packet_ + 2, static_cast<std::uint16_t>((at_ - packet_) / 4 - 1)); }
    // An SDES item and the end of the list, RFC 3550 6.5: one zero octet at least, up to the next word.
    void add_item(std::uint8_t type, std::string_view text) {
        *at_++ = type;
        *at_++ = static_cast<std::uint8_t>(text.size());
        at_ = std::copy(text.begin(), text.end(), at_);
        do *at_++ = 0;
        while ((at_ - begin_) % 4 != 0);
    }
    std::size_t bytes() const { return static_cast<std::size_t>(at_ - begin_); }

private:
    std::uint8_t *begin_, *at_, *packet_ = nullptr;
};

constexpr std::uint8_t cname_item = 1;

void add(Words& words, const SenderInfo& sender) {
    words.add(static_cast<std::uint32_t>(sender.ntp >> 32));
    words.add(static_cast<std::uint32_t>(sender.ntp));
    words.add(sender.timestamp);
    words.add(sender.packets);
    words.add(sender.octets);
}

void add(Words& words, const ReportBlock& block) {
    const ReceptionReport& r = block.received;
    words.add(r.ssrc);
    words.add(std::uint32_t{r.fraction_lost} << 24 | (static_cast<std::uint32_t>(r.lost) & 0xff'ffff));
    words.add(r.highest_sequence);
    words.add(r.jitter);
    words.add(block.last_report);
    words.add(block.since_last_report);
}

}  // namespace

std::uint64_t ntp_time(TimePoint t) {
    constexpr std::uint64_t second = 1'000'000'000, from_1900_to_1970 = 2'208'988'800;
    const auto n = static_cast<std::uint64_t>(t.time_since_epoch().count());
    return (n / second + from_1900_to_1970) << 32 | ((n % second) << 32) / second;
}

std::size_t write(const Compound& compound, std::uint8_t* out) {
    SALLYPORT_CHECK(compound.cname.size() <= longest_cname);
    Words words(out);
    words.begin_packet(compound.sender ? sender_report : receiver_report, compound.block ? 1 : 0);
    words.add(compound.ssrc);
    if (compound.sender) add(words, *compound.sender);
    if (compound.block) add(words, *compound.block);
    words.end_packet();
    words.begin_packet(source_description, 1);
    words.add(compound.ssrc);
    words.add_item(cname_item, compound.cname);
    words.end_packet();
    if (compound.leavers > 0) {
        words.begin_packet(bye, compound.leavers);
        for (std::size_t i = 0; i < compound.leavers; ++i) words.add(compound.leaving[i]);
        words.end_packet();
    }
    return words.bytes();
}

}  // namespace sallyport::media::rtcp

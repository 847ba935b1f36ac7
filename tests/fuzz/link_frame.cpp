// rooms: dpdk
// Any bytes as an Ethernet frame: offsets stay inside, every refusal has a reason, nobody is answered with more than he
// sent, and the table of next hops stays bounded.
#include "control/base/check.h"
#include "media-plane/dpdk/neighbour.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::media;
using namespace sallyport::media::dpdk;

namespace {

const LinkAddress ours{{0x02, 0, 0, 0, 0, 1}};

NeighbourConfig config() {
    return {.link = ours,
            .addresses = {{IpAddress::v4(192, 0, 2, 2), 24}, {*IpAddress::parse("2001:db8:1::2"), 64}},
            .gateway_v4 = IpAddress::v4(192, 0, 2, 1)};
}

std::string seed(std::string_view hex) {
    const auto bytes = from_hex(hex);
    SALLYPORT_CHECK(bytes.has_value());
    return std::string(as_text(*bytes));
}

void check_offsets(const Frame& frame, std::size_t size) {
    SALLYPORT_CHECK((frame.kind == FrameKind::none) == (frame.drop != Drop::none));
    if (frame.kind == FrameKind::none) return;
    SALLYPORT_CHECK(frame.network <= frame.transport && frame.transport <= frame.payload);
    SALLYPORT_CHECK(std::size_t{frame.payload} + frame.payload_length <= size);
}

void check_answers(ByteView received, const SmallFrames& answers, const Neighbour::Handled& handled) {
    // At most one answer a question, and one no longer than three times the question.
    SALLYPORT_CHECK(answers.size() <= 1);
    for (const auto& answer : answers.view()) SALLYPORT_CHECK(answer.length <= 3 * received.size());
    SALLYPORT_CHECK((handled.verdict == Neighbour::Verdict::dropped) == (handled.drop != Drop::none));
    SALLYPORT_CHECK(handled.verdict != Neighbour::Verdict::answered_in_place || answers.size() == 0);
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    // The first byte chooses the rules; then UDP over IPv4 and IPv6, an ARP request, a ping, a neighbour solicitation,
    // an MLD query.
    return {
        seed("22020000000001020000000099080045000021a54440004011117cc0000209c00002020fa04e20000dda3568656c6c6f"),
        seed("2202000000000102000000009986dd6008bdfd000d114020010db800000000000000000000000920010db80000000000000000000"
             "000020fa04e20000d02c568656c6c6f"),
        seed("220200000000010200000000aa080045000024000740004001b6cec0000201c000020208006664000500016162636465666768"),
        seed("220200000000010200000000aa86dd6000000000103a4020010db800010000000000000000000120010db80001000000000000000"
             "00002800092a2000500016162636465666768"),
        seed("02ffffffffffff0200000000aa080600010800060400010200000000aac0000201000000000000c0000202"),
        seed("023333ff0000020200000000aa86dd6000000000203aff20010db8000100000000000000000001ff0200000000000000000001ff0"
             "0000287001b7c0000000020010db800010000000000000000000201010200000000aa"),
        seed("023333000000010200000000aa86dd6000000000240001fe8000000000000000000000000000aaff0200000000000000000000000"
             "000013a00050200000100820055ed2710000000000000000000000000000000000000027d0000"),
    };
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static Neighbour neighbour(config());
    static TimePoint now{};
    now += 1ms;
    FrameRules rules;
    rules.link = ours;
    rules.vlan = data[0] & 1;
    // Most mutations break a sum: with checks off they get further.
    rules.verify_ip_checksum = (data[0] & 2) != 0;
    rules.udp_checksum = static_cast<UdpChecksum>((data[0] >> 2) % 3);
    Bytes bytes(data + 1, data + size);
    if (bytes.size() >= 6 && (data[0] & 0x20) != 0) std::copy(ours.bytes.begin(), ours.bytes.end(), bytes.begin());
    const Frame frame = parse_frame(bytes, rules, data[0] >> 6);
    check_offsets(frame, bytes.size());
    if (frame.kind == FrameKind::none || frame.kind == FrameKind::udp) return 0;
    SmallFrames answers;
    const auto handled = neighbour.handle(bytes, frame, now, answers);
    check_answers(bytes, answers, handled);
    answers.clear();
    neighbour.resolve(frame.from.address, now, answers);
    neighbour.tick(now, answers);
    SALLYPORT_CHECK(neighbour.statistics().next_hops.read() <= dpdk::limits::next_hops);
    return 0;
}

// rooms: locate
// Any zone at all: the locator ends after a bounded number of questions, with a bounded result of usable addresses.
#include <cstdlib>
#include <string>

#include "control/base/check.h"
#include "signaling/locate/locator.h"

namespace {

using namespace sallyport;
using namespace sallyport::locate;

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    std::uint8_t byte() { return at_ < size_ ? data_[at_++] : 0; }
    std::uint16_t word() { return static_cast<std::uint16_t>(byte() << 8 | byte()); }
    // A few names that meet again and again, or any bytes.
    std::string name() {
        constexpr const char* known[] = {"example.com",  "_sip._udp.example.com", "_sips._tcp.example.com", ".", "",
                                         "h.example.com"};
        const std::size_t pick = byte() % 8;
        if (pick < std::size(known)) return known[pick];
        std::string text;
        for (std::size_t n = byte() % 80; n > 0; --n) text += static_cast<char>(byte());
        return text;
    }
    bool empty() const { return at_ >= size_; }

private:
    const std::uint8_t* data_;
    std::size_t size_, at_ = 0;
};

Answer answer(const Question& question, Input& in) {
    Answer a;
    a.question = question;
    const std::uint8_t head = in.byte();
    a.status = static_cast<DnsStatus>(head % 5);
    constexpr const char* services[] = {"SIP+D2U", "SIP+D2T", "SIPS+D2T", "sip+d2u", "E2U"};
    for (int n = head / 8; n > 0 && !in.empty(); --n) {
        IpAddress address;
        address.family = static_cast<Family>(in.byte() % 3);
        for (auto& b : address.bytes) b = in.byte();
        a.addresses.push_back(address);
        a.srv.push_back({in.word(), in.word(), in.word(), in.name()});
        a.naptr.push_back(
            {in.word(), in.word(), in.byte() % 4 != 0 ? "s" : "u", services[in.byte() % 5], "", in.name()});
    }
    return a;
}

Wanted wanted(Input& in) {
    Wanted w;
    w.host = in.byte() % 2 == 0 ? "example.com" : in.name();
    const std::uint8_t flags = in.byte();
    if ((flags & 1) != 0) w.port = in.word();
    if ((flags & 2) != 0) w.transport = static_cast<Transport>(in.byte() % 3);
    w.sips = (flags & 4) != 0;
    w.family = static_cast<Family>(flags >> 3 & 1 ? in.byte() % 3 : 0);
    if ((flags & 16) != 0) w.supported.pop_back();
    return w;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input in(data, size);
    SeededRandom random(in.word());
    const Wanted w = wanted(in);
    Locator locator(w, random);
    Step step = locator.start();
    std::vector<Question> open;
    std::size_t asked = 0;
    while (const auto* questions = std::get_if<std::vector<Question>>(&step)) {
        open.insert(open.end(), questions->begin(), questions->end());
        SALLYPORT_CHECK(!open.empty());
        SALLYPORT_CHECK(++asked <= 1 + limits::services + 2 * limits::hosts);
        if (in.byte() % 16 == 0) locator.resume(answer({RecordType::a, "stranger.example"}, in));
        const Question next = open.back();
        open.pop_back();
        step = locator.resume(answer(next, in));
    }
    if (const auto* found = std::get_if<std::vector<Located>>(&step)) {
        SALLYPORT_CHECK(!found->empty() && found->size() <= limits::located);
        for (const Located& l : *found) {
            SALLYPORT_CHECK(l.endpoint.port != 0 && !l.endpoint.address.is_multicast());
            SALLYPORT_CHECK(!w.sips || l.transport == Transport::tls);
        }
    }
    return 0;
}

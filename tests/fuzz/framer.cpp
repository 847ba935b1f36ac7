// rooms: sip
// corpora: corpus torture/rfc4475 fuzz/advisories fuzz/profuzzbench
// A stream gives the same messages however it is cut into segments, and every message is framed as the parser sees it.
#include "signaling/sip/framer.h"

#include <algorithm>
#include <string>

#include "control/base/check.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/parser.h"
#include "tests/support/fuzz_seeds.h"

using namespace sallyport;
using namespace sallyport::sip;

namespace {

// All events as text; true when more bytes may follow.
bool drain(Framer& framer, std::string& log) {
    for (;;) {
        const auto event = framer.next();
        if (std::holds_alternative<Framer::NeedMore>(event)) return true;
        if (const auto* broken = std::get_if<Framer::Broken>(&event)) {
            log.append("broken ").append(to_string(broken->code));
            SALLYPORT_CHECK(std::holds_alternative<Framer::Broken>(framer.next()));  // and stays so
            return false;
        }
        if (const auto* message = std::get_if<Framer::Message>(&event)) {
            SALLYPORT_CHECK(!message->bytes.empty() && message->bytes.size() <= limits::message_bytes);
            const auto parsed = Parser::parse(message->bytes, Framing::stream);
            if (parsed.has_error())
                SALLYPORT_CHECK(parsed.error().code != ParseErrc::truncated_body &&
                                parsed.error().code != ParseErrc::empty);
            log.append("message ").append(message->bytes).append("|");
        } else {
            log.append("ping|");
        }
    }
}

}  // namespace

std::vector<std::string> test::fuzz_seeds() {
    return {
        "\r\n\r\nOPTIONS sip:h SIP/2.0\r\nl: 4\r\n\r\nabcd\r\nBYE sip:h SIP/2.0\r\nContent-Length :\r\n "
        "0\r\n\r\n\r\n\r\n",
        "OPTIONS sip:h SIP/2.0\nContent-Length: 2\nl:2\n\nxy\r\n", "GET / HTTP/1.1\r\n\r\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t segment = 1 + data[0] % 97;  // the first byte says how the rest is cut
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string at_once, in_pieces;
    Framer whole;
    whole.append(stream);
    drain(whole, at_once);
    Framer cut;
    for (std::size_t at = 0; at < stream.size(); at += segment) {
        cut.append(stream.substr(at, segment));
        if (!drain(cut, in_pieces)) break;
        SALLYPORT_CHECK(cut.buffered() <= limits::message_bytes + segment);
    }
    // Cut into pieces, a stream may break later or earlier on its size alone; its messages are the same.
    SALLYPORT_CHECK(at_once == in_pieces);
    return 0;
}

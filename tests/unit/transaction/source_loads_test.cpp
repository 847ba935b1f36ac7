// What each source has of the transactions: counted as they come and go, whatever becomes of them.
#include "signaling/transaction/source_loads.h"

#include <catch2/catch.hpp>

#include "layer_bench.h"

using namespace sallyport;
using namespace sallyport::transaction;
using namespace sallyport::test;

namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
std::string options(int number) {
    const auto n = std::to_string(number);
    return "OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKo" + n + "\nFrom: <sip:a@b>;tag=f" +
           n + "\nTo: <sip:a@b>\nCall-ID: c" + n + "\nCSeq: 1 OPTIONS\n";
}

}  // namespace

TEST_CASE("an address of IPv4 is one source, of IPv6 all of its /64") {
    SeededRandom random(1);
    SourceLoads loads(random);
    loads.add(address("192.0.2.1"));
    loads.add(address("192.0.2.1"));
    loads.add(address("192.0.2.2"));
    loads.add(address("2001:db8:1:2::1"));
    loads.add(address("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    CHECK(loads.of(address("192.0.2.1")).open == 2);
    CHECK(loads.of(address("192.0.2.2")).open == 1);
    CHECK(loads.of(address("192.0.2.3")).open == 0);
    CHECK(loads.of(address("2001:db8:1:2::77")).open == 2);
    CHECK(loads.of(address("2001:db8:1:3::1")).open == 0);
    CHECK(loads.size() == 3);
    loads.remove(address("2001:db8:1:2::1"));
    loads.remove(address("2001:db8:1:2::2"));
    loads.remove(address("192.0.2.1"));
    CHECK(loads.of(address("192.0.2.1")).open == 1);
    CHECK(loads.size() == 2);
}

TEST_CASE("a transaction counts for its source, with the bytes it keeps, until it ends") {
    LayerBench b;
    b.receive(options(1));
    const auto begun = b.layer.load_of(b.flow.remote.address);
    CHECK(begun.open == 1);
    CHECK(begun.bytes > 100);
    b.respond(200);
    const auto answered = b.layer.load_of(b.flow.remote.address);
    CHECK(answered.open == 1);
    CHECK(answered.bytes == b.layer.kept_bytes());
    b.receive(options(1));  // again: none of its own
    CHECK(b.layer.load_of(b.flow.remote.address).open == 1);
    b.receive(options(2));
    b.layer.ignore(b.server);
    CHECK(b.layer.load_of(b.flow.remote.address).open == 1);
    b.run_until(40s);
    CHECK(b.layer.load_of(b.flow.remote.address).open == 0);
    CHECK(b.layer.kept_bytes() == 0);
}

TEST_CASE("what is urgent has room beside a full layer, as requests within dialogs have, and no more") {
    LayerBench b(Transport::udp, 8);
    const auto receive = [&](int number, bool urgent) {
        b.receive_on(b.flow, options(number), urgent);
        return b.layer.size();
    };
    for (int i = 1; i <= 8; ++i) {
        CHECK_FALSE(b.layer.is_full());
        CHECK(receive(i, false) == static_cast<std::size_t>(i));
    }
    CHECK(b.layer.is_full());
    CHECK(receive(9, false) == 8);
    CHECK(receive(10, true) == 9);
    CHECK(receive(11, true) == 9);
    CHECK(b.layer.statistics().limit_refusals.read() == 2);
}

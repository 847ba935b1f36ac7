#include <set>

#include "signaling/transaction/key.h"
#include "signaling/transaction/keyed_hash.h"
#include "tests/support/layer_bench.h"
#include "tests/unit/transaction/client_messages.h"
#include "tests/unit/transaction/server_messages.h"

using namespace sallyport;
using namespace sallyport::test;

TEST_CASE("branch, sent-by and method make a transaction; the host's case does not (RFC 3261 17.2.3)") {
    LayerBench b;
    b.receive(Received{}.as("OPTIONS").text());
    auto upper = Received{}.as("OPTIONS");
    upper.via = "SIP/2.0/UDP PBX.Example:5060";
    b.receive(upper.text());
    auto port = Received{}.as("OPTIONS");
    port.via = "SIP/2.0/UDP pbx.example:5062";
    port.number = 2;
    b.receive(port.text());
    CHECK(b.log == Lines{"0 user OPTIONS", "0 user OPTIONS"});
}

TEST_CASE("a peer of RFC 2543 is matched by Request-URI, tags, Call-ID, CSeq and Via") {
    for (const std::string branch : {"", "1", "z9hG4bK"}) {  // none, not ours to trust, a bare cookie
        LayerBench b;
        Received old;
        old.branch = branch;
        b.receive(old.text());
        b.receive(old.text());
        CHECK(b.take() == Lines{"0 user INVITE", "0 tx 100"});
        b.receive(old.as("CANCEL").text());
        CHECK(b.take() == Lines{"0 tx 200", "0 user cancelled"});
        b.respond(487);
        b.receive(old.as("ACK", "ours").text());
        b.run_until(10s);
        CHECK(b.take() == Lines{"0 tx 487", "5000 user ended"});

        Received other = old;
        other.call_id = "another@pbx.example";
        b.receive(old.text());
        b.receive(other.text());
        CHECK(b.take() == Lines{"10000 user INVITE", "10000 user INVITE"});
    }
}

TEST_CASE("the same request over two paths is answered 482 (RFC 3261 8.2.2.2)") {
    LayerBench b;
    b.receive(Received{}.text());
    b.receive(Received{}.over("z9hG4bKpath2").text());
    CHECK(b.log == Lines{"0 user INVITE", "0 tx 482"});
    CHECK(b.layer.size() == 1);
    CHECK(b.layer.statistics().merged_requests.read() == 1);
    b.respond(200);
    b.receive(Received{}.over("z9hG4bKpath3").text());
    CHECK(b.log.back() == "0 tx 482");
}

TEST_CASE("a spiral or fork to another number is a new request, and so is a retry after a refusal [SC-11.1-06]") {
    LayerBench b;
    b.receive(Received{}.text());
    Received spiral = Received{}.over("z9hG4bKspiral");
    spiral.uri = "sip:+4989555@edge.example";
    b.receive(spiral.text());
    CHECK(b.take() == Lines{"0 user INVITE", "0 user INVITE"});
    b.respond(503);
    Received retry = spiral.over("z9hG4bKretry");
    b.receive(retry.text());
    CHECK(b.take() == Lines{"0 tx 503", "0 user INVITE"});
}

TEST_CASE("requests within a dialog are never merged") {
    LayerBench b;
    b.receive(Received{}.as("INFO", "ours").text());
    b.receive(Received{}.as("INFO", "ours").over("z9hG4bKagain").text());
    CHECK(b.log == Lines{"0 user INFO", "0 user INFO"});
}

TEST_CASE("beyond the limit a request is refused without state, spread over time; dialogs keep some room") {
    LayerBench b(Transport::udp, 8);
    for (int i = 0; i < 8; ++i) {
        Received r = Received{}.over("z9hG4bK" + std::to_string(i));
        r.call_id = std::to_string(i);
        b.receive(r.text());
    }
    b.take();
    Received ninth = Received{}.over("z9hG4bKninth");
    ninth.call_id = "ninth";
    std::set<std::string> waits;
    for (int i = 0; i < 50; ++i) {
        b.receive(ninth.text());
        CHECK(b.log.back() == "0 tx 503");
        waits.insert(header(*b.sent.back().bytes, "Retry-After"));
    }
    CHECK(waits.size() > 5);
    CHECK(b.layer.size() == 8);
    CHECK(b.layer.statistics().limit_refusals.read() == 50);
    b.take();
    b.receive(ninth.as("BYE", "ours").text());
    b.receive(ninth.as("ACK", "ours").text());
    CHECK(b.take() == Lines{"0 user BYE", "0 user ACK without transaction"});
    b.receive(ninth.as("INFO", "ours").text());
    CHECK(b.take() == Lines{"0 tx 503"});
}

TEST_CASE("what comes first has an eighth of room that neither new requests nor dialogs get") {
    LayerBench b(Transport::udp, 8);
    int asked = 0;
    b.layer.let_in_first([&](const Flow&, const sip::Message& request) {
        ++asked;
        return request.call_id().starts_with("help");
    });
    const auto receive = [&](const std::string& call_id) {
        Received r = Received{}.over("z9hG4bK" + call_id);
        r.call_id = call_id;
        b.receive(r.text());
        return b.log.back();
    };
    for (int i = 0; i < 8; ++i) receive(std::to_string(i));
    CHECK(asked == 0);
    CHECK(receive("one-more") == "0 tx 503");
    CHECK(receive("help-1") == "0 user INVITE");
    CHECK(receive("help-2") == "0 user INVITE");
    CHECK(receive("help-3") == "0 tx 503");
    CHECK(asked == 4);
    CHECK(b.layer.size() == 10);
}

TEST_CASE("new branches carry the magic cookie and do not repeat") {
    LayerBench b;
    std::set<std::string> branches;
    for (int i = 0; i < 1'000; ++i) branches.insert(b.layer.new_branch());
    CHECK(branches.size() == 1'000);
    CHECK(branches.begin()->substr(0, 7) == "z9hG4bK");
}

namespace {
struct CountingBytes final : RandomSource {
    void fill(ByteSpan out) override {
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
    }
};
}  // namespace

TEST_CASE("the table's hash is SipHash-2-4") {
    CountingBytes key;  // the key and the texts of the authors' reference vectors
    const transaction::KeyedHash hash(key);
    std::string text;
    CHECK(hash(text) == 0x726fdb47dd0e0e31ull);
    // What `openssl mac -macopt hexkey:000102...0f -macopt size:16 SIPHASH` says, read as little endian.
    CHECK(hash.wide(text) == transaction::KeyedHash::Wide{0xe6a825ba047f81a3ull, 0x930255c71472f66dull});
    for (char c = 0; c < 15; ++c) text += c;
    CHECK(hash(text) == 0xa129ca6149be45e5ull);
    CHECK(hash.wide(text) == transaction::KeyedHash::Wide{0x11a8b03399e99354ull, 0xd9c3cf970fec087eull});
}

TEST_CASE("requests and answers are kept up to a number of bytes, an eighth more of them within dialogs") {
    const std::size_t one = wire(Received{}.over("z9hG4bKn0").text()).size();
    LayerBench b(Transport::udp, 1'000, 8 * one);
    for (int i = 0; i < 8; ++i) {
        auto request = Received{}.over("z9hG4bKn" + std::to_string(i));
        request.call_id = "n" + std::to_string(i);
        b.receive(request.text());
    }
    CHECK(b.layer.kept_bytes() >= 8 * (one - 20));
    b.take();
    auto ninth = Received{}.over("z9hG4bKninth");
    ninth.call_id = "ninth";
    b.receive(ninth.text());
    CHECK(b.take() == Lines{"0 tx 503"});
    b.receive(ninth.as("BYE", "ours").text());
    CHECK(b.take() == Lines{"0 user BYE"});
    b.run_until(1s);
    CHECK(b.layer.kept_bytes() > 8 * one);  // the 100 of each is kept with it
}

TEST_CASE("a request is kept until it is finally answered, an answer until it need not be repeated") {
    LayerBench b;
    auto request = Received{}.as("OPTIONS");
    b.receive(request.text());
    const auto options = b.server;
    CHECK(b.layer.kept_bytes() == wire(request.text()).size());
    b.respond(options, 200);
    CHECK(b.layer.request_of(options) == nullptr);
    CHECK(b.layer.kept_bytes() == b.sent.back().bytes->size());
    b.receive(request.text());
    CHECK(b.log.back() == "0 tx 200");
    b.receive(Received{}.over("z9hG4bKinvite").text());
    b.respond(486);
    CHECK(b.layer.kept_bytes() == b.sent[0].bytes->size() + b.sent.back().bytes->size());
    b.run_until(64s);
    CHECK(b.layer.size() == 0);
    CHECK(b.layer.kept_bytes() == 0);
}

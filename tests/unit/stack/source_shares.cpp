// What one source address may have of what a shard keeps (CVE-2021-41145): whoever floods meets his own limit.
#include "tests/unit/stack/bench.h"

namespace sallyport::stack {
namespace {

constexpr std::size_t share = 80, of_strangers = 8, beyond = 10;  // beyond: an eighth

config::Trunk static_trunk() {
    config::Trunk t;
    t.id = "globex";
    t.mode = config::TrunkMode::static_;
    t.realm = "access";
    t.domain = "globex.example";
    t.numbers = {{"+4989000", "+4989999"}};
    t.transports = {config::Transport::udp};
    t.media.srtp = config::SrtpPolicy::off;
    t.targets = {{"198.51.100.20", 5060, config::Transport::udp, 0, 0}};
    t.sources = {*config::AddressBlock::parse("198.51.100.20")};
    t.session_timers.seconds = 0;
    return t;
}

struct Flooded : Bench {
    Flooded() : Flooded(std::make_unique<Shared>()) {}
    explicit Flooded(std::unique_ptr<Shared> of_node, StackConfig config = with_share())
        : Bench(*of_node, std::move(config), 1), node(std::move(of_node)) {
        auto trunk = default_trunk();
        trunk.transports = {config::Transport::tls, config::Transport::udp};
        configure(std::move(trunk), default_carrier(), {static_trunk()});
        run_for(10s);  // what has probed the core is over
        sent.clear();
    }
    static StackConfig with_share() {
        auto config = stack_config();
        config.source_transactions = share;
        config.max_transactions = 400;
        return config;
    }
    Flow from(std::string_view remote) const {
        return {Transport::udp, 0, endpoint("203.0.113.1:5060"), endpoint(remote), 0};
    }
    Flow globex() const { return from("198.51.100.20:5060"); }
    // The status of the answer to a request that has one, 0: none.
    std::uint16_t ask(const Flow& flow, std::string_view method, std::string_view uri = "sip:sip.example.net",
                      std::string_view extra = {}, std::string_view body = {}) {
        receive(flow, request(flow, method, ++number, uri, extra, body));
        std::uint16_t status = 0;
        for (; !sent.empty(); sent.pop_front()) {
            const auto message = parse(*sent.front().bytes);
            if (!message.is_request() && message.status() > status) status = message.status();
            if (status == 503) retry_after = message.first(sip::HeaderName::retry_after).value_or("");
        }
        return status;
    }
    static std::string request(const Flow& flow, std::string_view method, int number, std::string_view uri,
                               std::string_view extra = {}, std::string_view body = {}) {
        const auto n = std::to_string(number);
        auto c = sip::Composer::request(method, uri);
        c.add("Via", "SIP/2.0/UDP " + flow.remote.to_string() + ";branch=z9hG4bKs" + n)
            .add("Max-Forwards", "70")
            .add("From", "<sip:+4989001@globex.example>;tag=f" + n)
            .add("To", "<" + std::string(uri) + ">")
            .add("Call-ID", "c" + n)
            .add("CSeq", "1 " + std::string(method))
            .add("Contact", "<sip:" + flow.remote.to_string() + ">");
        return with(c.finish(body.empty() ? "" : "application/sdp", body), extra);
    }
    void fill(const Flow& flow, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) REQUIRE(ask(flow, "OPTIONS") == 200);
    }
    std::uint64_t refused() const { return stack.statistics().refused_share.read(); }

    std::unique_ptr<Shared> node;
    int number = 0;
    std::string retry_after;
};

}  // namespace

TEST_CASE(
    "A trunk that floods has its share of transactions and no more, whatever the method; others are served "
    "(CVE-2021-41145) [reliability 12]") {
    Flooded b;
    b.fill(b.globex(), share);
    for (const auto* method : {"OPTIONS", "INVITE", "MESSAGE", "REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH", "XYZZY"})
        for (int i = 0; i < 1'000; ++i) CHECK(b.ask(b.globex(), method) == 503);
    CHECK_FALSE(b.retry_after.empty());
    CHECK(b.refused() == 8'000);
    CHECK(b.stack.alive().transactions == share);
    CHECK(b.stack.alive().calls == 0);
    const auto told = std::count_if(b.facts.begin(), b.facts.end(),
                                    [](const auto& f) { return f.event == "source-share-exhausted"; });
    CHECK(told >= 1);
    CHECK(told <= 20);  // some a second
    PbxCall another(b);
    another.hang_up();
    CHECK(b.ask(b.from("198.51.100.66:5060"), "OPTIONS") == 200);  // a stranger
    b.run_for(40s);
    b.sent.clear();
    CHECK(b.ask(b.globex(), "OPTIONS") == 200);
    CHECK(b.refused() == 8'000);
}

TEST_CASE("Whom no trunk knows has a tenth, at an address that others share as well") {
    Flooded b;
    b.shared.locations.update("acme", [&](std::vector<registrar::Binding>& bindings) {
        registrar::Binding binding;
        binding.trunk = "acme";
        binding.contact = "sip:198.51.100.30:5060";
        binding.bulk = true;
        binding.flow = b.from("198.51.100.30:5060");
        binding.registered_at = b.now;
        binding.expires_at = b.now + 3600s;
        bindings.push_back(binding);
        return true;
    });
    b.fill(b.from("198.51.100.30:5060"), of_strangers);
    CHECK(b.ask(b.from("198.51.100.30:9999"), "OPTIONS") == 503);
    CHECK(b.ask(b.from("198.51.100.30:9999"), "REGISTER") == 503);
    CHECK(b.ask(b.from("198.51.100.31:9999"), "OPTIONS") == 200);
    b.fill(b.from("198.51.100.30:5060"), share - of_strangers);
    CHECK(b.ask(b.from("198.51.100.30:5060"), "OPTIONS") == 503);
    for (std::size_t i = 0; i < 2 * beyond; ++i)  // a refresh goes first; what it is asked to prove keeps nothing
        CHECK(b.ask(b.from("198.51.100.30:5060"), "REGISTER") == 401);
}

TEST_CASE(
    "A call that is up is ended, and what repeats or ends something is heard, when its PBX has used up its share") {
    Flooded b;
    const auto invite = Flooded::request(b.globex(), "INVITE", 1'000, "sip:+442055501@globex.example", {},
                                         plain_sdp("198.51.100.20", 5004));
    b.receive(b.globex(), invite);
    const auto to_core = b.find("INVITE");
    b.receive(b.core_flow(), b.answer(to_core, 200, "bob", "<sip:192.0.2.20:5060>", plain_sdp("192.0.2.21", 6000)));
    const auto ok = b.find("200");
    b.receive(b.globex(), Bench::ack(parse(invite), ok, b.globex()));
    b.sent.clear();
    b.fill(b.globex(), share - 1);
    CHECK(b.ask(b.globex(), "OPTIONS") == 503);
    b.receive(b.globex(), Flooded::request(b.globex(), "OPTIONS", b.number - 1, "sip:sip.example.net"));
    CHECK(b.next().status() == 200);  // the repetition of one that has been answered
    auto pbx = dialog::Dialog::as_uac(parse(invite), ok, b.globex(), {});
    const auto within = [&](std::string_view method, int n) {
        b.receive(b.globex(),
                  pbx.request(method, "SIP/2.0/UDP 198.51.100.20:5060;branch=z9hG4bKw" + std::to_string(n)).finish());
        return b.find(method == "BYE" ? "200" : "405").status();
    };
    CHECK(within("BYE", 1) == 200);
    CHECK(b.next("BYE").method_text() == "BYE");
}

TEST_CASE("A call for help needs no share, twenty a second of one source") {
    Flooded b;
    b.fill(b.globex(), share);
    int carried = 0, refused = 0;
    for (int i = 0; i < 30; ++i) {
        b.receive(b.globex(), Flooded::request(b.globex(), "INVITE", 2'000 + i, "urn:service:sos", {},
                                               plain_sdp("198.51.100.20", 5004)));
        for (; !b.sent.empty(); b.sent.pop_front()) {
            const auto message = parse(*b.sent.front().bytes);
            carried += message.is_request() ? 1 : 0;
            refused += !message.is_request() && message.status() == 503 ? 1 : 0;
        }
    }
    CHECK(carried == 20);
    CHECK(refused == 10);
}

TEST_CASE("A call for help gets in where this shard has no room for anything new") {
    auto config = Flooded::with_share();
    config.max_transactions = 160;
    Flooded b(std::make_unique<Shared>(), config);
    b.fill(b.globex(), share);
    b.fill(b.core_flow(), share);
    CHECK(b.ask(b.from("198.51.100.66:5060"), "OPTIONS") == 503);
    b.receive(b.globex(),
              Flooded::request(b.globex(), "INVITE", 3'000, "urn:service:sos", {}, plain_sdp("198.51.100.20", 5004)));
    CHECK(b.find("INVITE").request_uri() == "urn:service:sos");
}

TEST_CASE("A carrier has half of all, and leaves the other half") {
    Flooded b;
    b.fill(b.core_flow(), 200);
    CHECK(b.ask(b.core_flow(), "OPTIONS") == 503);
    CHECK(b.refused() == 1);
    CHECK(b.ask(b.globex(), "OPTIONS") == 200);
}

TEST_CASE("Large requests use a share up by their bytes, before they are many") {
    auto config = Flooded::with_share();
    config.max_transaction_bytes = 400u << 10;  // 1 kB each, so that a share is 80 kB
    Flooded b(std::make_unique<Shared>(), config);
    const std::string filler = "X-Filler: " + std::string(10'000, 'f') + "\r\n";
    int taken = 0;
    while (b.ask(b.globex(), "INVITE", "sip:+442055501@globex.example", filler, plain_sdp("198.51.100.20", 5004)) !=
           503)
        REQUIRE(++taken < 20);
    CHECK(taken == 8);
}

}  // namespace sallyport::stack

// The media client against a scripted media plane: order, reconnecting, immediate errors while it is away.
#include "signaling/rpc/media_client.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <variant>

#include "signaling_rpc_bench.h"

using namespace sallyport;
using namespace sallyport::rpc;
using namespace contract;

namespace {

// Answers as the script says; one stream after the other.
class ScriptedPlane final : public media_pb::Media::Service {
public:
    grpc::Status Control(grpc::ServerContext*,
                         grpc::ServerReaderWriter<media_pb::ServerMessage, media_pb::ClientMessage>* stream) override {
        media_pb::ClientMessage in;
        while (stream->Read(&in)) {
            if (in.has_hello()) {
                {
                    const std::lock_guard lock(mutex_);
                    hellos_.push_back(in.hello());
                    if (!welcomes_) continue;
                }
                media_pb::ServerMessage out;
                out.mutable_welcome()->set_node("edge-1");
                out.mutable_welcome()->set_incarnation(incarnation);
                for (const auto& s : sessions) out.mutable_welcome()->add_sessions(s);
                if (takes_together) out.mutable_welcome()->add_features(media_pb::FEATURE_TOGETHER);
                stream->Write(out);
                continue;
            }
            if (in.has_commands()) {
                {
                    const std::lock_guard lock(mutex_);
                    messages_.push_back(in.commands().commands_size());
                }
                media_pb::ServerMessage out;
                for (const auto& command : in.commands().commands())
                    if (const auto reply = answer(command, *stream)) *out.mutable_replies()->add_replies() = *reply;
                stream->Write(out);
                continue;
            }
            {
                const std::lock_guard lock(mutex_);
                messages_.push_back(1);
            }
            const auto reply = answer(in, *stream);
            if (!reply) continue;
            media_pb::ServerMessage out;
            *out.mutable_reply() = *reply;
            stream->Write(out);
        }
        return grpc::Status::OK;
    }
    std::vector<media_pb::ClientMessage> commands() {
        const std::lock_guard lock(mutex_);
        return commands_;
    }
    std::vector<media_pb::Hello> hellos() {
        const std::lock_guard lock(mutex_);
        return hellos_;
    }
    void be_silent(bool yes) {
        const std::lock_guard lock(mutex_);
        silent_ = yes;
    }
    void welcome_nobody(bool yes) {
        const std::lock_guard lock(mutex_);
        welcomes_ = !yes;
    }
    std::vector<int> messages() {  // how many commands each brought
        const std::lock_guard lock(mutex_);
        return messages_;
    }
    std::atomic<std::uint64_t> incarnation{7};
    std::atomic<bool> takes_together{true};
    std::vector<std::string> sessions{"left-over"};

private:
    using Stream = grpc::ServerReaderWriter<media_pb::ServerMessage, media_pb::ClientMessage>;

    std::optional<media_pb::Reply> answer(const media_pb::ClientMessage& in, Stream& stream) {
        {
            const std::lock_guard lock(mutex_);
            commands_.push_back(in);
            most_under_way_ = std::max(most_under_way_, ++under_way_);
            if (silent_) return std::nullopt;
        }
        if (in.has_release()) {  // an event in between
            media_pb::ServerMessage event;
            event.mutable_event()->set_kind(media_pb::EVENT_RELEASED);
            event.mutable_event()->set_session(in.release().session());
            stream.Write(event);
        }
        media_pb::Reply reply;
        reply.set_sequence(in.sequence());
        reply.set_code(in.allocate().port_a() == "full" ? media_pb::CODE_NO_PORTS : media_pb::CODE_OK);
        const std::lock_guard lock(mutex_);
        --under_way_;
        return reply;
    }

    std::mutex mutex_;
    std::vector<media_pb::ClientMessage> commands_;
    std::vector<int> messages_;
    std::vector<media_pb::Hello> hellos_;
    bool silent_ = false, welcomes_ = true;
    std::size_t under_way_ = 0, most_under_way_ = 0;
};

struct Bench {
    explicit Bench(MediaClientOptions options = {}) {
        options.peer.target = folder.socket();
        options.client = "edge-1/0";
        options.epoch = 1'234;
        auto channel = make_channel(options.peer, 10s);
        REQUIRE(channel.has_value());
        client = std::make_unique<MediaClient>(
            context, gathering, *channel, options, [this](stack::Input input) { inputs.push_back(std::move(input)); },
            [this](const b2bua::LogFact& fact) { facts.push_back(fact.event); });
    }
    ~Bench() { client.reset(); }
    template <class T>
    std::vector<T> got() const {
        std::vector<T> of_type;
        for (const auto& input : inputs)
            if (const auto* t = std::get_if<T>(&input)) of_type.push_back(*t);
        return of_type;
    }
    template <class Condition>
    bool until(Condition&& done) {
        return run_until(context, std::forward<Condition>(done));
    }
    bool until_up() {
        return until([&] { return client->statistics().up.read() == 1; });
    }
    bool until_down() {
        return until([&] { return client->statistics().up.read() == 0; });
    }
    bool until_replies(std::size_t n) {
        return until([&] { return got<b2bua::MediaReply>().size() >= n; });
    }
    void submit(std::uint64_t token, b2bua::MediaVerb verb = b2bua::MediaVerb::allocate, const char* port = "access",
                bool emergency = false) {
        b2bua::MediaCommand c;
        c.emergency = emergency;
        c.verb = verb;
        c.call = {3, 1};
        c.token = token;
        c.session = "s" + std::to_string(token);
        c.port_a = port;
        c.port_b = "core";
        client->submit(c);
    }
    Folder folder;
    asio::io_context context{1};
    io::Gathering gathering{context};
    std::vector<stack::Input> inputs;
    std::vector<std::string> facts;
    std::unique_ptr<MediaClient> client;
};

}  // namespace

TEST_CASE("Hello names the shard and its epoch; the welcome tells the core what the plane still has") {
    ScriptedPlane plane;
    Bench b;
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    CHECK(plane.hellos().at(0).client() == "edge-1/0");
    CHECK(plane.hellos().at(0).epoch() == 1'234);
    CHECK(plane.hellos().at(0).lease_seconds() == 30);
    const auto states = b.got<b2bua::MediaState>();
    REQUIRE(states.size() == 1);
    CHECK(states[0].up);
    CHECK(states[0].incarnation == 7);
    CHECK(states[0].sessions == std::vector<std::string>{"left-over"});
}

TEST_CASE("a thousand commands at once: sent in order, answered in order, never too many under way") {
    ScriptedPlane plane;
    MediaClientOptions options;
    options.under_way = 50;
    Bench b(options);
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    for (std::uint64_t i = 1; i <= 1'000; ++i) b.submit(i);
    REQUIRE(b.until_replies(1'000));
    const auto replies = b.got<b2bua::MediaReply>();
    const auto commands = plane.commands();
    for (std::size_t i = 0; i < 1'000; ++i) {
        CHECK(replies[i].token == i + 1);
        CHECK(replies[i].ok);
        CHECK(replies[i].call == b2bua::CallId{3, 1});
        CHECK(commands[i].allocate().session() == "s" + std::to_string(i + 1));
        CHECK(commands[i].sequence() == i + 1);
    }
}

TEST_CASE("refusals come back as errors, events in between as events, and nothing for a command without a token") {
    ScriptedPlane plane;
    Bench b;
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    b.submit(1, b2bua::MediaVerb::allocate, "full");
    b.submit(0, b2bua::MediaVerb::release);
    b.submit(2);
    REQUIRE(b.until_replies(2));
    const auto replies = b.got<b2bua::MediaReply>();
    CHECK_FALSE(replies[0].ok);
    CHECK(replies[0].error == "no media ports left");
    CHECK(replies[1].token == 2);
    CHECK(b.got<b2bua::MediaEvent>().size() == 1);
}

TEST_CASE("while the plane is away commands are answered at once, before the call returns to the loop") {
    Bench b;
    b.submit(1);
    REQUIRE(b.got<b2bua::MediaReply>().size() == 1);
    b.client->start();
    REQUIRE(b.until([&] { return !b.facts.empty(); }));
    b.submit(2);
    b.submit(0);
    const auto replies = b.got<b2bua::MediaReply>();
    REQUIRE(replies.size() == 2);
    CHECK(replies[1].token == 2);
    CHECK(replies[1].error == "media plane away");
    CHECK(b.client->statistics().refused_away.read() == 3);
    CHECK(b.got<b2bua::MediaState>().empty());  // it never was up
    CHECK(b.facts == std::vector<std::string>{"media-away"});
}

TEST_CASE("a plane that dies and returns: the core hears both, open commands fail, new ones work, without a restart") {
    ScriptedPlane plane;
    Bench b;
    Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    plane.be_silent(true);
    b.submit(1);
    b.submit(2);
    REQUIRE(b.until([&] { return plane.commands().size() == 2; }));
    server.stop();
    REQUIRE(b.until_down());
    const auto failed = b.got<b2bua::MediaReply>();
    REQUIRE(failed.size() == 2);
    CHECK(failed[0].token == 1);
    CHECK(failed[1].error == "media plane away");
    plane.be_silent(false);
    plane.incarnation = 8;
    plane.sessions.clear();
    server.start();
    REQUIRE(b.until_up());
    const auto states = b.got<b2bua::MediaState>();
    REQUIRE(states.size() == 3);
    CHECK_FALSE(states[1].up);
    CHECK(states[2].incarnation == 8);
    CHECK(states[2].sessions.empty());
    b.submit(3);
    REQUIRE(b.until_replies(3));
    CHECK(b.got<b2bua::MediaReply>().back().ok);
    CHECK(plane.commands().back().sequence() > 2);  // sequence numbers never go back
}

TEST_CASE("a plane that takes commands and answers none is given up in time") {
    ScriptedPlane plane;
    MediaClientOptions options;
    options.answer_within = 200ms;
    Bench b(options);
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    plane.be_silent(true);
    b.submit(1);
    REQUIRE(b.until_down());
    CHECK(b.got<b2bua::MediaReply>().at(0).error == "media plane away");
    plane.be_silent(false);
    CHECK(b.until_up());
}

TEST_CASE("a plane that takes the stream and never says welcome is asked again") {
    ScriptedPlane plane;
    plane.welcome_nobody(true);
    MediaClientOptions options;
    options.answer_within = 100ms;
    Bench b(options);
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until([&] { return plane.hellos().size() >= 2; }));
    plane.welcome_nobody(false);
    CHECK(b.until_up());
}

TEST_CASE("the queue is bounded: beyond it errors at once, and the rest is still carried out") {
    ScriptedPlane plane;
    MediaClientOptions options;
    options.under_way = 10;
    options.waiting = 20;
    Bench b(options);
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    for (std::uint64_t i = 1; i <= 100; ++i) b.submit(i);
    CHECK(b.client->statistics().refused_full.read() == 70);
    CHECK(b.got<b2bua::MediaReply>().size() == 70);
    REQUIRE(b.until_replies(100));
}

TEST_CASE("commands of an emergency go before all that wait, and have places where the queue is full") {
    ScriptedPlane plane;
    MediaClientOptions options;
    options.under_way = 10;
    options.waiting = 20;
    options.for_emergencies = 2;
    Bench b(options);
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    for (std::uint64_t i = 1; i <= 40; ++i) b.submit(i);
    CHECK(b.client->statistics().refused_full.read() == 10);
    for (std::uint64_t i = 101; i <= 105; ++i) b.submit(i, b2bua::MediaVerb::allocate, "access", true);
    CHECK(b.client->statistics().refused_full.read() == 11);  // two go at once, two wait
    REQUIRE(b.until_replies(45));
    std::vector<std::string> sent;
    for (const auto& command : plane.commands()) sent.push_back(command.allocate().session());
    REQUIRE(sent.size() == 34);
    CHECK(std::vector(sent.begin() + 10, sent.begin() + 14) ==
          std::vector<std::string>{"s101", "s102", "s103", "s104"});
    CHECK(sent.at(14) == "s11");
    for (const auto& command : plane.commands())
        CHECK(command.allocate().emergency() == (command.allocate().session().size() == 4));
}

TEST_CASE("a quiet line is kept alive well within its lease") {
    ScriptedPlane plane;
    MediaClientOptions options;
    options.lease_seconds = 1;
    Bench b(options);
    const Server server(b.folder.socket(), plane);
    b.client->start();
    REQUIRE(b.until_up());
    REQUIRE(b.until([&] { return !plane.commands().empty(); }));
    CHECK(plane.commands().front().has_keep_alive());
    CHECK(b.got<b2bua::MediaReply>().empty());
}

TEST_CASE("commands of one round go in one message to a plane that takes them so, each in its own to another") {
    ScriptedPlane plane;
    plane.takes_together = GENERATE(true, false);
    Bench bench;
    Server server(bench.folder.socket(), plane);
    bench.client->start();
    REQUIRE(bench.until_up());
    for (const std::uint64_t token : {1, 2, 3}) bench.submit(token);
    REQUIRE(bench.until_replies(3));
    CHECK(plane.messages() == (plane.takes_together ? std::vector<int>{3} : std::vector<int>{1, 1, 1}));
    const auto replies = bench.got<b2bua::MediaReply>();
    for (std::size_t i = 0; i < 3; ++i) CHECK(replies[i].token == i + 1);
    bench.submit(4);
    REQUIRE(bench.until_replies(4));
    CHECK(plane.messages().back() == 1);
}

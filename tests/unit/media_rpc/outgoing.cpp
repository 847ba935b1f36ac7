// What waits to be written to a client that does not read.
#include "media-plane/rpc/outgoing.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace sallyport::media::rpc;

namespace {

pb::ServerMessage event(pb::EventKind kind) {
    pb::ServerMessage message;
    message.mutable_event()->set_kind(kind);
    return message;
}
std::size_t fill(Outgoing& outgoing, pb::EventKind kind) {
    std::size_t count = 0;
    while (count < 10'000 && outgoing.push_event(event(kind))) ++count;
    return count;
}

}  // namespace

TEST_CASE("Silence takes no place from the use of keys, nor that from silence") {
    Outgoing outgoing;
    CHECK(fill(outgoing, pb::EVENT_SILENCE) == limits::unsent_silence_events);
    CHECK_FALSE(outgoing.push_event(event(pb::EVENT_HEARD_AGAIN)));
    CHECK(fill(outgoing, pb::EVENT_FIRST_PACKET) == limits::unsent_events);
    CHECK_FALSE(outgoing.push_event(event(pb::EVENT_LATCHED)));
    outgoing.pop();  // a place of silence
    CHECK_FALSE(outgoing.push_event(event(pb::EVENT_LATCHED)));
    CHECK(outgoing.push_event(event(pb::EVENT_HEARD_AGAIN)));
    CHECK(outgoing.size() == limits::unsent_events + limits::unsent_silence_events);
    outgoing.clear();
    CHECK(fill(outgoing, pb::EVENT_FIRST_PACKET) == limits::unsent_events);
}

TEST_CASE("Of the use of keys the last word of each leg waits, and is not lost where all other places are taken") {
    Outgoing outgoing;
    CHECK(fill(outgoing, pb::EVENT_FIRST_PACKET) == limits::unsent_events);
    const auto used = [](const char* session, std::uint32_t stream, std::uint64_t index) {
        pb::ServerMessage message = event(pb::EVENT_KEY_USE);
        message.mutable_event()->set_session(session);
        message.mutable_event()->set_stream(stream);
        message.mutable_event()->mutable_used()->add_sent()->set_index(index);
        return message;
    };
    for (std::uint64_t index = 1; index <= 10'000; ++index)
        for (const std::uint32_t stream : {0u, 1u}) CHECK(outgoing.push_event(used("s1", stream, index)));
    CHECK(outgoing.push_event(used("s2", 0, 7)));
    CHECK(outgoing.size() == limits::unsent_events + 3);
    for (std::size_t i = 0; i < limits::unsent_events; ++i) outgoing.pop();
    // What is being written stays as it is; what comes then is said after it.
    CHECK(outgoing.push_event(used("s1", 0, 10'001)));
    CHECK(outgoing.push_event(used("s1", 0, 10'002)));
    std::vector<std::uint64_t> indices;
    for (; !outgoing.empty(); outgoing.pop()) indices.push_back(outgoing.front().event().used().sent(0).index());
    CHECK(indices == std::vector<std::uint64_t>{10'000, 10'000, 7, 10'002});
    CHECK(outgoing.push_event(used("s1", 0, 10'003)));
    CHECK(outgoing.size() == 1);
}

TEST_CASE("What is dialled takes no place from either") {
    Outgoing outgoing;
    CHECK(fill(outgoing, pb::EVENT_TELEPHONE_EVENT) == limits::unsent_telephone_events);
    CHECK(outgoing.push_event(event(pb::EVENT_SILENCE)));
    CHECK(fill(outgoing, pb::EVENT_FIRST_PACKET) == limits::unsent_events);
    outgoing.pop();
    CHECK(outgoing.push_event(event(pb::EVENT_TELEPHONE_EVENT)));
    CHECK_FALSE(outgoing.push_event(event(pb::EVENT_TELEPHONE_EVENT)));
}

TEST_CASE("Replies take no place from events, and order is kept") {
    Outgoing outgoing;
    pb::ServerMessage reply;
    reply.mutable_reply()->set_sequence(7);
    for (int i = 0; i < 5'000; ++i) outgoing.push(reply);
    CHECK(fill(outgoing, pb::EVENT_LATCHED) == limits::unsent_events);
    for (int i = 0; i < 5'000; ++i) outgoing.pop();
    CHECK(outgoing.front().event().kind() == pb::EVENT_LATCHED);
    CHECK_FALSE(outgoing.push_event(event(pb::EVENT_LATCHED)));
    outgoing.pop();
    CHECK(outgoing.push_event(event(pb::EVENT_LATCHED)));
}

TEST_CASE("Replies that are next become one message; what is said between them keeps its place") {
    Outgoing outgoing;
    const auto reply = [&](std::uint64_t sequence) {
        pb::ServerMessage message;
        message.mutable_reply()->set_sequence(sequence);
        outgoing.push(std::move(message));
    };
    reply(1);
    reply(2);
    REQUIRE(outgoing.push_event(event(pb::EVENT_LATCHED)));
    reply(3);
    outgoing.gather_replies();
    REQUIRE(outgoing.front().replies().replies_size() == 2);
    CHECK(outgoing.front().replies().replies(0).sequence() == 1);
    CHECK(outgoing.front().replies().replies(1).sequence() == 2);
    outgoing.pop();
    outgoing.gather_replies();
    CHECK(outgoing.front().has_event());
    outgoing.pop();
    outgoing.gather_replies();
    CHECK(outgoing.front().reply().sequence() == 3);
    outgoing.pop();
    CHECK(outgoing.empty());
}

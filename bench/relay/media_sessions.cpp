// Programs sessions into a running sallyport-media as signaling would, over sallyport.media.v1: side A is where load
// comes from, side B where it goes. Prints where side A is heard, one ADDRESS PORT a line and an empty line after the
// last; holds the sessions until standard input ends. Judges nothing.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

#include "sallyport/media/v1/media.grpc.pb.h"

namespace {

namespace pb = sallyport::media::v1;
using Stream = grpc::ClientReaderWriter<pb::ClientMessage, pb::ServerMessage>;

struct Options {
    std::string server;
    unsigned sessions = 0;
    pb::Endpoint a, b;
    std::string key;  // SDES master key and salt of side A, both directions; empty: plain RTP
};

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "media_sessions: %s\n", what.c_str());
    std::exit(1);
}

pb::Endpoint endpoint(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) fail(text + " is not ADDRESS:PORT");
    pb::Endpoint out;
    out.set_address(text.substr(0, colon));
    out.set_port(static_cast<unsigned>(std::strtoul(text.c_str() + colon + 1, nullptr, 10)));
    return out;
}

std::string from_hex(const std::string& text) {
    if (text.size() != 60) fail("a key has 60 hex digits");
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 2)
        out += static_cast<char>(std::strtoul(text.substr(i, 2).c_str(), nullptr, 16));
    return out;
}

pb::ClientMessage allocate(const Options& options, unsigned session) {
    pb::ClientMessage message;
    message.set_sequence(session + 1);
    auto& command = *message.mutable_allocate();
    command.set_session("bench-" + std::to_string(session));
    command.set_port_a("access");
    command.set_port_b("core");
    command.set_streams(1);
    auto& a = *command.add_legs();
    *a.mutable_remote() = options.a;
    if (!options.key.empty()) {
        a.mutable_keys()->set_suite(pb::SRTP_AES_CM_128_HMAC_SHA1_80);
        a.mutable_keys()->set_receive(options.key);
        a.mutable_keys()->set_send(options.key);
    }
    auto& b = *command.add_legs();
    b.set_side(pb::SIDE_B);
    *b.mutable_remote() = options.b;
    return message;
}

pb::Reply next_reply(Stream& stream) {
    pb::ServerMessage message;
    while (stream.Read(&message))
        if (message.has_reply()) return message.reply();
    fail("the stream ended: " + stream.Finish().error_message());
}

void say_hello(Stream& stream) {
    pb::ClientMessage message;
    message.mutable_hello()->set_client("bench");
    message.mutable_hello()->set_epoch(1);
    message.mutable_hello()->set_lease_seconds(1);
    pb::ServerMessage answer;
    if (!stream.Write(message) || !stream.Read(&answer) || !answer.has_welcome())
        fail("no welcome: " + stream.Finish().error_message());
}

void program(Stream& stream, const Options& options) {
    for (unsigned i = 0; i < options.sessions; ++i) {
        if (!stream.Write(allocate(options, i))) fail("the stream ended: " + stream.Finish().error_message());
        const pb::Reply reply = next_reply(stream);
        if (reply.code() != pb::CODE_OK) fail(pb::Code_Name(reply.code()) + ": " + reply.text());
        for (const auto& local : reply.local())
            if (local.side() == pb::SIDE_A) std::printf("%s %u\n", local.rtp().address().c_str(), local.rtp().port());
    }
    std::printf("\n");
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() < 4 || words.size() > 5) {
        std::fprintf(stderr, "usage: media_sessions SERVER SESSIONS A_ADDRESS:PORT B_ADDRESS:PORT [KEY_HEX]\n");
        return 2;
    }
    Options options{words[0], static_cast<unsigned>(std::strtoul(words[1].c_str(), nullptr, 10)), endpoint(words[2]),
                    endpoint(words[3]), words.size() > 4 ? from_hex(words[4]) : ""};
    const auto channel = grpc::CreateChannel(options.server, grpc::InsecureChannelCredentials());
    const auto stub = pb::Media::NewStub(channel);
    grpc::ClientContext context;
    const auto stream = stub->Control(&context);
    say_hello(*stream);
    program(*stream, options);
    std::cin.ignore(std::numeric_limits<std::streamsize>::max());
    context.TryCancel();
    stream->Finish();
    return 0;
}

#include "media_client.h"

#include <catch2/catch.hpp>

namespace sallyport::test {

MediaClient::MediaClient(const MediaDaemon& daemon) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own, to be broken alone
    channel_ = grpc::CreateCustomChannel(daemon.target(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = pb::Media::NewStub(channel_);
    open();
}

MediaClient::MediaClient(const MediaDaemon& daemon, const std::string& client, std::uint64_t epoch, std::uint32_t lease)
    : MediaClient(daemon) {
    hello(client, epoch, lease);
}

MediaClient::~MediaClient() { vanish(); }

void MediaClient::open() {
    stream_ = stub_->Control(&context_);
    reader_ = std::thread([this] { read(); });
}

void MediaClient::read() {
    pb::ServerMessage message;
    while (stream_->Read(&message)) {
        const std::lock_guard lock(mutex_);
        if (message.has_event())
            events_.push_back(message.event());
        else
            replies_.push_back(message);
        changed_.notify_all();
    }
    const std::lock_guard lock(mutex_);
    at_end_ = true;
    changed_.notify_all();
}

pb::Welcome MediaClient::hello(const std::string& client, std::uint64_t epoch, std::uint32_t lease) {
    pb::ClientMessage message;
    message.mutable_hello()->set_client(client);
    message.mutable_hello()->set_epoch(epoch);
    message.mutable_hello()->set_lease_seconds(lease);
    send(message);
    const pb::ServerMessage answer = next();
    REQUIRE(answer.has_welcome());
    return answer.welcome();
}

void MediaClient::send(pb::ClientMessage message) { stream_->Write(message); }

std::uint64_t MediaClient::post(pb::ClientMessage message) {
    message.set_sequence(++sequence_);
    send(std::move(message));
    return sequence_;
}

pb::ServerMessage MediaClient::next() {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, patience, [&] { return !replies_.empty() || at_end_; });
    REQUIRE(came);
    REQUIRE_FALSE(replies_.empty());
    auto message = std::move(replies_.front());
    replies_.pop_front();
    return message;
}

pb::Reply MediaClient::ask(pb::ClientMessage message) {
    const auto sequence = post(std::move(message));
    pb::Reply answer = reply();
    REQUIRE(answer.sequence() == sequence);
    return answer;
}

pb::Event MediaClient::event() {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, patience, [&] { return !events_.empty() || at_end_; }));
    REQUIRE_FALSE(events_.empty());
    auto event = std::move(events_.front());
    events_.pop_front();
    return event;
}

pb::Reply MediaClient::allocate(const std::string& session, std::uint32_t streams) {
    return ask(allocate_message(session, streams));
}

pb::Reply MediaClient::release(const std::string& session) { return ask(release_message(session)); }

void MediaClient::close() {
    stream_->WritesDone();
    ended();
}

void MediaClient::vanish() {
    context_.TryCancel();
    ended();
    channel_.reset();
}

grpc::Status MediaClient::ended() {
    if (finished_) return status_;
    if (reader_.joinable()) reader_.join();
    status_ = stream_->Finish();
    finished_ = true;
    return status_;
}

pb::Statistics MediaClient::statistics() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + patience);
    pb::Statistics statistics;
    REQUIRE(stub_->GetStatistics(&context, {}, &statistics).ok());
    return statistics;
}

pb::ClientMessage allocate_message(const std::string& session, std::uint32_t streams) {
    pb::ClientMessage message;
    message.mutable_allocate()->set_session(session);
    message.mutable_allocate()->set_port_a("access");
    message.mutable_allocate()->set_port_b("core");
    message.mutable_allocate()->set_streams(streams);
    return message;
}

pb::ClientMessage release_message(const std::string& session) {
    pb::ClientMessage message;
    message.mutable_release()->set_session(session);
    return message;
}

}  // namespace sallyport::test

// A signaling shard as the media plane sees one: a Control stream that a test drives word by word.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "media_daemon.h"
#include "sallyport/media/v1/media.grpc.pb.h"

namespace sallyport::test {

namespace pb = ::sallyport::media::v1;

class MediaClient {
public:
    explicit MediaClient(const MediaDaemon& daemon);
    MediaClient(const MediaDaemon& daemon, const std::string& client, std::uint64_t epoch, std::uint32_t lease = 0);
    ~MediaClient();

    pb::Welcome hello(const std::string& client, std::uint64_t epoch, std::uint32_t lease = 0);
    void send(pb::ClientMessage message);           // with the sequence it has
    std::uint64_t post(pb::ClientMessage message);  // with the next sequence, which is returned
    pb::ServerMessage next();  // not an event; fails the test when the stream ends or nothing comes
    pb::Reply reply() { return next().reply(); }
    pb::Reply ask(pb::ClientMessage message);  // post, and the reply to it
    pb::Event event();

    pb::Reply allocate(const std::string& session, std::uint32_t streams = 1);
    pb::Reply release(const std::string& session);

    void close();          // half-close and wait for the server's end
    void vanish();         // as a process that was killed: the connection breaks
    grpc::Status ended();  // waits until the server ends the stream
    pb::Media::Stub& stub() { return *stub_; }
    pb::Statistics statistics();

private:
    void open();
    void read();

    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<pb::Media::Stub> stub_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientReaderWriter<pb::ClientMessage, pb::ServerMessage>> stream_;
    std::thread reader_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<pb::ServerMessage> replies_;
    std::deque<pb::Event> events_;
    bool at_end_ = false;
    bool finished_ = false;
    grpc::Status status_;
    std::uint64_t sequence_ = 0;
};

pb::ClientMessage allocate_message(const std::string& session, std::uint32_t streams = 1);
pb::ClientMessage release_message(const std::string& session);

// Asks again and again until `condition` holds; false when it does not within `patience`.
template <class Condition>
bool eventually(Condition condition) {
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
        if (condition()) return true;
        std::this_thread::yield();
    }
    return false;
}

}  // namespace sallyport::test

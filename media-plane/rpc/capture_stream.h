// One asker's capture: finds the session, has its lcore copy packets into a ring, and writes them to the asker as fast
// as he takes them. Ends by its terms, with the session, and with the asker. What is in clear goes to who may have it
// only, and whoever has begun or was refused is told to the log.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "media-plane/core/plane.h"
#include "media-plane/rpc/capture_note.h"
#include "media-plane/rpc/media_convert.h"
#include "media-plane/rpc/served_call.h"

namespace sallyport::media::rpc {

namespace limits {
inline constexpr std::size_t captures = 4;           // of the whole plane: two megabytes each
inline constexpr std::size_t capture_places = 1024;  // packets that wait for the asker: two seconds of a call, tenfold
inline constexpr std::uint32_t capture_seconds = 3600, default_capture_seconds = 60;
inline constexpr std::uint64_t capture_packets = 10'000'000, default_capture_packets = 100'000;
}  // namespace limits

struct CaptureStatistics {
    std::atomic<std::uint64_t> started{0}, running{0}, packets{0}, missed{0};
};

class CaptureStream;

// Looks now and then what the lcores have copied; rests while there is nothing to look at.
class CapturePump {
public:
    CapturePump();
    ~CapturePump();
    CapturePump(const CapturePump&) = delete;
    CapturePump& operator=(const CapturePump&) = delete;
    void add(std::shared_ptr<CaptureStream> stream);

private:
    void run();
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::shared_ptr<CaptureStream>> streams_;
    bool stopping_ = false;
    std::thread thread_;
};

class CaptureStream final : public ServedCall<grpc::ServerAsyncWriter<pb::CaptureMessage>>,
                            public std::enable_shared_from_this<CaptureStream> {
public:
    // What is the same for all.
    struct Surroundings {
        Plane& plane;
        std::string node;
        CapturePump& pump;
        CaptureStatistics& statistics;
        std::function<CaptureAsker(const grpc::ServerContext&)> asker;
        CaptureLog log;
    };
    using RequestCapture = std::function<void(grpc::ServerContext&, pb::CaptureRequest&,
                                              grpc::ServerAsyncWriter<pb::CaptureMessage>&, CallStep*)>;

    // Waits for an asker, and then lives until gRPC is done with it and nobody waits for it any more. `opened` is
    // called when it has its asker: another one may wait.
    static void wait(const Surroundings& surroundings, CallLoop& loop, const RequestCapture& request,
                     std::function<void()> opened);

    bool pump();  // false: it is over

private:
    CaptureStream(const Surroundings& surroundings, CallLoop& loop, std::function<void()> opened)
        : ServedCall(loop),
          plane_(surroundings.plane),
          pump_(surroundings.pump),
          statistics_(surroundings.statistics),
          surroundings_(surroundings),
          opened_(std::move(opened)) {}

    void on_call() override;
    void on_written(bool ok) override;
    void on_cancel() override;
    void on_done() override;

    bool take_place();
    void find();
    void start(const SessionStatistics& session);
    void on_started(Code code, const std::string& why);
    // With mutex_ held.
    void write_next();
    void finish(const grpc::Status& status);
    void stop();
    void note(CaptureNote::What what, const std::string& why = {}) const;
    Duration time_limit() const;

    Plane& plane_;
    CapturePump& pump_;
    CaptureStatistics& statistics_;
    const Surroundings& surroundings_;
    std::function<void()> opened_;
    pb::CaptureRequest request_;
    CaptureAsker asker_;
    std::shared_ptr<CaptureStream> self_;  // gRPC's share

    std::mutex mutex_;
    std::shared_ptr<CaptureRing> ring_;
    pb::CaptureMessage outgoing_;
    SessionStatistics found_;
    std::size_t asked_ = 0;  // lcores that have not answered
    std::uint64_t packets_ = 0;
    TimePoint begun_{};
    std::string end_reason_ = "its asker has left";
    bool has_place_ = false, started_ = false, writing_ = false, ending_ = false, cancelled_ = false, finished_ = false;
};

}  // namespace sallyport::media::rpc

// sallyport.media.v1.Media: hands streams to ControlStream and CaptureStream, which the CallLoop serves, and answers
// the unary questions on gRPC's threads for such, which wait for no connection.
#pragma once

#include <grpcpp/grpcpp.h>

#include "media-plane/rpc/call_loop.h"
#include "media-plane/rpc/capture_stream.h"
#include "media-plane/rpc/control_stream.h"
#include "media-plane/rpc/dispatcher.h"
#include "sallyport/media/v1/media.grpc.pb.h"

namespace sallyport::media::rpc {

class MediaService final
    : public pb::Media::WithAsyncMethod_Control<pb::Media::WithAsyncMethod_Capture<pb::Media::Service>> {
public:
    // `decrypt_clients`: who may have over TLS what SRTP hides; on a Unix socket (`local`) all who may open it.
    struct CaptureRights {
        bool local = false;
        std::vector<std::string> decrypt_clients;
        CaptureLog log;
    };
    MediaService(Dispatcher& dispatcher, DispatcherConfig config, std::string version, TimePoint started,
                 CaptureRights rights);

    // When the server has started, and before the loop does.
    void serve(CallLoop& loop);

    grpc::Status GetStatistics(grpc::ServerContext* context, const pb::GetStatisticsRequest* request,
                               pb::Statistics* response) override;
    grpc::Status ListSessions(grpc::ServerContext* context, const pb::ListSessionsRequest* request,
                              pb::ListSessionsResponse* response) override;
    grpc::Status TopSessions(grpc::ServerContext* context, const pb::TopSessionsRequest* request,
                             pb::TopSessionsResponse* response) override;
    grpc::Status SetDrain(grpc::ServerContext* context, const pb::SetDrainRequest* request,
                          pb::DrainState* response) override;

    const StreamStatistics& statistics() const { return statistics_; }
    const CaptureStatistics& capture_statistics() const { return capture_statistics_; }

private:
    void wait_for_control(CallLoop& loop);
    void wait_for_capture(CallLoop& loop);
    void tell_drain(pb::DrainState& out) const;

    Dispatcher& dispatcher_;
    const DispatcherConfig config_;
    const std::string version_;
    const TimePoint started_;
    StreamStatistics statistics_;
    CaptureStatistics capture_statistics_;
    CapturePump pump_;
    const CaptureStream::Surroundings surroundings_;
    std::atomic<int> tops_{0};  // under way
};

}  // namespace sallyport::media::rpc

// sallyport.media.v1.Media over gRPC's callback API: hands streams to ControlStream, answers the unary questions.
#pragma once

#include <grpcpp/grpcpp.h>

#include "media-plane/rpc/capture_stream.h"
#include "media-plane/rpc/control_stream.h"
#include "media-plane/rpc/dispatcher.h"
#include "sallyport/media/v1/media.grpc.pb.h"

namespace sallyport::media::rpc {

class MediaService final : public pb::Media::CallbackService {
public:
    // `decrypt_clients`: who may have over TLS what SRTP hides; on a Unix socket (`local`) all who may open it.
    struct CaptureRights {
        bool local = false;
        std::vector<std::string> decrypt_clients;
        CaptureLog log;
    };
    MediaService(Dispatcher& dispatcher, DispatcherConfig config, std::string version, TimePoint started,
                 CaptureRights rights)
        : dispatcher_(dispatcher),
          config_(std::move(config)),
          version_(std::move(version)),
          started_(started),
          capture_rights_(std::move(rights)) {}

    grpc::ServerBidiReactor<pb::ClientMessage, pb::ServerMessage>* Control(
        grpc::CallbackServerContext* context) override;
    grpc::ServerUnaryReactor* GetStatistics(grpc::CallbackServerContext* context,
                                            const pb::GetStatisticsRequest* request, pb::Statistics* response) override;
    grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context, const pb::ListSessionsRequest* request,
                                           pb::ListSessionsResponse* response) override;

    grpc::ServerUnaryReactor* TopSessions(grpc::CallbackServerContext* context, const pb::TopSessionsRequest* request,
                                          pb::TopSessionsResponse* response) override;
    grpc::ServerWriteReactor<pb::CaptureMessage>* Capture(grpc::CallbackServerContext* context,
                                                          const pb::CaptureRequest* request) override;

    const StreamStatistics& statistics() const { return statistics_; }
    const CaptureStatistics& capture_statistics() const { return capture_statistics_; }

private:
    Dispatcher& dispatcher_;
    const DispatcherConfig config_;
    const std::string version_;
    const TimePoint started_;
    const CaptureRights capture_rights_;
    StreamStatistics statistics_;
    CaptureStatistics capture_statistics_;
    CapturePump pump_;
    std::atomic<int> tops_{0};  // under way
};

}  // namespace sallyport::media::rpc

// grpc.health.v1 for the server and for the media service, which are well or not well together.
#pragma once

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <string>

#include "grpc/health/v1/health.grpc.pb.h"

namespace sallyport::media::rpc {

namespace limits {
inline constexpr int health_watches = 16;  // at a time: each has a thread
}  // namespace limits

class HealthService final : public grpc::health::v1::Health::Service {
public:
    explicit HealthService(std::string service) : service_(std::move(service)) {}

    void set_serving(bool serving);
    void stop();  // NOT_SERVING; watches end, and who watches has been told

    grpc::Status Check(grpc::ServerContext* context, const grpc::health::v1::HealthCheckRequest* request,
                       grpc::health::v1::HealthCheckResponse* response) override;
    grpc::Status Watch(grpc::ServerContext* context, const grpc::health::v1::HealthCheckRequest* request,
                       grpc::ServerWriter<grpc::health::v1::HealthCheckResponse>* writer) override;

private:
    bool is_known(const std::string& service) const { return service.empty() || service == service_; }

    const std::string service_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool serving_ = false, stopping_ = false;
    int watches_ = 0;
};

}  // namespace sallyport::media::rpc

#include "media-plane/rpc/health_service.h"

#include <chrono>
#include <optional>

namespace sallyport::media::rpc {
namespace {

using Response = grpc::health::v1::HealthCheckResponse;

constexpr std::chrono::seconds until_told{1};  // at most: who watches may not read
constexpr std::chrono::seconds look_again{1};  // whether who watches is still there: gRPC tells it to nobody who waits

Response::ServingStatus status_of(bool serving) { return serving ? Response::SERVING : Response::NOT_SERVING; }

}  // namespace

void HealthService::set_serving(bool serving) {
    {
        const std::lock_guard lock(mutex_);
        serving_ = serving;
    }
    changed_.notify_all();
}

void HealthService::stop() {
    std::unique_lock lock(mutex_);
    serving_ = false;
    stopping_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, until_told, [&] { return watches_ == 0; });
}

grpc::Status HealthService::Check(grpc::ServerContext*, const grpc::health::v1::HealthCheckRequest* request,
                                  Response* response) {
    if (!is_known(request->service())) return {grpc::StatusCode::NOT_FOUND, "service name unknown"};
    const std::lock_guard lock(mutex_);
    response->set_status(status_of(serving_));
    return grpc::Status::OK;
}

// A service that is not known may come to be: who watches it is told so, and told nothing more here.
grpc::Status HealthService::Watch(grpc::ServerContext* context, const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::ServerWriter<Response>* writer) {
    const bool known = is_known(request->service());
    std::optional<Response::ServingStatus> told;
    std::unique_lock lock(mutex_);
    if (watches_ >= limits::health_watches)
        return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watch the health of this server"};
    ++watches_;
    for (;;) {
        const auto status = known ? status_of(serving_) : Response::SERVICE_UNKNOWN;
        const bool last = stopping_;
        if (told != status) {
            told = status;
            lock.unlock();
            Response response;
            response.set_status(status);
            const bool written = writer->Write(response);
            lock.lock();
            if (!written) break;
        }
        if (last || context->IsCancelled()) break;
        changed_.wait_for(lock, look_again, [&] { return stopping_ || (known && told != status_of(serving_)); });
    }
    if (--watches_ == 0) changed_.notify_all();
    return stopping_ ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server ends") : grpc::Status::CANCELLED;
}

}  // namespace sallyport::media::rpc

#include "media-plane/rpc/media_service.h"

#include "media-plane/rpc/session_lister.h"

namespace sallyport::media::rpc {

grpc::ServerBidiReactor<pb::ClientMessage, pb::ServerMessage>* MediaService::Control(grpc::CallbackServerContext*) {
    return ControlStream::open(dispatcher_, statistics_);
}

grpc::ServerUnaryReactor* MediaService::GetStatistics(grpc::CallbackServerContext* context,
                                                      const pb::GetStatisticsRequest*, pb::Statistics* response) {
    const PlaneStatus status = dispatcher_.plane().status();
    response->set_node(config_.node);
    response->set_version(version_);
    response->set_incarnation(config_.incarnation);
    response->set_uptime_seconds(std::chrono::duration<double>(dispatcher_.plane().now() - started_).count());
    std::uint64_t sessions = 0;
    for (const auto& lcore : status.lcores) sessions += lcore.sessions;
    response->set_sessions(sessions);
    response->set_mbufs_in_use(status.mbufs_in_use);
    for (const auto& port : status.ports) *response->add_ports() = to_proto(port);
    for (std::size_t i = 1; i < drop_count; ++i)
        if (status.drops[i] != 0) (*response->mutable_drops())[std::string(drop_texts[i].name)] = status.drops[i];
    response->set_clients(dispatcher_.statistics().connected.read());
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
}

grpc::ServerUnaryReactor* MediaService::ListSessions(grpc::CallbackServerContext* context,
                                                     const pb::ListSessionsRequest* request,
                                                     pb::ListSessionsResponse* response) {
    auto* reactor = context->DefaultReactor();
    if (request->page_size() < 0 || request->page_size() > 1000) {
        reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT,
                         "page_size: " + std::to_string(request->page_size()) + " is not in 0..1000"});
        return reactor;
    }
    const auto after = from_page_token(request->page_token());
    if (!after) {
        reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, after.error().text});
        return reactor;
    }
    const auto limit = static_cast<std::size_t>(request->page_size() == 0 ? 100 : request->page_size());
    auto done = [reactor, response](SessionLister::Page page) {
        if (page.overloaded) return reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "command queue is full"});
        for (const auto& session : page.sessions) *response->add_sessions() = to_proto(session);
        if (page.more) response->set_next_page_token(page_token(page.sessions.back().key));
        reactor->Finish(grpc::Status::OK);
    };
    SessionLister::list(dispatcher_.plane(), *after, limit, std::move(done));
    return reactor;
}

}  // namespace sallyport::media::rpc

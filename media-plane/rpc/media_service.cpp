#include "media-plane/rpc/media_service.h"

#include <algorithm>

#include "media-plane/rpc/session_top.h"
#include "media-plane/rpc/session_walk.h"

namespace sallyport::media::rpc {
namespace {

constexpr int tops_at_a_time = 4;                                 // each looks at every session
constexpr const char* asked_for_key = "sallyport-asked-for-bin";  // control's word for whom it asks

std::optional<TopBy> from_proto(pb::TopBy by) {
    switch (by) {
        case pb::TOP_BY_UNSPECIFIED:
        case pb::TOP_BY_MOS: return TopBy::mos;
        case pb::TOP_BY_LOSS: return TopBy::loss;
        case pb::TOP_BY_JITTER: return TopBy::jitter;
        case pb::TOP_BY_RTT: return TopBy::rtt;
        case pb::TOP_BY_PACKETS: return TopBy::packets;
        case pb::TOP_BY_DROPS: return TopBy::drops;
        case pb::TOP_BY_SILENCE: return TopBy::silence;
        default: return std::nullopt;
    }
}

// By its certificate, else by what the connection says.
CaptureAsker asker_of(const grpc::CallbackServerContext& context, const MediaService::CaptureRights& rights) {
    CaptureAsker asker;
    asker.may_decrypt = rights.local;
    if (rights.local) asker.peer = "unix";
    if (const auto auth = context.auth_context(); auth && auth->IsPeerAuthenticated())
        for (const auto& identity : auth->GetPeerIdentity()) {
            const std::string name(identity.data(), identity.size());
            const auto& may = rights.decrypt_clients;
            asker.may_decrypt = asker.may_decrypt || std::find(may.begin(), may.end(), name) != may.end();
            asker.peer += (asker.peer.empty() ? "" : " ") + name;
        }
    if (asker.peer.empty()) asker.peer = context.peer();
    const auto said = context.client_metadata().find(asked_for_key);
    if (said != context.client_metadata().end())
        asker.on_behalf = std::string(said->second.data(), said->second.size()).substr(0, limits::name_bytes);
    return asker;
}

void fill(pb::TopSessionsResponse& out, const SessionTop::Result& top) {
    for (const auto& session : top.sessions) *out.add_sessions() = to_proto(session);
    out.set_total(top.total);
    out.set_packets_per_second(top.packets_per_second);
    out.set_silent_legs(top.silent_legs);
    out.set_one_way_sessions(top.one_way_sessions);
}

}  // namespace

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

grpc::ServerUnaryReactor* MediaService::TopSessions(grpc::CallbackServerContext* context,
                                                    const pb::TopSessionsRequest* request,
                                                    pb::TopSessionsResponse* response) {
    auto* reactor = context->DefaultReactor();
    const auto by = from_proto(request->by());
    if (!by || request->limit() < 0 || request->limit() > static_cast<int>(SessionTop::most)) {
        reactor->Finish(
            {grpc::StatusCode::INVALID_ARGUMENT, by ? "limit: " + std::to_string(request->limit()) + " is not in 0..200"
                                                    : std::string("by: is not a known value")});
        return reactor;
    }
    if (tops_.fetch_add(1) >= tops_at_a_time) {
        tops_.fetch_sub(1);
        reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "others look at all sessions: try again"});
        return reactor;
    }
    const auto limit = request->limit() == 0 ? SessionTop::default_limit : static_cast<std::size_t>(request->limit());
    auto top = std::make_shared<SessionTop>(*by, limit, request->trunk());
    auto look = [top](const SessionStatistics& session) {
        top->show(session);
        return true;
    };
    auto done = [this, top, reactor, response](bool overloaded) {
        tops_.fetch_sub(1);
        if (overloaded) return reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "command queue is full"});
        fill(*response, top->take());
        reactor->Finish(grpc::Status::OK);
    };
    SessionWalk::begin(dispatcher_.plane(), std::move(look), std::move(done));
    return reactor;
}

grpc::ServerWriteReactor<pb::CaptureMessage>* MediaService::Capture(grpc::CallbackServerContext* context,
                                                                    const pb::CaptureRequest* request) {
    return CaptureStream::open(dispatcher_.plane(), config_.node, *request, pump_, capture_statistics_,
                               asker_of(*context, capture_rights_), capture_rights_.log);
}

}  // namespace sallyport::media::rpc

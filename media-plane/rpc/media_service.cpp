#include "media-plane/rpc/media_service.h"

#include <algorithm>
#include <future>

#include "media-plane/rpc/session_lister.h"
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
CaptureAsker asker_of(const grpc::ServerContext& context, const MediaService::CaptureRights& rights) {
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

MediaService::MediaService(Dispatcher& dispatcher, DispatcherConfig config, std::string version, TimePoint started,
                           CaptureRights rights)
    : dispatcher_(dispatcher),
      config_(std::move(config)),
      version_(std::move(version)),
      started_(started),
      surroundings_{.plane = dispatcher.plane(),
                    .node = config_.node,
                    .pump = pump_,
                    .statistics = capture_statistics_,
                    .asker = [rights](const grpc::ServerContext& context) { return asker_of(context, rights); },
                    .log = rights.log} {}

void MediaService::serve(CallLoop& loop) {
    wait_for_control(loop);
    wait_for_capture(loop);
}

void MediaService::wait_for_control(CallLoop& loop) {
    const auto request = [&](grpc::ServerContext& context, auto& call, CallStep* step) {
        // As RequestControl() does, but for the octets of what comes instead of messages: keys are in them.
        constexpr int control = 0;  // the first method of the service
        RequestAsyncBidiStreaming(control, &context, &call, &loop.queue(), &loop.queue(), step);
    };
    ControlStream::wait(dispatcher_, statistics_, loop, request, [this, &loop] { wait_for_control(loop); });
}

void MediaService::wait_for_capture(CallLoop& loop) {
    const auto request = [&](grpc::ServerContext& context, pb::CaptureRequest& asked, auto& call, CallStep* step) {
        RequestCapture(&context, &asked, &call, &loop.queue(), &loop.queue(), step);
    };
    CaptureStream::wait(surroundings_, loop, request, [this, &loop] { wait_for_capture(loop); });
}

grpc::Status MediaService::GetStatistics(grpc::ServerContext*, const pb::GetStatisticsRequest*,
                                         pb::Statistics* response) {
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
    for (const auto suite : status.srtp_slow_suites) response->add_srtp_slow_suites(std::string(suite));
    response->set_clients(dispatcher_.statistics().connected.read());
    tell_drain(*response->mutable_drain());
    return grpc::Status::OK;
}

void MediaService::tell_drain(pb::DrainState& out) const {
    const DrainState drain = dispatcher_.drain();
    const TimePoint since = drain.since == TimePoint{} ? started_ : drain.since;
    out.set_on(drain.on);
    out.set_since_seconds(std::chrono::duration<double>(dispatcher_.plane().now() - since).count());
    out.set_sessions(drain.sessions);
    out.set_refused(drain.refused);
}

grpc::Status MediaService::SetDrain(grpc::ServerContext*, const pb::SetDrainRequest* request,
                                    pb::DrainState* response) {
    dispatcher_.set_draining(request->on(), dispatcher_.plane().now());
    tell_drain(*response);
    return grpc::Status::OK;
}

grpc::Status MediaService::ListSessions(grpc::ServerContext*, const pb::ListSessionsRequest* request,
                                        pb::ListSessionsResponse* response) {
    if (request->page_size() < 0 || request->page_size() > 1000)
        return {grpc::StatusCode::INVALID_ARGUMENT,
                "page_size: " + std::to_string(request->page_size()) + " is not in 0..1000"};
    const auto after = from_page_token(request->page_token());
    if (!after) return {grpc::StatusCode::INVALID_ARGUMENT, after.error().text};
    const auto limit = static_cast<std::size_t>(request->page_size() == 0 ? 100 : request->page_size());
    const auto gathered = std::make_shared<std::promise<SessionLister::Page>>();
    SessionLister::list(dispatcher_.plane(), *after, limit,
                        [gathered](SessionLister::Page page) { gathered->set_value(std::move(page)); });
    const auto page = gathered->get_future().get();
    if (page.overloaded) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "command queue is full"};
    for (const auto& session : page.sessions) *response->add_sessions() = to_proto(session);
    if (page.more) response->set_next_page_token(page_token(page.sessions.back().key));
    return grpc::Status::OK;
}

grpc::Status MediaService::TopSessions(grpc::ServerContext*, const pb::TopSessionsRequest* request,
                                       pb::TopSessionsResponse* response) {
    const auto by = from_proto(request->by());
    if (!by || request->limit() < 0 || request->limit() > static_cast<int>(SessionTop::most))
        return {grpc::StatusCode::INVALID_ARGUMENT,
                by ? "limit: " + std::to_string(request->limit()) + " is not in 0..200"
                   : std::string("by: is not a known value")};
    if (tops_.fetch_add(1) >= tops_at_a_time) {
        tops_.fetch_sub(1);
        return {grpc::StatusCode::RESOURCE_EXHAUSTED, "others look at all sessions: try again"};
    }
    const auto limit = request->limit() == 0 ? SessionTop::default_limit : static_cast<std::size_t>(request->limit());
    const auto top = std::make_shared<SessionTop>(*by, limit, request->trunk());
    auto look = [top](const SessionStatistics& session) {
        top->show(session);
        return true;
    };
    const auto walked = std::make_shared<std::promise<bool>>();
    SessionWalk::begin(dispatcher_.plane(), std::move(look),
                       [walked](bool overloaded) { walked->set_value(overloaded); });
    const bool overloaded = walked->get_future().get();
    tops_.fetch_sub(1);
    if (overloaded) return {grpc::StatusCode::RESOURCE_EXHAUSTED, "command queue is full"};
    fill(*response, top->take());
    return grpc::Status::OK;
}

}  // namespace sallyport::media::rpc

// The part of sallyport.operations.v1 that is about the media plane: lists, the worst sessions, captures and who may
// have them.
#include <system_error>

#include "control/api/cancel_after.h"
#include "control/api/operations_service.h"
#include "control/api/status_convert.h"
#include "control/observe/log.h"

namespace sallyport::api {
namespace {

constexpr std::size_t id_bytes = 512;
constexpr std::chrono::seconds top_patience{5};     // of a plane with tens of thousands of sessions
constexpr std::chrono::seconds capture_margin{30};  // beside the time that the capture itself may take
constexpr std::uint32_t default_capture_seconds = 60;
constexpr int captures_at_a_time = 4;  // each keeps a thread; the plane has no more either

// One of so many at a time, whatever becomes of it.
class CapturePlace {
public:
    CapturePlace(std::atomic<int>& taken, bool wanted) : taken_(taken), has_(wanted && take()) {}
    ~CapturePlace() {
        if (has_) taken_.fetch_sub(1);
    }
    CapturePlace(const CapturePlace&) = delete;
    CapturePlace& operator=(const CapturePlace&) = delete;
    bool has() const { return has_; }

private:
    bool take() {
        if (taken_.fetch_add(1) < captures_at_a_time) return true;
        taken_.fetch_sub(1);
        return false;
    }
    std::atomic<int>& taken_;
    const bool has_;
};

grpc::Status without_feature(const grpc::Status& status, const char* what) {
    if (status.error_code() != grpc::UNIMPLEMENTED) return status;
    return {grpc::FAILED_PRECONDITION, std::string("sallyport-media is of a version without ") + what};
}

}  // namespace

grpc::Status OperationsService::ListMediaSessions(grpc::ServerContext* context, const mv1::ListSessionsRequest* request,
                                                  mv1::ListSessionsResponse* response) {
    return handle(*context, "ListMediaSessions", Permission::read, [&](const Caller&) -> grpc::Status {
        grpc::ClientContext to_media;
        set_short_deadline(to_media);
        const auto status = planes_.media().ListSessions(&to_media, *request, response);
        if (status.ok() || status.error_code() == grpc::INVALID_ARGUMENT) return status;
        return {grpc::UNAVAILABLE, planes_.explain_media(status)};
    });
}

grpc::Status OperationsService::TopMediaSessions(grpc::ServerContext* context, const mv1::TopSessionsRequest* request,
                                                 mv1::TopSessionsResponse* response) {
    return handle(*context, "TopMediaSessions", Permission::read, [&](const Caller&) -> grpc::Status {
        const auto to_media = grpc::ClientContext::FromServerContext(*context);
        to_media->set_deadline(std::min(context->deadline(), std::chrono::system_clock::now() + top_patience));
        const auto status = planes_.media().TopSessions(to_media.get(), *request, response);
        const auto code = status.error_code();
        if (status.ok() || code == grpc::INVALID_ARGUMENT || code == grpc::RESOURCE_EXHAUSTED) return status;
        if (code == grpc::UNIMPLEMENTED) return without_feature(status, "the list of the worst sessions");
        return {grpc::UNAVAILABLE, planes_.explain_media(status)};
    });
}

grpc::Status OperationsService::SetMediaDrain(grpc::ServerContext* context, const mv1::SetDrainRequest* request,
                                              mv1::DrainState* response) {
    return handle(*context, "SetMediaDrain", Permission::operate, [&](const Caller& caller) -> grpc::Status {
        grpc::ClientContext to_media;
        set_short_deadline(to_media);
        auto status = planes_.media().SetDrain(&to_media, *request, response);
        if (status.error_code() == grpc::UNIMPLEMENTED)
            status = without_feature(status, "a drain of its own: `sallyport drain` empties the node");
        else if (!status.ok())
            status = {grpc::UNAVAILABLE, planes_.explain_media(status)};
        audit_.record(caller, {"SetMediaDrain", request->on() ? "on" : "off", "", 0, false}, status);
        return status;
    });
}

// The names under which the media plane may know the call: its id, which its first session has, and its Session-ID.
std::vector<std::string> OperationsService::media_names(const std::string& call) {
    std::vector<std::string> names{call};
    ov1::GetCallRequest ask;
    ask.set_id(call);
    ov1::Call found;
    grpc::ClientContext to_signaling;
    set_short_deadline(to_signaling);
    if (!planes_.signaling().GetCall(&to_signaling, ask, &found).ok()) return names;
    for (const auto& other : {found.id(), found.session_id()})
        if (!other.empty() && std::find(names.begin(), names.end(), other) == names.end()) names.push_back(other);
    return names;
}

// NOT_FOUND where the media plane has no session of that name, and nothing was written.
grpc::Status OperationsService::capture(grpc::ServerContext& context, const ov1::CaptureMediaRequest& request,
                                        const std::string& session, const std::string& asker,
                                        grpc::ServerWriter<mv1::CaptureMessage>& writer) {
    mv1::CaptureRequest ask;
    ask.set_session(session);
    ask.set_decrypted(request.decrypted());
    ask.set_seconds(request.seconds());
    ask.set_packets(request.packets());
    const auto seconds = std::chrono::seconds(request.seconds() == 0 ? default_capture_seconds : request.seconds());
    const auto to_media = grpc::ClientContext::FromServerContext(context);  // it ends when its asker is gone
    to_media->set_deadline(std::min(context.deadline(), std::chrono::system_clock::now() + seconds + capture_margin));
    to_media->AddMetadata("sallyport-asked-for-bin", asker);  // for the plane's log
    // A client that does not read would hold this thread, and one of the few captures, in Write for ever.
    const CancelAfter patience(seconds + 2 * capture_margin, [&context] { context.TryCancel(); });
    const auto reader = planes_.media().Capture(to_media.get(), ask);
    mv1::CaptureMessage message;
    while (reader->Read(&message)) {
        if (writer.Write(message)) continue;
        to_media->TryCancel();
        break;
    }
    return without_feature(reader->Finish(), "captures");
}

grpc::Status OperationsService::CaptureMedia(grpc::ServerContext* context, const ov1::CaptureMediaRequest* request,
                                             grpc::ServerWriter<mv1::CaptureMessage>* writer) {
    const auto permission = request->decrypted() ? Permission::decrypt : Permission::capture;
    auto [caller, status] = authorization_.check(*context, permission);
    const AuditTrail::Mutation what{
        "CaptureMedia", request->call().substr(0, id_bytes) + (request->decrypted() ? " decrypted" : " as on the wire"),
        "", 0, false};
    if (status.ok() && (request->call().empty() || request->call().size() > id_bytes))
        status = invalid(*context, "call",
                         "is missing: a call's id as listed, the SIP Call-ID of either leg, or the "
                         "name of a media session");
    const CapturePlace place(captures_, status.ok());
    if (status.ok() && !place.has()) {
        status = {grpc::RESOURCE_EXHAUSTED, std::to_string(captures_at_a_time) + " captures are under way, the limit"};
    } else if (status.ok()) {
        // Who listens is on record before there is anything to hear, and again when it is over.
        observe::log_info("capture begins", {{"who", caller.name}, {"peer", caller.peer}, {"what", what.resource}});
        for (const auto& session : media_names(request->call())) {
            try {
                status = capture(*context, *request, session, caller.name, *writer);
            } catch (const std::system_error& error) {  // no thread to watch over it: it is in the audit all the same
                status = {grpc::RESOURCE_EXHAUSTED, std::string("a capture takes a thread: ") + error.what()};
            }
            if (status.error_code() != grpc::NOT_FOUND) break;
        }
        if (status.error_code() == grpc::UNAVAILABLE) status = {grpc::UNAVAILABLE, planes_.explain_media(status)};
    }
    audit_.record(caller, what, status);
    audit_.count(service, "CaptureMedia", status.error_code());
    return status;
}

}  // namespace sallyport::api

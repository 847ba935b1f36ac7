#include "control/api/operations_service.h"

#include <algorithm>

#include "control/api/status_convert.h"
#include "control/base/system_random.h"
#include "control/config/change.h"
#include "control/config/validate.h"
#include "control/records/consumer.h"

namespace sallyport::api {
namespace {

constexpr int default_page = 100, largest_page = 1'000;
constexpr int default_fetch = 1'000, largest_fetch = 10'000;
constexpr std::size_t fetch_bytes = 3'000'000;  // a gRPC client takes messages of 4 MiB unless it is told otherwise
constexpr int warnings_shown = 100;
constexpr std::size_t id_bytes = 512;
constexpr std::chrono::seconds explain_patience{10};      // a candidate as large as what is provisioned takes seconds
constexpr std::int64_t latest_explained = 4'102'444'800;  // 2100-01-01T00:00:00Z
constexpr std::size_t most_candidate_bytes = 31u << 20;   // signaling receives 32 MiB
// Page tokens of ListCalls: which of the two sources the next page begins with.
constexpr std::string_view live_token = "live:", finished_token = "finished:";

int page_size(int asked) { return asked <= 0 ? default_page : std::min(asked, largest_page); }

double seconds_since(std::chrono::steady_clock::time_point then) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

grpc::Status refusal_of(CallHistory::SearchErrc error) {
    switch (error) {
        case CallHistory::SearchErrc::busy:
            return {grpc::RESOURCE_EXHAUSTED, "another search through the call records is under way: try again"};
        case CallHistory::SearchErrc::given_up: return {grpc::CANCELLED, "the client waits no longer"};
    }
    return {grpc::INTERNAL, "the search failed"};
}

// Nobody is to be told a password that nobody will have: whose calls are asked about has been let in already.
void use_any_secret(provisioning::v1::ApplyRequest& candidate) {
    SystemRandom random;
    for (auto& change : *candidate.mutable_changes()) {
        if (!change.has_put_trunk()) continue;
        for (auto& credential : *change.mutable_put_trunk()->mutable_credentials()) {
            if (!credential.generate()) continue;
            credential.set_generate(false);
            credential.set_password(random.token(16));
        }
    }
}

// Nor is one told to signaling, which is over this machine's socket, in clear: whose message it is counts as proven,
// and any hash is as good as the right one.
void hide_secrets(provisioning::v1::ApplyRequest& candidate) {
    constexpr std::size_t md5_digits = 32, sha256_digits = 64;
    for (auto& change : *candidate.mutable_changes()) {
        if (!change.has_put_trunk()) continue;
        for (auto& credential : *change.mutable_put_trunk()->mutable_credentials()) {
            if (credential.password().empty() && credential.ha1_md5().empty() && credential.ha1_sha256().empty())
                continue;  // what is stored stays
            credential.clear_password();
            credential.set_ha1_md5(std::string(md5_digits, '0'));
            credential.set_ha1_sha256(std::string(sha256_digits, '0'));
        }
    }
}

grpc::Status check_candidate(const grpc::ServerContext& context, const config::Snapshot& base,
                             const provisioning::v1::ApplyRequest& candidate) {
    const auto converted = wire::from_proto(candidate);
    const auto outcome = config::apply(base, converted.change);
    if (outcome && converted.violations.empty()) return grpc::Status::OK;
    const Problem problem{Refusal::invalid, "", outcome ? config::Violations{} : outcome.error()};
    return to_status(context, problem, converted.violations, converted.prefixes);
}

}  // namespace

grpc::Status OperationsService::GetStatus(grpc::ServerContext* context, const ov1::GetStatusRequest*,
                                          ov1::Status* response) {
    return handle(*context, "GetStatus", Permission::read, [&](const Caller&) {
        const auto snapshot = state_.snapshot();
        response->set_node(node_);
        response->set_version(SALLYPORT_VERSION);
        response->set_revision(snapshot->revision);
        response->set_trunks(snapshot->trunks.size());
        response->set_carriers(snapshot->carriers.size());
        response->set_routes(snapshot->routes.size());
        response->set_customers(snapshot->customers.size());
        response->set_record_spool_bytes(history_.bytes());
        if (auto signaling = planes_.ask_signaling()) *response->mutable_signaling() = std::move(*signaling);
        if (auto media = planes_.ask_media()) *response->mutable_media() = std::move(*media);
        add_daemons(*response);
        add_warnings(*snapshot, *response);
        return grpc::Status::OK;
    });
}

void OperationsService::add_daemons(ov1::Status& status) const {
    auto& self = *status.add_daemons();
    self.set_name("sallyport-control");
    self.set_reachable(true);
    self.set_detail(SALLYPORT_VERSION);
    self.set_since_seconds(seconds_since(started_));
    for (const auto& state : planes_.states()) {
        auto& daemon = *status.add_daemons();
        daemon.set_name(state.name);
        daemon.set_reachable(state.reachable);
        daemon.set_detail(state.detail);
        daemon.set_since_seconds(seconds_since(state.since));
    }
}

void OperationsService::add_warnings(const config::Snapshot& snapshot, ov1::Status& status) const {
    for (const auto& plane : feed_.planes()) {
        auto& applied = *status.add_applied();
        applied.set_node(plane.node);
        applied.set_revision(plane.revision);
        applied.set_error(plane.error);
        if (!plane.connected)
            status.add_warnings(plane.node + " is not connected to the configuration feed");
        else if (!plane.error.empty())
            status.add_warnings(plane.node + " refused revision " + std::to_string(snapshot.revision) + ": " +
                                plane.error);
        else if (plane.revision != snapshot.revision)
            status.add_warnings(plane.node + " has applied revision " + std::to_string(plane.revision) +
                                ", the newest is " + std::to_string(snapshot.revision));
    }
    if (const auto locked = status.signaling().lockouts(); locked > 0)
        status.add_warnings(std::to_string(locked) +
                            " sources and names are locked out after wrong credentials: see sallyport lockout list");
    for (const auto& sentence : status.signaling().media_lacks()) status.add_warnings(sentence);
    if (status.media().drain().on())
        status.add_warnings(
            "the media plane is being drained: new calls are refused, but for emergencies; `sallyport "
            "media undrain` takes them again");
    for (const auto& port : status.media().ports())
        if (!port.link_up()) status.add_warnings("media port " + port.name() + " has no link: nothing passes there");
    if (const auto& slow = status.media().srtp_slow_suites(); !slow.empty()) {
        std::string suites;
        for (const auto& suite : slow) suites.append(suites.empty() ? "" : ", ").append(suite);
        status.add_warnings("SRTP is done packet by packet, at a fraction of the speed, with " + suites +
                            ": srtp.engine of the media plane says so, or its processor lacks AES or PCLMULQDQ");
    }
    for (const auto& [id, trunk] : snapshot.trunks)
        for (auto& sentence : config::warnings(trunk)) {
            if (status.warnings_size() < warnings_shown) status.add_warnings(std::move(sentence));
        }
}

grpc::Status OperationsService::ListRegistrations(grpc::ServerContext* context,
                                                  const ov1::ListRegistrationsRequest* request,
                                                  ov1::ListRegistrationsResponse* response) {
    return handle(*context, "ListRegistrations", Permission::read, [&](const Caller&) -> grpc::Status {
        grpc::ClientContext to_signaling;
        set_short_deadline(to_signaling);
        const auto status = planes_.signaling().ListRegistrations(&to_signaling, *request, response);
        if (status.ok() || status.error_code() == grpc::INVALID_ARGUMENT) return status;
        return {grpc::UNAVAILABLE, planes_.explain_signaling(status)};
    });
}

void OperationsService::add_live_calls(const ov1::ListCallsRequest& request, const std::string& token, int size,
                                       ov1::ListCallsResponse& response) {
    ov1::ListCallsRequest ask;
    ask.set_page_size(size);
    ask.set_page_token(token);
    ask.set_trunk(request.trunk());
    ask.set_live_only(true);  // what has ended is in the records, which survive signaling
    grpc::ClientContext to_signaling;
    set_short_deadline(to_signaling);
    const auto status = planes_.signaling().ListCalls(&to_signaling, ask, &response);
    if (status.ok()) return;
    response.Clear();
    response.add_warnings("live calls are unknown: " + planes_.explain_signaling(status));
}

grpc::Status OperationsService::ListCalls(grpc::ServerContext* context, const ov1::ListCallsRequest* request,
                                          ov1::ListCallsResponse* response) {
    return handle(*context, "ListCalls", Permission::read, [&](const Caller&) -> grpc::Status {
        const int size = page_size(request->page_size());
        const auto& token = request->page_token();
        const bool finished_only = token.starts_with(finished_token);
        if (!token.empty() && !finished_only && !token.starts_with(live_token))
            return invalid(*context, "page_token", "is not one that this method returned");
        if (!finished_only) {
            add_live_calls(*request, token.substr(std::min(token.size(), live_token.size())), size, *response);
            if (!response->next_page_token().empty()) {
                response->set_next_page_token(std::string(live_token) + response->next_page_token());
                return grpc::Status::OK;
            }
        }
        if (request->live_only() || response->calls_size() >= size) {
            if (!request->live_only()) response->set_next_page_token(std::string(finished_token));
            return grpc::Status::OK;
        }
        const auto page = history_.page(request->trunk(), static_cast<std::size_t>(size - response->calls_size()),
                                        finished_only ? token.substr(finished_token.size()) : std::string(),
                                        [&] { return context->IsCancelled(); });
        if (!page) return invalid(*context, "page_token", "is not one that this method returned");
        for (const auto& call : page->calls) *response->add_calls() = call;
        if (!page->next.empty()) response->set_next_page_token(std::string(finished_token) + page->next);
        return grpc::Status::OK;
    });
}

grpc::Status OperationsService::GetCall(grpc::ServerContext* context, const ov1::GetCallRequest* request,
                                        ov1::Call* response) {
    return handle(*context, "GetCall", Permission::read, [&](const Caller&) -> grpc::Status {
        if (request->id().empty() || request->id().size() > id_bytes)
            return invalid(*context, "id", "is missing: a call's id as listed, or the SIP Call-ID of either leg");
        grpc::ClientContext to_signaling;
        set_short_deadline(to_signaling);
        const auto status = planes_.signaling().GetCall(&to_signaling, *request, response);
        if (!status.ok()) response->Clear();
        if (status.ok() && response->state() != "ended") return status;
        const auto searched =
            history_.find(status.ok() ? response->id() : request->id(), [&] { return context->IsCancelled(); });
        if (!searched) return refusal_of(searched.error());
        const auto& found = *searched;
        if (!found && status.ok()) return status;
        if (!found) {
            if (status.error_code() == grpc::NOT_FOUND) return {grpc::NOT_FOUND, "there is no such call"};
            return {grpc::NOT_FOUND,
                    "no record of such a call, and live calls are unknown: " + planes_.explain_signaling(status)};
        }
        const auto ladder = response->ladder();
        *response = to_proto(found->record);
        response->set_ladder(ladder);
        response->set_record_json(found->json);
        return grpc::Status::OK;
    });
}

grpc::Status OperationsService::ListLockouts(grpc::ServerContext* context, const ov1::ListLockoutsRequest* request,
                                             ov1::ListLockoutsResponse* response) {
    return handle(*context, "ListLockouts", Permission::read, [&](const Caller&) -> grpc::Status {
        grpc::ClientContext to_signaling;
        set_short_deadline(to_signaling);
        const auto status = planes_.signaling().ListLockouts(&to_signaling, *request, response);
        if (status.ok() || status.error_code() == grpc::INVALID_ARGUMENT) return status;
        return {grpc::UNAVAILABLE, planes_.explain_signaling(status)};
    });
}

grpc::Status OperationsService::ReleaseLockouts(grpc::ServerContext* context,
                                                const ov1::ReleaseLockoutsRequest* request,
                                                ov1::ReleaseLockoutsResponse* response) {
    return handle(*context, "ReleaseLockouts", Permission::provision, [&](const Caller& caller) -> grpc::Status {
        const auto status = [&]() -> grpc::Status {
            grpc::ClientContext to_signaling;
            set_short_deadline(to_signaling);
            const auto done = planes_.signaling().ReleaseLockouts(&to_signaling, *request, response);
            if (done.ok() || done.error_code() == grpc::INVALID_ARGUMENT) return done;
            return {grpc::UNAVAILABLE, planes_.explain_signaling(done)};
        }();
        audit_.record(caller, {"ReleaseLockouts", request->source() + " " + request->trunk(), "", 0, false}, status);
        return status;
    });
}

grpc::Status OperationsService::FetchRecords(grpc::ServerContext* context, const ov1::FetchRecordsRequest* request,
                                             ov1::FetchRecordsResponse* response) {
    return handle(*context, "FetchRecords", Permission::records, [&](const Caller&) -> grpc::Status {
        const auto consumer = records::Consumer::open(history_.directory(), request->consumer());
        if (!consumer) return invalid(*context, "consumer", consumer.error());
        const int asked = request->max_records() <= 0 ? default_fetch : std::min(request->max_records(), largest_fetch);
        response->set_position(consumer->acknowledged().to_string());
        std::size_t bytes = 0;
        for (auto& line : consumer->next(static_cast<std::size_t>(asked))) {
            if ((bytes += line.text.size()) > fetch_bytes && response->records_size() > 0) break;
            response->add_records(std::move(line.text));
            response->set_position(line.next.to_string());
        }
        return grpc::Status::OK;
    });
}

grpc::Status OperationsService::AcknowledgeRecords(grpc::ServerContext* context,
                                                   const ov1::AcknowledgeRecordsRequest* request,
                                                   ov1::AcknowledgeRecordsResponse*) {
    return handle(*context, "AcknowledgeRecords", Permission::records, [&](const Caller& caller) -> grpc::Status {
        const auto status = [&]() -> grpc::Status {
            const auto position = records::Position::parse(request->position());
            if (!position)
                return invalid(*context, "position", "is not one that FetchRecords returned, e.g. \"12:4096\"");
            auto consumer = records::Consumer::open(history_.directory(), request->consumer());
            if (!consumer) return invalid(*context, "consumer", consumer.error());
            const auto done = consumer->acknowledge(*position);
            if (done) return grpc::Status::OK;
            switch (done.error().code) {
                case records::AckErrc::no_place: return invalid(*context, "position", done.error().sentence);
                case records::AckErrc::behind: return {grpc::FAILED_PRECONDITION, done.error().sentence};
                case records::AckErrc::unavailable: break;
            }
            return {grpc::UNAVAILABLE, done.error().sentence};
        }();
        audit_.record(caller, {"AcknowledgeRecords", request->consumer() + " " + request->position(), "", 0, false},
                      status);
        return status;
    });
}

grpc::Status OperationsService::ListTrunkStates(grpc::ServerContext* context,
                                                const ov1::ListTrunkStatesRequest* request,
                                                ov1::ListTrunkStatesResponse* response) {
    return handle(*context, "ListTrunkStates", Permission::read, [&](const Caller&) -> grpc::Status {
        grpc::ClientContext to_signaling;
        set_short_deadline(to_signaling);
        const auto status = planes_.signaling().ListTrunkStates(&to_signaling, *request, response);
        if (status.ok() || status.error_code() == grpc::INVALID_ARGUMENT) return status;
        return {grpc::UNAVAILABLE, planes_.explain_signaling(status)};
    });
}

grpc::Status OperationsService::ListCustomerStates(grpc::ServerContext* context,
                                                   const ov1::ListCustomerStatesRequest* request,
                                                   ov1::ListCustomerStatesResponse* response) {
    return handle(*context, "ListCustomerStates", Permission::read, [&](const Caller&) -> grpc::Status {
        grpc::ClientContext to_signaling;
        set_short_deadline(to_signaling);
        const auto status = planes_.signaling().ListCustomerStates(&to_signaling, *request, response);
        if (status.ok() || status.error_code() == grpc::INVALID_ARGUMENT) return status;
        return {grpc::UNAVAILABLE, planes_.explain_signaling(status)};
    });
}

// Signaling answers, with the very code that calls take and with what is registered and counted there. What is wrong
// with the candidate is told here, as Apply would.
grpc::Status OperationsService::Explain(grpc::ServerContext* context, const ov1::ExplainRequest* request,
                                        ov1::ExplainResponse* response) {
    const auto& asked = request->candidate();
    const bool would_change = asked.changes_size() > 0 || asked.prune();
    // A candidate costs as much as applying it: only who may do that may ask.
    const auto permission = would_change ? Permission::provision : Permission::read;
    return handle(*context, "Explain", permission, [&](const Caller&) -> grpc::Status {
        if (request->at() < 0 || request->at() > latest_explained)
            return invalid(*context, "at",
                           "is no time between 1970 and 2100, in seconds since 1970, e.g. 1796000400; 0: now");
        if (asked.ByteSizeLong() > most_candidate_bytes)
            return invalid(*context, "candidate",
                           "has " + std::to_string(asked.ByteSizeLong()) +
                               " bytes, and signaling takes 31 MiB: give only the resources that change");
        if (request->trunk().empty() == request->carrier().empty())
            return invalid(*context, "trunk", "name whose message it is: a trunk or a carrier, one of them");
        auto ask = *request;
        use_any_secret(*ask.mutable_candidate());
        if (auto status = check_candidate(*context, *state_.snapshot(), ask.candidate()); !status.ok()) return status;
        hide_secrets(*ask.mutable_candidate());
        if (context->IsCancelled()) return grpc::Status::CANCELLED;
        const auto to_signaling = grpc::ClientContext::FromServerContext(*context);  // it ends when its asker is gone
        const auto patience = std::chrono::system_clock::now() + explain_patience;
        to_signaling->set_deadline(std::min(patience, context->deadline()));
        const auto status = planes_.signaling().Explain(to_signaling.get(), ask, response);
        const auto code = status.error_code();
        const bool plain = code == grpc::NOT_FOUND || code == grpc::FAILED_PRECONDITION ||
                           code == grpc::RESOURCE_EXHAUSTED || code == grpc::CANCELLED;
        if (status.ok() || plain) return status;
        if (code == grpc::INVALID_ARGUMENT) {  // "at: is no time between 1970 and 2100"
            const std::string text = status.error_message();
            const auto colon = text.find(": ");
            if (colon == text.npos) return invalid(*context, "message", text);
            return invalid(*context, text.substr(0, colon), text.substr(colon + 2));
        }
        return {grpc::UNAVAILABLE, planes_.explain_signaling(status)};
    });
}

grpc::Status OperationsService::SetDrain(grpc::ServerContext* context, const ov1::SetDrainRequest* request,
                                         ov1::DrainState* response) {
    return handle(*context, "SetDrain", Permission::operate, [&](const Caller& caller) -> grpc::Status {
        grpc::ClientContext to_signaling;
        set_short_deadline(to_signaling);
        auto status = planes_.signaling().SetDrain(&to_signaling, *request, response);
        if (!status.ok()) status = {grpc::UNAVAILABLE, planes_.explain_signaling(status)};
        audit_.record(caller, {"SetDrain", request->on() ? "on" : "off", "", 0, false}, status);
        return status;
    });
}

}  // namespace sallyport::api

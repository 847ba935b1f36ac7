#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

using Json = nlohmann::json;
using Stub = ov1::Operations::Stub;
constexpr int page = 1'000;

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end()) return {};
    return found->is_string() ? found->get<std::string>() : found->dump();
}

double number_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

std::string milliseconds(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f ms", value);
    return text;
}

void print_media(std::ostream& out, const Json& record) {
    const auto media = record.find("media");
    if (media == record.end() || !media->is_array() || media->empty()) return;
    Table table({"SIDE", "STREAM", "RECEIVED", "SENT", "LOST", "JITTER", "SRTP", "LOCAL", "REMOTE"});
    for (const auto& leg : *media) {
        if (!leg.is_object()) continue;
        const auto srtp = text_of(leg, "srtp");
        table.add({text_of(leg, "side"), text_of(leg, "stream"), text_of(leg, "packets_received") + " packets",
                   text_of(leg, "packets_sent") + " packets", text_of(leg, "lost"),
                   milliseconds(number_of(leg, "jitter_ms")), srtp.empty() ? "none" : srtp, text_of(leg, "local"),
                   text_of(leg, "remote")});
    }
    out << "\nmedia\n";
    table.print(out);
}

void print_facts(std::ostream& out, const ov1::Call& call) {
    const auto fact = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) out << name << std::string(13 - name.size(), ' ') << printable(value) << '\n';
    };
    fact("call", call.id());
    fact("state", call.state() + (call.status() != 0 ? ", SIP " + std::to_string(call.status()) : ""));
    fact("trunk", call.trunk());
    fact("direction", call.direction());
    fact("from", call.from());
    fact("to", call.to());
    fact("carrier", call.carrier());
    fact("target", call.target());
    fact("started", call.started_at());
    fact("answered", call.answered_at());
    fact("ended", call.ended_at());
    fact("cause", call.cause());
    fact("session-id", call.session_id());
    for (const auto& id : call.sip_call_ids()) fact("Call-ID", id);
}

// Ladders come from our own daemon, but hold what peers wrote: only line feeds pass.
void print_ladder(std::ostream& out, const std::string& ladder) {
    if (ladder.empty()) return;
    out << '\n';
    std::size_t begin = 0;
    while (begin < ladder.size()) {
        const auto end = std::min(ladder.find('\n', begin), ladder.size());
        out << printable(std::string_view(ladder).substr(begin, end - begin)) << '\n';
        begin = end + 1;
    }
}

}  // namespace

int list_registrations(Session& session, const std::string& trunk, bool lost) {
    ov1::ListRegistrationsResponse all;
    ov1::ListRegistrationsRequest request;
    request.set_page_size(page);
    request.set_lost(lost);
    request.set_trunk(trunk.starts_with("trunks/") ? trunk.substr(7) : trunk);
    do {
        ov1::ListRegistrationsResponse response;
        session.client.call(session.client.operations(), &Stub::ListRegistrations, request, response);
        all.MergeFrom(response);
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    if (session.json) {
        print_json(session.out, all);
        return Exit::done;
    }
    Table table({"TRUNK", "AOR", "KIND", "TRANSPORT", "SOURCE", "EXPIRES", "NUMBERS", "CONTACT", "USER-AGENT"});
    for (const auto& r : all.registrations())
        table.add({r.trunk(), r.aor(), r.bulk() ? "bulk (RFC 6140)" : "single", r.transport(),
                   r.source() + (r.private_contact() ? " (NAT)" : "") + (r.flow_lost() ? " (lost)" : ""),
                   duration_text(r.expires_seconds()), std::to_string(r.numbers()), r.contact(), r.user_agent()});
    if (table.empty())
        session.out << "no registrations\n";
    else
        table.print(session.out);
    return Exit::done;
}

int list_calls(Session& session, const std::string& trunk, bool live_only, int limit) {
    ov1::ListCallsResponse all;
    ov1::ListCallsRequest request;
    request.set_trunk(trunk.starts_with("trunks/") ? trunk.substr(7) : trunk);
    request.set_live_only(live_only);
    do {
        request.set_page_size(std::min(page, limit - all.calls_size()));
        ov1::ListCallsResponse response;
        session.client.call(session.client.operations(), &Stub::ListCalls, request, response);
        all.MergeFrom(response);
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty() && all.calls_size() < limit);
    all.clear_next_page_token();
    for (const auto& warning : all.warnings()) session.err << "warning: " << printable(warning) << '\n';
    if (session.json) {
        print_json(session.out, all);
        return Exit::done;
    }
    Table table({"CALL", "TRUNK", "DIRECTION", "FROM", "TO", "STATE", "STARTED (UTC)", "STATUS", "CAUSE"});
    for (const auto& c : all.calls())
        table.add({c.id(), c.trunk(), c.direction(), c.from(), c.to(), c.state(), clock_text(c.started_at()),
                   c.status() == 0 ? "" : std::to_string(c.status()), c.cause()});
    if (table.empty())
        session.out << "no calls\n";
    else
        table.print(session.out);
    return Exit::done;
}

int show_call(Session& session, const std::string& id) {
    ov1::GetCallRequest request;
    request.set_id(id);
    ov1::Call call;
    session.client.call(session.client.operations(), &Stub::GetCall, request, call);
    if (session.json) {
        print_json(session.out, call);
        return Exit::done;
    }
    print_facts(session.out, call);
    print_ladder(session.out, call.ladder());
    const auto record = Json::parse(call.record_json(), nullptr, false);
    if (record.is_object()) print_media(session.out, record);
    return Exit::done;
}

int list_media_sessions(Session& session) {
    namespace mv1 = sallyport::media::v1;
    mv1::ListSessionsResponse all;
    mv1::ListSessionsRequest request;
    request.set_page_size(page);
    do {
        mv1::ListSessionsResponse response;
        session.client.call(session.client.operations(), &Stub::ListMediaSessions, request, response);
        all.MergeFrom(response);
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    if (session.json) {
        print_json(session.out, all);
        return Exit::done;
    }
    Table table({"SESSION", "TRUNK", "AGE", "LEG", "LOCAL", "REMOTE", "LATCHED", "RECEIVED", "SENT", "LOST", "JITTER",
                 "AS", "SRTP"});
    for (const auto& s : all.sessions())
        for (const auto& leg : s.legs()) {
            const auto endpoint = [](const mv1::Endpoint& e) {
                return e.address().empty() ? std::string() : e.address() + " port " + std::to_string(e.port());
            };
            const auto suite = mv1::Srtp_Name(leg.suite());
            table.add({s.session(), s.trunk(), duration_text(s.age_seconds()),
                       std::string(leg.side() == mv1::SIDE_A ? "a" : "b") + std::to_string(leg.stream()),
                       endpoint(leg.local()), endpoint(leg.remote()), leg.latched() ? "yes" : "no",
                       std::to_string(leg.packets_received()), std::to_string(leg.packets_sent()),
                       std::to_string(leg.lost()), milliseconds(leg.jitter_seconds() * 1'000),
                       leg.transport() == mv1::TRANSPORT_UDPTL ? "udptl" : "rtp",
                       leg.suite() == mv1::SRTP_NONE || suite.size() < 5 ? "none" : suite.substr(5)});
        }
    if (table.empty())
        session.out << "no media sessions\n";
    else
        table.print(session.out);
    return Exit::done;
}

int fetch_records(Session& session, const std::string& consumer, int max, bool acknowledge) {
    ov1::FetchRecordsRequest request;
    request.set_consumer(consumer);
    request.set_max_records(max);
    ov1::FetchRecordsResponse response;
    session.client.call(session.client.operations(), &Stub::FetchRecords, request, response);
    for (const auto& record : response.records()) session.out << record << '\n';
    session.out.flush();
    if (!session.out) throw Failure{"the records could not be written; nothing is acknowledged"};
    if (acknowledge && response.records_size() > 0) return acknowledge_records(session, consumer, response.position());
    session.err << "position " << response.position() << '\n';
    return Exit::done;
}

int acknowledge_records(Session& session, const std::string& consumer, const std::string& position) {
    ov1::AcknowledgeRecordsRequest request;
    request.set_consumer(consumer);
    request.set_position(position);
    ov1::AcknowledgeRecordsResponse response;
    session.client.call(session.client.operations(), &Stub::AcknowledgeRecords, request, response);
    session.err << "acknowledged up to " << position << '\n';
    return Exit::done;
}

}  // namespace sallyport::cli

#include "control/cli/operate_commands.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "control/cli/output.h"
#include "control/cli/table.h"
#include "sallyport/operations/v1/operations.grpc.pb.h"

namespace sallyport::cli {
namespace {

namespace pb = sallyport::operations::v1;
namespace media = sallyport::media::v1;

std::string endpoint_text(const media::Endpoint& endpoint) {
    if (endpoint.address().empty()) return "-";
    const bool v6 = endpoint.address().find(':') != std::string::npos;
    return (v6 ? '[' + endpoint.address() + ']' : endpoint.address()) + ':' + std::to_string(endpoint.port());
}

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

std::string milliseconds(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f ms", seconds * 1000);
    return text;
}

void print_daemons(const pb::Status& status) {
    Table table({"DAEMON", "STATE", "SINCE", "DETAIL"});
    for (const auto& daemon : status.daemons())
        table.add({daemon.name(), daemon.reachable() ? "up" : "DOWN", duration_text(daemon.since_seconds()),
                   or_dash(daemon.detail())});
    table.print(std::cout);
}

void print_signaling(const pb::SignalingStatus& signaling) {
    std::cout << "\nsignaling: " << signaling.calls() << " calls, " << signaling.registrations() << " registrations, "
              << signaling.transactions() << " transactions; media plane "
              << (signaling.media_up() ? "connected" : "AWAY (new calls get 503)") << ", control "
              << (signaling.control_up() ? "connected" : "away (the last configuration stays)") << '\n';
    Table listeners({"  REALM", "TRANSPORT", "ADDRESS"});
    for (const auto& l : signaling.listeners()) listeners.add({"  " + l.realm(), l.transport(), l.endpoint()});
    if (!listeners.empty()) listeners.print(std::cout);
    Table targets({"  CARRIER", "TARGET", "STATE", "DETAIL"});
    for (const auto& t : signaling.carrier_targets())
        targets.add({"  " + t.carrier(), t.target(), t.up() ? "up" : "DOWN", or_dash(t.detail())});
    if (!targets.empty()) targets.print(std::cout);
}

void print_media(const media::Statistics& statistics) {
    std::cout << "\nmedia: " << statistics.sessions() << " sessions, " << statistics.mbufs_in_use()
              << " packet buffers in use\n";
    Table ports({"  PORT", "LINK", "ADDRESSES", "RECEIVED", "SENT", "UDP PORTS FREE"});
    for (const auto& port : statistics.ports()) {
        std::string addresses;
        for (const auto& address : port.addresses()) addresses += (addresses.empty() ? "" : " ") + address;
        ports.add({"  " + port.name(), port.link_up() ? "up" : "DOWN", addresses, std::to_string(port.rx_packets()),
                   std::to_string(port.tx_packets()),
                   std::to_string(port.udp_ports_free()) + " of " + std::to_string(port.udp_ports_total())});
    }
    if (!ports.empty()) ports.print(std::cout);
}

void print(const pb::Status& status) {
    print_daemons(status);
    std::cout << "\nprovisioned: revision " << status.revision() << ", " << status.trunks() << " trunks, "
              << status.carriers() << " carriers, " << status.routes() << " routes\n";
    for (const auto& applied : status.applied())
        std::cout << "  " << applied.node() << " has applied revision " << applied.revision()
                  << (applied.error().empty() ? "" : "; it refused a newer one: " + applied.error()) << '\n';
    if (status.has_signaling()) print_signaling(status.signaling());
    if (status.has_media()) print_media(status.media());
    for (const auto& warning : status.warnings()) std::cout << "\nwarning: " << warning << '\n';
}

void print(const pb::ListRegistrationsResponse& response) {
    if (response.registrations().empty()) {
        std::cout << "no PBX is registered\n";
        return;
    }
    Table table({"TRUNK", "AOR", "CONTACT", "TYPE", "NUMBERS", "TRANSPORT", "SOURCE", "EXPIRES"});
    for (const auto& r : response.registrations())
        table.add({r.trunk(), r.aor(), r.contact(), r.bulk() ? "bulk" : "single (compatibility)",
                   std::to_string(r.numbers()), r.transport(), r.source(), duration_text(r.expires_seconds())});
    table.print(std::cout);
}

std::string clock_time(const std::string& rfc3339) {  // "2026-11-21T12:30:00.125Z" -> "12:30:00.125"
    return rfc3339.size() >= 23 ? rfc3339.substr(11, 12) : or_dash(rfc3339);
}

void print(const pb::ListCallsResponse& response) {
    if (response.calls().empty()) {
        std::cout << "no calls\n";
        return;
    }
    Table table({"ID", "STARTED", "TRUNK", "DIRECTION", "FROM", "TO", "STATE", "STATUS", "CAUSE"});
    for (const auto& c : response.calls())
        table.add({c.id(), clock_time(c.started_at()), or_dash(c.trunk()), c.direction(), c.from(), c.to(), c.state(),
                   c.status() ? std::to_string(c.status()) : "-", or_dash(c.cause())});
    table.print(std::cout);
}

void print(const pb::Call& call) {
    std::cout << "call " << call.id() << "  " << call.direction() << "  " << call.from() << " -> " << call.to()
              << "\ntrunk " << or_dash(call.trunk()) << ", carrier " << or_dash(call.carrier()) << ", target "
              << or_dash(call.target()) << ", session-id " << or_dash(call.session_id()) << "\nstarted "
              << or_dash(call.started_at()) << ", answered " << or_dash(call.answered_at()) << ", ended "
              << or_dash(call.ended_at()) << "\nstate " << call.state()
              << (call.status() ? ", status " + std::to_string(call.status()) : "")
              << (call.cause().empty() ? "" : ", " + call.cause()) << '\n';
    if (!call.ladder().empty()) std::cout << '\n' << call.ladder();
    if (!call.ladder().empty() && call.ladder().back() != '\n') std::cout << '\n';
    if (!call.record_json().empty()) std::cout << "\nrecord: " << call.record_json() << '\n';
}

void print(const media::ListSessionsResponse& response) {
    if (response.sessions().empty()) {
        std::cout << "no media sessions\n";
        return;
    }
    Table table({"CALL", "TRUNK", "AGE", "LEG", "LOCAL", "REMOTE", "LATCHED", "SRTP", "RECEIVED", "SENT", "LOST",
                 "JITTER", "DROPPED"});
    for (const auto& session : response.sessions())
        for (const auto& leg : session.legs())
            table.add({or_dash(session.call()), or_dash(session.trunk()), duration_text(session.age_seconds()),
                       std::to_string(leg.stream()) + (leg.side() == media::SIDE_A ? "a" : "b"),
                       endpoint_text(leg.local()), endpoint_text(leg.remote()), leg.latched() ? "yes" : "no",
                       leg.suite() == media::SRTP_NONE ? "-" : media::Srtp_Name(leg.suite()).substr(5),
                       std::to_string(leg.packets_received()), std::to_string(leg.packets_sent()),
                       std::to_string(leg.lost()), milliseconds(leg.jitter_seconds()), std::to_string(leg.dropped())});
    table.print(std::cout);
}

template <class Message>
void show(const Message& message, bool json) {
    if (json)
        std::cout << to_json(message);
    else
        print(message);
}

// Pages until there are no more or `limit` rows are there. `rows` gives the repeated field of a response.
template <class Request, class Response, class Rpc, class Rows>
Response pages(const Connection& connection, Request request, int limit, Rpc&& rpc, Rows&& rows) {
    Response all;
    do {
        const int left = limit == 0 ? 1000 : limit - rows(all)->size();
        request.set_page_size(std::min(1000, left));
        Response page;
        connection.run([&](grpc::ClientContext& context) { return rpc(&context, request, &page); });
        request.set_page_token(page.next_page_token());
        all.MergeFrom(page);
    } while (!request.page_token().empty() && (limit == 0 || rows(all)->size() < limit));
    all.set_next_page_token(request.page_token());
    return all;
}

}  // namespace

void status(const Connection& connection, bool json) {
    pb::Status status;
    connection.run([&](grpc::ClientContext& context) {
        return connection.stub<pb::Operations>()->GetStatus(&context, {}, &status);
    });
    show(status, json);
}

void list_registrations(const Connection& connection, const ListFilter& filter, bool json) {
    const auto stub = connection.stub<pb::Operations>();
    pb::ListRegistrationsRequest request;
    request.set_trunk(filter.trunk);
    show(pages<pb::ListRegistrationsRequest, pb::ListRegistrationsResponse>(
             connection, request, filter.limit, [&](auto... a) { return stub->ListRegistrations(a...); },
             [](auto& response) { return response.mutable_registrations(); }),
         json);
}

void list_calls(const Connection& connection, const ListFilter& filter, bool json) {
    const auto stub = connection.stub<pb::Operations>();
    pb::ListCallsRequest request;
    request.set_trunk(filter.trunk);
    request.set_live_only(filter.live_only);
    show(pages<pb::ListCallsRequest, pb::ListCallsResponse>(
             connection, request, filter.limit, [&](auto... a) { return stub->ListCalls(a...); },
             [](auto& response) { return response.mutable_calls(); }),
         json);
}

void show_call(const Connection& connection, const std::string& id, bool json) {
    pb::GetCallRequest request;
    request.set_id(id);
    pb::Call call;
    connection.run([&](grpc::ClientContext& context) {
        return connection.stub<pb::Operations>()->GetCall(&context, request, &call);
    });
    show(call, json);
}

void list_media_sessions(const Connection& connection, const ListFilter& filter, bool json) {
    const auto stub = connection.stub<pb::Operations>();
    show(pages<media::ListSessionsRequest, media::ListSessionsResponse>(
             connection, {}, filter.limit, [&](auto... a) { return stub->ListMediaSessions(a...); },
             [](auto& response) { return response.mutable_sessions(); }),
         json);
}

}  // namespace sallyport::cli

// The transaction layer under virtual time: what it sends and tells its user becomes lines "<ms> <what>".
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "signaling/sip/compose.h"
#include "signaling/transaction/layer.h"
#include "tests/support/message_text.h"

namespace sallyport::test {

using Lines = std::vector<std::string>;

inline Flow flow_over(Transport transport, std::uint64_t connection = 0) {
    Flow flow;
    flow.transport = transport;
    flow.local = {IpAddress::v4(192, 0, 2, 1), 5060};
    flow.remote = {IpAddress::v4(198, 51, 100, 7), 5060};
    flow.connection = transport == Transport::udp ? 0 : connection;
    return flow;
}

class LayerBench {
public:
    explicit LayerBench(Transport transport = Transport::udp, std::size_t max_transactions = 1'000,
                        std::size_t max_bytes = 1 << 20)
        : flow(flow_over(transport, 77)), layer({}, timers, random, max_transactions, max_bytes) {}

    // --- the network
    void receive(std::string_view text) { receive_on(flow, text); }
    void receive_on(const Flow& from, std::string_view text, bool urgent = false) {
        layer.receive(from, message(text), now, effects, urgent);
        note();
    }
    void close(const Flow& closed) {
        layer.flow_closed(closed, now, effects);
        note();
    }
    void run_until(Duration since_start) {
        const TimePoint end = TimePoint{} + since_start;
        for (auto next = timers.next_deadline(); next && *next <= end; next = timers.next_deadline()) {
            now = *next;
            while (const auto key = timers.pop_due(now)) {
                layer.timer(*key, now, effects);
                note();
            }
        }
        now = end;
    }

    // --- the user
    transaction::ClientId send(std::string_view text, std::string tls_name = {}) {
        return send_on(flow, text, std::move(tls_name));
    }
    transaction::ClientId send_on(const Flow& to, std::string_view text, std::string tls_name = {}) {
        const auto id = layer.send(to, wire(text), std::move(tls_name), now, effects);
        note();
        return id;
    }
    void cancel(transaction::ClientId id, std::string_view reason = {}) {
        layer.cancel(id, reason, now, effects);
        note();
    }
    void respond(std::uint16_t status) { respond(server, status); }
    void respond(transaction::ServerId id, std::uint16_t status) {
        const sip::Message* request = layer.request_of(id);
        // Once it has been finally answered, the same again.
        if (request != nullptr) answer = sip::respond(*request, status, "ours", &flow.remote).finish();
        layer.respond(id, status, answer, now, effects);
        note();
    }
    Lines take() { return std::exchange(log, {}); }

    Flow flow;
    TimePoint now{};
    transaction::Timers timers;
    SeededRandom random{1};
    transaction::Layer layer;
    Lines log;
    transaction::ServerId server;                   // of the last request
    std::vector<transaction::Transmit> sent;        // everything, in order
    std::vector<sip::Message> requests, responses;  // told to the user
    sip::Message last_cancel;
    std::string answer;  // the last one

private:
    void note() {
        for (auto& effect : std::exchange(effects, {})) std::visit([&](auto& e) { note(e); }, effect);
    }
    void line(std::string_view what) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
        log.push_back(std::to_string(ms) + " " + std::string(what));
    }
    void note(transaction::Transmit& e) {
        line("tx " + kind(*e.bytes));
        sent.push_back(std::move(e));
    }
    void note(transaction::CloseFlow&) { line("close"); }
    void note(transaction::Request& e) {
        if (e.server) server = e.server;
        line(std::string("user ") + std::string(e.message.method_text()) + (e.server ? "" : " without transaction"));
        requests.push_back(std::move(e.message));
    }
    void note(transaction::Cancelled& e) {
        line("user cancelled");
        last_cancel = std::move(e.cancel);
    }
    void note(transaction::Response& e) {
        line("user " + std::to_string(e.message.status()));
        responses.push_back(std::move(e.message));
    }
    void note(transaction::StrayResponse& e) { line("user stray " + std::to_string(e.message.status())); }
    void note(transaction::ClientFailed& e) {
        switch (e.failure) {
            case transaction::Failure::timeout: return line("user timeout");
            case transaction::Failure::transport: return line("user transport failure");
            case transaction::Failure::too_large: return line("user too large");
        }
    }
    void note(transaction::ServerEnded& e) { line(e.acknowledged ? "user ended" : "user ended without ACK"); }

    transaction::Effects effects;
};

}  // namespace sallyport::test

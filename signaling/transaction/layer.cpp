#include "signaling/transaction/layer.h"

#include "signaling/transaction/client_side.h"
#include "signaling/transaction/key.h"
#include "signaling/transaction/server_side.h"

namespace sallyport::transaction {

struct Layer::State {
    State(TimerValues values, Timers& timers, RandomSource& source, std::size_t max_transactions, std::size_t max_bytes)
        : random(source),
          clients(values, timers, source, statistics),
          servers(values, timers, source, {max_transactions, max_bytes}, statistics) {}

    RandomSource& random;
    LayerStatistics statistics;
    ClientSide clients;
    ServerSide servers;
};

Layer::Layer(TimerValues values, Timers& timers, RandomSource& random, std::size_t max_transactions,
             std::size_t max_bytes)
    : state_(std::make_unique<State>(values, timers, random, max_transactions, max_bytes)) {}
Layer::~Layer() = default;

void Layer::let_in_first(Judge judge) { state_->servers.let_in_first(std::move(judge)); }

void Layer::receive(const Flow& flow, sip::Message message, TimePoint now, Effects& out, bool urgent) {
    if (message.is_request())
        state_->servers.receive(flow, std::move(message), urgent, now, out);
    else
        state_->clients.receive(flow, std::move(message), now, out);
}

bool Layer::knows(std::string_view method, const sip::ViaView& top_via) const {
    return state_->servers.knows(server_key_of(method, top_via));
}

std::optional<NewRequest> Layer::admit(std::string_view key, std::string_view merge_key, std::size_t bytes,
                                       TimePoint now) {
    return state_->servers.admit(key, merge_key, bytes, now);
}

void Layer::answer_new(const NewRequest& request, const Flow& flow, const Flow& responses, std::string response,
                       TimePoint now, Effects& out) {
    state_->servers.answer_new(request, flow, responses, std::move(response), now, out);
}

void Layer::count_request() { state_->statistics.requests_received.add(); }

void Layer::respond(ServerId server, std::uint16_t status, std::string response, TimePoint now, Effects& out) {
    state_->servers.respond(server, status, std::move(response), now, out);
}

void Layer::respond_once(ServerId server, std::string response, Effects& out) {
    state_->servers.respond_once(server, std::move(response), out);
}

void Layer::ignore(ServerId server) { state_->servers.ignore(server); }

const sip::Message* Layer::request_of(ServerId server) const { return state_->servers.request_of(server); }

ClientId Layer::send(const Flow& flow, std::string request, std::string tls_name, TimePoint now, Effects& out) {
    return state_->clients.send(flow, std::move(request), std::move(tls_name), now, out);
}

void Layer::cancel(ClientId invite, std::string_view reason_header, TimePoint now, Effects& out) {
    state_->clients.cancel(invite, reason_header, now, out);
}

void Layer::flow_closed(const Flow& flow, TimePoint now, Effects& out) {
    state_->servers.flow_closed(flow);
    state_->clients.flow_closed(flow, now, out);
}

void Layer::timer(const TimerKey& key, TimePoint now, Effects& out) {
    if (key.owner == TimerOwner::client_transaction) state_->clients.timer(key, now, out);
    if (key.owner == TimerOwner::server_transaction) state_->servers.timer(key, now, out);
}

std::string Layer::new_branch() { return std::string(magic_cookie) + state_->random.token(12); }

std::size_t Layer::size() const { return state_->clients.size() + state_->servers.size(); }

std::size_t Layer::kept_bytes() const { return state_->servers.kept_bytes(); }

bool Layer::is_full() const { return state_->servers.is_full(); }

SourceLoad Layer::load_of(const IpAddress& source) const { return state_->servers.load_of(source); }

const LayerStatistics& Layer::statistics() const { return state_->statistics; }

}  // namespace sallyport::transaction

#include "signaling/io/shard.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "control/base/check.h"
#include "signaling/stack/shared.h"

namespace sallyport::io {
namespace {

constexpr Duration rest = 500us;  // half of the least that a node file may call an overload
constexpr std::size_t few_datagrams = 8;
constexpr std::size_t letters_at_once = 256;  // then sockets and timer have their turn
constexpr std::size_t refusals_logged = 10;   // a second; all of them are counted

template <class... Ts>
struct Overloaded : Ts... {
    using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace

Shard::Shard(stack::StackConfig config, stack::Shared& shared, const Environment& environment)
    : environment_(environment),
      index_(config.shard),
      shared_(shared),
      stack_(std::move(config), shared, random_),
      work_(context_.get_executor()),
      timer_(context_),
      gathering_(context_),
      streams_(context_, index_, environment_.streams, *this, statistics_) {}

Shard::~Shard() { stop(); }

std::optional<std::string> Shard::listen(const UdpListener::Place& place) {
    auto listener = UdpListener::open(place, *this, arena_, gathering_, statistics_);
    if (!listener) return listener.error();
    udp_.push_back(std::move(*listener));
    return std::nullopt;
}

void Shard::start() {
    for (const auto& listener : udp_) listener->start();
    thread_ = std::thread([this] {
        const std::string name = "sip-" + std::to_string(index_);
        pthread_setname_np(pthread_self(), name.c_str());
        run();
    });
}

// As context_.run(), but it knows when there was nothing left to do: how long there has been no such moment is what
// tells overload, whichever way the work comes in.
// Rest is when nothing is left to do. To ask costs a system call, as much as taking a datagram does: after a few
// datagrams it is not asked for `rest`, and seen by how long the next one has been waited for.
void Shard::run() {
    while (!context_.stopped()) {
        if (first_ && !asked_ && environment_.clock.now() - waiting_since_ >= rest) rested_ = true;  // for a timer
        waiting_since_ = environment_.clock.now();
        asked_ = datagrams_ == 0 || datagrams_ > few_datagrams || waiting_since_ - busy_since_ >= rest;
        if (asked_) {
            context_.poll();
            rested_ = true;
        }
        datagrams_ = 0;
        first_ = true;
        context_.run_one();
    }
}

Duration Shard::busy_for() {
    const TimePoint now = environment_.clock.now();
    const bool waited = std::exchange(first_, false) && !asked_ && now - waiting_since_ >= rest;
    if (std::exchange(rested_, false) || waited) busy_since_ = now;
    return now - busy_since_;
}

void Shard::stop() {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] {
        streams_.close_all();
        for (const auto& listener : udp_) listener->flush();
        context_.stop();
    });
    thread_.join();
}

bool Shard::post(Letter letter, bool first) {
    switch (mailbox_.put(std::move(letter), first)) {
        case Mailbox::Put::first: asio::post(context_, [this] { open_mail(); }); return true;
        case Mailbox::Put::queued: return true;
        case Mailbox::Put::full: return false;
    }
    return false;
}

void Shard::open_mail() {
    if (opened_ == mail_.size()) {
        mailbox_.take(mail_);
        opened_ = 0;
    }
    const std::size_t end = std::min(mail_.size(), opened_ + letters_at_once);
    in_batch_ = true;
    while (opened_ < end) open_letter(mail_[opened_++]);
    finish();
    // What came into the mailbox meanwhile has posted its own wake-up.
    if (opened_ < mail_.size()) {
        asio::post(context_, [this] { open_mail(); });
    } else {
        mail_.clear();
        opened_ = 0;
    }
}

void Shard::open_letter(Letter& letter) {
    std::visit(Overloaded{
                   [this](const Arrived& arrived) { handle_message(arrived.flow, arrived.bytes); },
                   [this](const Forwarded& forwarded) { transmit_stream(forwarded.transmit, forwarded.from); },
                   [this](const transaction::CloseFlow& close) { streams_.close(close.flow); },
                   [this](const stack::Input& input) {
                       if (std::holds_alternative<stack::ConfigChanged>(input)) streams_.recheck_trust();
                       handle(input);
                   },
                   [this](AcceptedSocket& accepted) { streams_.adopt(std::move(accepted)); },
                   [this](const Task& task) { task(stack_); },
               },
               letter);
}

void Shard::on_datagram(const Flow& flow, std::string_view bytes) {
    in_batch_ = true;
    ++datagrams_;
    if (!deliver(flow, bytes)) statistics_.drops[IoDrop::mailbox_full].add();
}

// What the order of arrival is worth when all of it cannot be done: whoever calls for help does not wait for the rest.
bool Shard::comes_first(std::string_view bytes) { return has_too_much_to_do() && stack_.calls_for_help(bytes); }

bool Shard::on_stream_message(const Flow& flow, std::string_view bytes) { return deliver(flow, bytes); }

// To the shard that owns the call.
bool Shard::deliver(const Flow& flow, std::string_view bytes) {
    if (environment_.neighbours.shards.size() == 1) {
        handle_message(flow, bytes);
        return true;
    }
    const std::string_view call_id = peek_call_id(bytes);
    const std::uint32_t owner = call_id.empty() ? index_ : owner_of_call(call_id, bytes);
    if (owner == index_) {
        handle_message(flow, bytes);
        return true;
    }
    Shard& other = *environment_.neighbours.shards[owner];
    const bool first = (has_too_much_to_do() || other.has_too_much_to_do()) && stack_.calls_for_help(bytes);
    if (!other.post(Arrived{flow, std::string(bytes)}, first)) return false;
    statistics_.handed_over.add();
    return true;
}

// What belongs to a leg that has taken somebody's place goes to the call that it is in.
std::uint32_t Shard::owner_of_call(std::string_view call_id, std::string_view bytes) const {
    const auto adopted = shared_.adopted.find(call_id, [&](std::string_view tag) { return has_tag(bytes, tag); });
    return adopted ? *adopted : environment_.hash.shard_of(call_id);
}

// To the shard of the call whose party is to be replaced.
void Shard::hand_over(b2bua::HandOver& invite) {
    const auto adopted = shared_.adopted.find(invite.call_id, [&](std::string_view tag) { return tag == invite.tag; });
    const std::uint32_t owner = adopted ? *adopted : environment_.hash.shard_of(invite.call_id);
    stack::HandedOver letter{invite.flow, std::move(invite.bytes), std::move(invite.party)};
    if (environment_.neighbours.shards[owner]->post(stack::Input{std::move(letter)}))
        statistics_.handed_over.add();
    else
        statistics_.drops[IoDrop::mailbox_full].add();
}

void Shard::handle_message(const Flow& flow, std::string_view bytes) {
    const Duration busy = busy_for();
    if (flow.transport == Transport::udp) return handle(stack::Datagram{flow, bytes, busy});
    handle(stack::StreamMessage{flow, bytes, busy});
}

void Shard::on_unreachable(const Flow& flow, const std::string& why) { on_flow_closed(flow, why); }

bool Shard::is_in_use(const Flow& flow) { return shared_.is_in_use(flow, environment_.clock.now()); }

// Any shard may have something on this flow.
void Shard::on_flow_closed(const Flow& flow, const std::string& reason) {
    for (Shard* shard : environment_.neighbours.shards) shard->post(stack::Input{stack::FlowClosed{flow, reason}});
}

void Shard::on_refused_connection(const Flow& flow, CloseReason reason, const std::string& detail) {
    if (reason == CloseReason::shutdown || reason == CloseReason::peer || !may_complain()) return;
    std::string text = std::string(to_string(flow.transport)) + " with " + flow.remote.to_string() + ": " +
                       std::string(to_string(reason));
    if (!detail.empty()) text += ": " + detail;
    hooks_.log({b2bua::Severity::warning, "connection-refused", {}, {}, std::move(text)});
}

void Shard::on_remark(const Flow& flow, const std::string& text) {
    if (!may_complain()) return;
    hooks_.log({b2bua::Severity::warning,
                "certificate-remark",
                {},
                {},
                std::string(to_string(flow.transport)) + " with " + flow.remote.to_string() + ": " + text});
}

bool Shard::may_complain() {
    const TimePoint now = environment_.clock.now();
    if (now - refusals_since_ > 1s) {
        refusals_since_ = now;
        refusals_ = 0;
    }
    return ++refusals_ <= refusals_logged;
}

void Shard::handle(const stack::Input& input) {
    stack_.handle(input, environment_.clock.now(), outputs_);
    for (auto& output : outputs_) carry_out(output);
    outputs_.clear();
    finish_later();
}

void Shard::carry_out(stack::Output& output) {
    std::visit(Overloaded{
                   [this](transaction::Transmit& transmit_now) { transmit(transmit_now); },
                   [this](const transaction::CloseFlow& close) { close_flow(close); },
                   [this](const b2bua::Resolve& resolve) { hooks_.resolve(resolve.token, resolve.question); },
                   [this](b2bua::MediaCommand& command) { hooks_.media(std::move(command)); },
                   [this](b2bua::WriteRecord& write) { hooks_.write_record(std::move(write.record)); },
                   [this](const b2bua::Checkpoint& checkpoint) { hooks_.checkpoint(checkpoint); },
                   [this](const b2bua::LogFact& fact) { hooks_.log(fact); },
                   [this](b2bua::HandOver& invite) { hand_over(invite); },
               },
               output);
}

void Shard::transmit(transaction::Transmit& transmit) {
    if (transmit.flow.transport == Transport::udp) return transmit_datagram(transmit);
    if (transmit.flow.transport == Transport::tls && transmit.flow.connection == 0)
        transmit.flow.connection = streams_.proven(transmit).value_or(0);
    const std::uint32_t owner = owner_of(transmit.flow, transmit.tls_name);
    if (owner == index_) return transmit_stream(transmit, index_);
    if (!environment_.neighbours.shards[owner]->post(Forwarded{std::move(transmit), index_}))
        statistics_.drops[IoDrop::mailbox_full].add();
}

// One connection per peer and node, whichever shards send on it.
std::uint32_t Shard::owner_of(const Flow& flow, const std::string& tls_name) const {
    const auto shards = static_cast<std::uint32_t>(environment_.neighbours.shards.size());
    if (flow.connection != 0) return shard_of_connection(flow.connection) % shards;
    return environment_.hash.shard_of(Peer{flow.transport, flow.realm, flow.remote, tls_name}.text());
}

void Shard::transmit_datagram(const transaction::Transmit& transmit) {
    const Flow& flow = transmit.flow;
    UdpListener* chosen = nullptr;
    for (const auto& listener : udp_) {
        if (listener->realm() != flow.realm || listener->local().address.family != flow.remote.address.family) continue;
        if (chosen == nullptr) chosen = listener.get();
        if (listener->local() == flow.local) {
            chosen = listener.get();
            break;
        }
    }
    if (chosen != nullptr) return chosen->send(transmit.bytes, flow.remote);
    statistics_.drops[IoDrop::no_listener].add();
    post(stack::Input{stack::FlowClosed{flow, "no UDP listener in this realm"}});
}

void Shard::transmit_stream(const transaction::Transmit& transmit, std::uint32_t asked_by) {
    if (streams_.transmit(transmit)) return;
    statistics_.drops[IoDrop::connection_gone].add();
    const std::string why = transmit.flow.connection != 0 ? "the connection is closed" : "no connection can be opened";
    environment_.neighbours.shards[asked_by]->post(stack::Input{stack::FlowClosed{transmit.flow, why}});
}

void Shard::close_flow(const transaction::CloseFlow& close) {
    if (close.flow.connection == 0) return;  // nothing of ours is open
    const std::uint32_t owner = owner_of(close.flow, {});
    if (owner == index_) return streams_.close(close.flow);
    environment_.neighbours.shards[owner]->post(close);
}

// Connections come to their end of a batch at times of their own; a post for each datagram would cost as much as to
// receive it.
void Shard::finish_later() {
    if (finish_posted_ || in_batch_) return;
    finish_posted_ = true;
    asio::post(context_, [this] { finish(); });
}

void Shard::finish() {
    finish_posted_ = in_batch_ = false;
    for (const auto& listener : udp_) listener->flush();
    arm_timer();
}

void Shard::arm_timer() {
    const auto deadline = stack_.next_deadline();
    if (!deadline || (armed_ && *armed_ <= *deadline)) return;  // an early timer finds nothing due and is set again
    armed_ = deadline;
    timer_.expires_at(environment_.clock.steady(*deadline));
    timer_.async_wait([this](boost::system::error_code ec) {
        if (!ec) on_timer();
    });
}

void Shard::on_timer() {
    armed_.reset();
    in_batch_ = true;
    const auto deadline = stack_.next_deadline();
    if (deadline && *deadline <= environment_.clock.now()) handle(stack::TimerDue{});
    finish();
}

}  // namespace sallyport::io

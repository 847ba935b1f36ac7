#include "signaling/stack/explain.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>

#include "control/base/random.h"
#include "signaling/policy/limit_levels.h"
#include "signaling/sip/parser.h"
#include "signaling/stack/core.h"

namespace sallyport::stack {
namespace {

constexpr int most_steps = 10'000;       // of one question: a configuration of many names has that many to look up
constexpr std::uint16_t media_port = 9;  // discard: nobody listens there

// RFC 2544, RFC 5180: addresses that are nobody's. `n`: which of them.
IpAddress invented_address(Family family, std::size_t n) {
    auto address = *IpAddress::parse(family == Family::v6 ? "2001:2::1" : "198.18.0.1");
    const std::size_t last = family == Family::v6 ? 15 : 3;
    address.bytes[last] = static_cast<std::uint8_t>(n % 250 + 1);
    address.bytes[last - 1] = static_cast<std::uint8_t>(n / 250 % 250);
    return address;
}

bool is_content_length(std::string_view line) {
    const auto name = line.substr(0, line.find(':'));
    return sip::header_name_from(name.substr(0, name.find_last_not_of(" \t") + 1)) == sip::HeaderName::content_length;
}

// Whoever edits a message by hand ends its lines with LF and does not count its bytes.
std::string as_on_the_wire(const std::string& message) {
    if (message.find("\r\n") != message.npos) return message;
    std::string out;
    bool in_body = false;
    for (std::size_t begin = 0; begin < message.size();) {
        const auto end = std::min(message.find('\n', begin), message.size());
        const auto line = std::string_view(message).substr(begin, end - begin);
        if (in_body || !is_content_length(line)) out.append(line).append("\r\n");
        in_body = in_body || line.empty();
        begin = end + 1;
    }
    return in_body ? out : out + "\r\n";
}

struct Sender {
    policy::Party party;
    Flow flow;
};

std::optional<RealmIndex> realm_of(const RealmTable& realms, std::string_view name) {
    for (RealmIndex i = 0; i < realms.size(); ++i)
        if (realms[i].name == name) return i;
    return std::nullopt;
}

// A flow as if the peer at `address` had sent the message; nothing: the realm does not listen so.
std::optional<Flow> flow_from(const RealmTable& realms, RealmIndex index, std::optional<IpAddress> address,
                              Family family, const std::vector<Transport>& transports) {
    constexpr std::uint16_t port = 5060;
    if (address) family = address->family;
    for (const Transport transport : transports) {
        const auto* listener = realms[index].listener(transport, family);
        if (listener == nullptr) continue;
        const auto source = address.value_or(invented_address(listener->bind.address.family, 0));
        return Flow{transport, index, listener->bind, {source, port}, is_reliable(transport) ? 1u : 0u};
    }
    return std::nullopt;
}

Result<Sender, ExplainError> trunk_sender(const Question& question, const Shared& live) {
    const auto found = question.config->trunks.find(question.id);
    if (found == question.config->trunks.end())
        return ExplainError{"trunk", "there is no trunk \"" + question.id + '"'};
    const config::Trunk& trunk = found->second;
    const auto realm = realm_of(question.node.realms, trunk.realm);
    if (!realm)
        return ExplainError{"trunk",
                            "this node has no realm \"" + trunk.realm + "\", where trunk " + trunk.id + " lives"};
    const bool registers = trunk.mode == config::TrunkMode::registration;
    for (const auto& binding : live.locations.usable(trunk.id, question.now))
        if (registers && binding.flow.realm == *realm)
            return Sender{{policy::PartyKind::trunk, trunk.id, policy::Proof::registered_flow}, binding.flow};
    std::vector<Transport> transports;
    for (const auto t : {Transport::tls, Transport::tcp, Transport::udp})
        if (trunk.allows(policy::to_config(t))) transports.push_back(t);
    const auto source = trunk.sources.empty() ? std::nullopt : std::optional(trunk.sources.front().address);
    const auto flow = flow_from(question.node.realms, *realm, source, trunk.family(), transports);
    if (!flow)
        return ExplainError{"trunk",
                            "realm \"" + trunk.realm + "\" does not listen for the transports of trunk " + trunk.id};
    return Sender{
        {policy::PartyKind::trunk, trunk.id, registers ? policy::Proof::digest : policy::Proof::source_address}, *flow};
}

Result<Sender, ExplainError> carrier_sender(const Question& question) {
    const auto found = question.config->carriers.find(question.id);
    if (found == question.config->carriers.end())
        return ExplainError{"carrier", "there is no carrier \"" + question.id + '"'};
    const config::Carrier& carrier = found->second;
    if (carrier.disabled)
        return ExplainError{
            "carrier",
            "carrier " + carrier.id + " is disabled: what comes from its addresses is a stranger's, and refused (403)"};
    const auto realm = realm_of(question.node.realms, carrier.realm);
    if (!realm)
        return ExplainError{"carrier",
                            "this node has no realm \"" + carrier.realm + "\", where carrier " + carrier.id + " lives"};
    std::optional<IpAddress> source;
    if (!carrier.sources.empty()) source = carrier.sources.front().address;
    for (const auto& target : carrier.targets)
        if (!source) source = IpAddress::parse(target.host);
    const auto flow =
        flow_from(question.node.realms, *realm, source, Family::none, {Transport::udp, Transport::tcp, Transport::tls});
    if (!flow)
        return ExplainError{"carrier", "realm \"" + carrier.realm + "\" does not listen for carrier " + carrier.id};
    return Sender{{policy::PartyKind::carrier, carrier.id, policy::Proof::source_address}, *flow};
}

// Everything that a core asks for is answered; nothing goes anywhere.
class Sandbox {
public:
    Sandbox(const Question& question, const Shared& live)
        : question_(question), random_(question.seed), shared_(std::make_unique<Shared>()) {
        const Duration later = question.at - question.now;
        shared_->gauges.copy(live.gauges, later);
        for (auto& binding : live.locations.all())
            shared_->locations.update(binding.trunk, [&](std::vector<registrar::Binding>& bindings) {
                bindings.push_back(binding);
                bindings.back().expires_at += later;
                return true;
            });
        core_ = std::make_unique<Core>(question.node, *shared_, random_);
        handle(ConfigChanged{question.config});
        handle(b2bua::MediaState{question.media_up, 1, {}, question.media_features});
        handle(Drain{question.draining});
        outputs_.clear();
    }

    void run(const Sender& sender, const std::string& message) {
        core_->known_sender = sender.party;
        handle(Datagram{sender.flow, message});
        for (int step = 0; step < most_steps && !outputs_.empty() && out.invite.empty(); ++step) {
            if (question_.cancelled()) return;
            const Output next = std::move(outputs_.front());
            outputs_.pop_front();
            std::visit([this](const auto& output) { take(output); }, next);
        }
        out.verdict = std::move(core_->decisions.verdict);
        been_at = std::move(core_->decisions.been_at);
    }
    Explanation out;
    std::vector<std::string> been_at;

private:
    void handle(const Input& input) {
        Outputs made;
        core_->handle(input, question_.at, made);
        for (auto& output : made) outputs_.push_back(std::move(output));
    }

    void take(const transaction::Transmit& sent) {
        const std::string& text = *sent.bytes;
        if (text.starts_with("INVITE ")) {
            out.invite = text;
            const auto invented = names_.find(sent.flow.remote.address);
            const std::string place = invented == names_.end()
                                          ? sent.flow.remote.to_string()
                                          : invented->second + ':' + std::to_string(sent.flow.remote.port);
            out.target = std::string(to_string(sent.flow.transport)) + ' ' + place;
            return;
        }
        constexpr std::string_view version = "SIP/2.0 ";
        if (!text.starts_with(version) || text[version.size()] < '3') return;
        const auto response = sip::Parser::parse(text, sip::Framing::datagram);
        if (!response.has_value() || out.status != 0) return;
        out.status = response->status();
        out.response = text;
        if (out.reason.empty()) out.reason = response->reason();
    }
    void take(const Resolve& resolve) {
        locate::Answer answer;
        answer.question = resolve.question;
        answer.status = locate::DnsStatus::no_data;
        answer.ttl = 60s;
        const auto type = resolve.question.type;
        if (type == locate::RecordType::a || type == locate::RecordType::aaaa) {
            const auto family = type == locate::RecordType::a ? Family::v4 : Family::v6;
            answer.status = locate::DnsStatus::ok;
            answer.addresses = {invented_address(family, names_.size() + 1)};
            names_.emplace(answer.addresses.front(), resolve.question.name);
        }
        handle(DnsAnswer{resolve.token, std::move(answer)});
    }
    void take(const b2bua::MediaCommand& command) {
        if (command.token == 0) return;
        b2bua::MediaReply reply;
        reply.call = command.call;
        reply.token = command.token;
        reply.ok = true;
        for (std::uint32_t stream = 0; stream < command.streams; ++stream)
            for (const auto side : {b2bua::Side::a, b2bua::Side::b}) {
                const auto address = invented_address(side == b2bua::Side::a ? command.family_a : command.family_b, 0);
                reply.local.push_back({stream, side, {address, media_port}, {address, media_port}});
            }
        handle(reply);
    }
    void take(const WriteRecord& written) { out.reason = written.record.reason; }
    void take(const transaction::CloseFlow&) {}
    void take(const Checkpoint&) {}
    void take(const LogFact&) {}
    void take(const HandOver&) {}  // it knows the calls of no other shard, nor of its own

    const Question& question_;
    SeededRandom random_;
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<Core> core_;
    std::deque<Output> outputs_;
    std::map<IpAddress, std::string> names_;  // that the invented addresses stand for
};

using FieldValues = std::vector<std::pair<std::string, std::vector<std::string>>>;  // by name, in order

// Of what says something: Via, Call-ID, CSeq, Max-Forwards and Content-Length are of each leg. So are tags.
FieldValues values_of(const sip::Message& message) {
    using enum sip::HeaderName;
    constexpr std::array of_the_leg{via, call_id, cseq, max_forwards, content_length};
    FieldValues out;
    for (std::size_t i = 0; i < message.field_count(); ++i) {
        const auto field = message.field(i);
        if (std::find(of_the_leg.begin(), of_the_leg.end(), field.name) != of_the_leg.end()) continue;
        std::string value(field.value);
        if (field.name == from || field.name == to)
            if (const auto tag = value.rfind(";tag="); tag != value.npos)
                value.erase(tag, std::min(value.find(';', tag + 1), value.size()) - tag);
        std::string name(field.name == other ? field.name_text : sip::to_string(field.name));
        const auto same = std::find_if(out.begin(), out.end(),
                                       [&](const auto& entry) { return sip::equal_ignoring_case(entry.first, name); });
        if (same != out.end())
            same->second.push_back(std::move(value));
        else
            out.push_back({std::move(name), {std::move(value)}});
    }
    return out;
}

std::vector<HeaderChange> changes(const sip::Message& came, const sip::Message& sent) {
    const auto before = values_of(came), after = values_of(sent);
    const auto find = [](const FieldValues& all, std::string_view name) {
        return std::find_if(all.begin(), all.end(),
                            [&](const auto& entry) { return sip::equal_ignoring_case(entry.first, name); });
    };
    std::vector<HeaderChange> out;
    for (const auto& [name, values] : before) {
        const auto there = find(after, name);
        if (there == after.end())
            out.push_back({name, values, {}});
        else if (there->second != values)
            out.push_back({name, values, there->second});
    }
    for (const auto& [name, values] : after)
        if (find(before, name) == before.end()) out.push_back({name, {}, values});
    return out;
}

std::vector<LimitUse> limits_of(const Question& question, const Sender& sender, const sip::Message& invite,
                                const policy::Admitted& admitted, std::vector<std::string> been_at,
                                const Shared& live) {
    std::vector<LimitUse> out;
    if (admitted.trunk.empty()) return out;
    const policy::CallFacts facts{.config = *question.config,
                                  .locations = live.locations,
                                  .now = question.at,
                                  .party = sender.party,
                                  .request_uri = {},
                                  .invite = &invite,
                                  .been_at = std::move(been_at)};
    for (auto& level : policy::limit_levels(facts, admitted)) {
        const auto use = live.gauges.use(level.gauge);
        out.push_back({std::move(level), use});
    }
    return out;
}

}  // namespace

Result<Explanation, ExplainError> explain(const Question& question, const Shared& live) {
    const auto sender =
        question.kind == policy::PartyKind::trunk ? trunk_sender(question, live) : carrier_sender(question);
    if (!sender) return sender.error();
    const std::string message = as_on_the_wire(question.message);
    if (!message.starts_with("INVITE "))
        return ExplainError{"message", "the message is no INVITE: it begins with another method"};
    if (question.cancelled()) return ExplainError{};
    Sandbox sandbox(question, live);
    sandbox.run(*sender, message);
    if (question.cancelled()) return ExplainError{};
    Explanation out = std::move(sandbox.out);
    const auto came = sip::Parser::parse(message, sip::Framing::datagram, &sender->flow.remote);
    if (!came.has_value()) {
        if (out.status == 0) return ExplainError{"message", "the message is no SIP message that could be answered"};
        return out;
    }
    if (out.verdict)
        out.limits = limits_of(question, *sender, *came, out.verdict->admitted, std::move(sandbox.been_at), live);
    if (out.invite.empty()) return out;
    out.status = 0;
    if (const auto sent = sip::Parser::parse(out.invite, sip::Framing::datagram); sent.has_value()) {
        out.request_uri = sent->request_uri();
        out.headers = changes(*came, *sent);
    }
    return out;
}

}  // namespace sallyport::stack

// What peers send and what they look for in what they are sent.
#include <algorithm>

#include "tests/flows/flow_run.h"

namespace sallyport::test {
namespace {

bool is_status(const std::string& word) {
    return word.size() == 3 && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}
bool has_word(const FlowStep& step, const std::string& word) {
    return std::find(step.words.begin(), step.words.end(), word) != step.words.end();
}
// "200 to BYE"
std::string method_of_response(const FlowStep& step) {
    const auto to = std::find(step.words.begin(), step.words.end(), "to");
    return to != step.words.end() && to + 1 != step.words.end() ? *(to + 1) : std::string();
}
std::string kind_of(const TextMessage& m) {
    return m.is_request() ? m.method() : std::to_string(m.status()) + " " + m.method();
}
std::string uri_word(const FlowStep& step) {
    return step.words.size() > 1 && step.words[1].find(':') != std::string::npos ? step.words[1] : std::string();
}

// What a file says of a request's identity is the peer's own from then on.
void adopt(PeerDialog& dialog, TextMessage& message, const std::string& name, const std::string& value) {
    if (name == "Call-ID") dialog.call_id = value;
    if (name == "To" && dialog.remote_tag.empty()) dialog.remote = value;
    if (name != "From") return;
    dialog.local = value;
    message.set("From", value + ";tag=" + dialog.local_tag);
}

}  // namespace

void FlowRun::send(const FlowStep& step) {
    Actor& from = actor(step);
    const bool registers = step.words[0] == "REGISTER" || method_of_response(step) == "REGISTER";
    ActorCall& call = from.calls[registers && step.call.empty() ? "register" : step.call];
    if (has_word(step, "again")) {
        std::string kind = step.words[0];
        if (is_status(kind)) kind += " " + (method_of_response(step).empty() ? "INVITE" : method_of_response(step));
        if (!call.sent.contains(kind))
            throw FlowError(step.place, from.peer.id.name + " has not sent " + kind + " before");
        TextMessage message = TextMessage::read(call.sent.at(kind));
        if (!step.details.empty()) edit(message, from, call, step);
        return send_wire(from, message.wire());
    }
    TextMessage message = is_status(step.words[0]) ? make_response(from, call, step) : make_request(from, call, step);
    edit(message, from, call, step);
    const std::string bytes = message.wire();
    call.sent[kind_of(message)] = bytes;
    send_wire(from, bytes);
}

void FlowRun::send_wire(Actor& from, const std::string& bytes) {
    const bool lost = from.lose_from > 0;
    note(from.peer.id.name + " -> edge  " + bytes.substr(0, bytes.find("\r\n")) + (lost ? "  (lost)" : ""));
    if (lost) {
        --from.lose_from;
        return;
    }
    bench_.receive(from.peer.id.flow, bytes);
}

void FlowRun::begin_call(Actor& from, ActorCall& call, const std::string& method, const std::string& uri) {
    const bool registers = method == "REGISTER";
    const std::string party =
        registers ? "<" + from.aor + ">" : "<sip:" + from.own_number + "@" + from.own_domain + ";user=phone>";
    const std::string target = registers ? "sip:" + from.register_uri : uri;
    call = {};
    call.dialog = from.peer.new_dialog(party, registers ? party : "<" + uri + ">", target);
    call.begun = true;
}

TextMessage FlowRun::make_request(Actor& from, ActorCall& call, const FlowStep& step) {
    const std::string method = step.words[0], uri = substitute(uri_word(step), variables_);
    const bool authenticates = has_word(step, "auth");
    const bool fresh = !call.begun || (!uri.empty() && !authenticates && method != "ACK" && method != "CANCEL");
    if (fresh && uri.empty() && method != "REGISTER")
        throw FlowError(step.place, method + " of which call, or to which URI?");
    if (fresh) begin_call(from, call, method, uri);
    if (method == "ACK") return make_ack(from, call);
    TextMessage message = from.peer.request(call.dialog, method);
    if (method == "REGISTER") add_registration(from, message);
    if (method == "INVITE") {
        message.add("Content-Type", "application/sdp");
        message.body = from.peer.sdp(call.dialog);
    }
    if (!authenticates) return message;
    // "auth" is right for acme; "auth user:password" is somebody else's word.
    const auto word = std::find(step.words.begin(), step.words.end(), "auth") + 1;
    const std::string who = word != step.words.end() ? *word : "acme:s3cret";
    const auto challenge = call.responses.find(method);
    if (challenge == call.responses.end()) throw FlowError(step.place, "nobody has asked for credentials");
    const auto [name, value] = digest_answer(challenge->second, method, message.uri(), who.substr(0, who.find(':')),
                                             who.substr(who.find(':') + 1));
    message.set(name, value);
    return message;
}

void FlowRun::add_registration(Actor& from, TextMessage& message) const {
    message.add("Contact", "<sip:" + from.peer.id.host + ":" + std::to_string(from.peer.id.port) + ";bnc>");
    message.add("Require", "gin");
    message.add("Proxy-Require", "gin");
    message.add("Supported", "path");
}

// For a refusal it is part of the INVITE's transaction, for a 2xx it is a request of the dialog (RFC 3261 13.2.2.4).
TextMessage FlowRun::make_ack(Actor& from, ActorCall& call) {
    const auto answer = call.responses.find("INVITE");
    const bool refused = answer != call.responses.end() && answer->second.status() >= 300;
    TextMessage ack = from.peer.request(call.dialog, refused ? "CANCEL" : "ACK");
    if (!refused) return ack;
    ack.start = "ACK " + call.dialog.invite_uri + " SIP/2.0";
    ack.set("CSeq", std::to_string(call.dialog.invite_cseq) + " ACK");
    ack.set("To", answer->second.first("To"));
    return ack;
}

TextMessage FlowRun::make_response(Actor& from, ActorCall& call, const FlowStep& step) {
    const std::string method = method_of_response(step);
    const int status = std::stoi(step.words[0]);
    if (!method.empty() && !call.requests.contains(method))
        throw FlowError(step.place, "no " + method + " was received");
    const TextMessage& request = method.empty() ? call.last_request : call.requests.at(method);
    if (request.start.empty()) throw FlowError(step.place, "nothing was received that could be answered");
    TextMessage message = from.peer.response(request, status, call.dialog.local_tag);
    const bool describes = request.method() == "INVITE" && (status == 183 || status / 100 == 2);
    if (describes) {
        message.add("Content-Type", "application/sdp");
        message.body = from.peer.sdp(call.dialog);
    }
    return message;
}

void FlowRun::edit(TextMessage& message, Actor& from, ActorCall& call, const FlowStep& step) {
    for (const Detail& d : step.details) {
        const std::string value = substitute(d.value, variables_);
        if (d.name == "sdp" && d.no) {
            message.body.clear();
            message.remove("Content-Type");
        } else if (d.name == "sdp") {
            message.set("Content-Type", "application/sdp");
            message.body = from.peer.sdp(call.dialog, value);
        } else if (d.no) {
            message.remove(d.name);
        } else if (d.name == "Request-URI") {
            message.start = message.method() + " " + value + " SIP/2.0";
        } else if (d.name.front() == '+') {
            message.add(d.name.substr(1), value);
        } else {
            message.set(d.name, value);
            if (message.is_request()) adopt(call.dialog, message, d.name, value);
        }
    }
}

void FlowRun::expect(const FlowStep& step) {
    Actor& at = actor(step);
    if (step.words[0] == "nothing") {
        if (!at.inbox.empty()) throw FlowError(step.place, at.peer.id.name + " was sent\n" + at.inbox.front());
        return;
    }
    if (at.inbox.empty()) throw FlowError(step.place, at.peer.id.name + " was sent nothing, expected " + step.words[0]);
    const std::string bytes = at.inbox.front();
    at.inbox.pop_front();
    const TextMessage message = TextMessage::read(bytes);
    const auto fail = [&](const std::string& why) { throw FlowError(step.place, why + "\n" + bytes); };
    const std::string& wanted = step.words[0];
    if (is_status(wanted) ? wanted != std::to_string(message.status())
                          : wanted != message.method() || !message.is_request())
        fail("expected " + wanted + ", got " + message.start);
    if (const auto method = method_of_response(step); !method.empty() && method != message.method())
        fail("expected a response to " + method);
    const std::string uri = uri_word(step);
    if (!uri.empty() && !match_pattern(uri, message.uri(), variables_)) fail("expected the Request-URI " + uri);

    const bool registers = message.method() == "REGISTER";
    ActorCall& call = at.calls[registers && step.call.empty() ? "register" : step.call];
    const bool begins = message.is_request() && tag_of(message.first("To")).empty() && message.method() == "INVITE";
    if (has_word(step, "again") && call.received[kind_of(message)] != bytes) fail("not the same as before");
    if (!begins && call.begun && call.dialog.call_id != message.first("Call-ID")) fail("of another call than expected");
    check_details(step, message);
    remember(at, call, message, bytes);
}

void FlowRun::remember(Actor& at, ActorCall& call, const TextMessage& message, const std::string& bytes) {
    call.received[kind_of(message)] = bytes;
    if (!message.is_request()) {
        at.peer.learn(call.dialog, message);
        if (message.status() >= 200) call.responses[message.method()] = message;
        return;
    }
    const bool begins = message.method() == "INVITE" && tag_of(message.first("To")).empty();
    if (begins && (!call.begun || call.dialog.call_id != message.first("Call-ID"))) {
        call.dialog = at.peer.dialog_of(message);
        call.begun = true;
    }
    if (message.method() == "INVITE" && message.has("Contact")) call.dialog.target = uri_of(message.first("Contact"));
    call.requests[message.method()] = message;
    if (message.method() != "ACK") call.last_request = message;
}

void FlowRun::check_details(const FlowStep& step, const TextMessage& message) {
    for (const Detail& d : step.details) {
        std::vector<std::string> values = message.all(d.name);
        if (d.name == "sdp") {
            values.clear();
            std::string rest = message.body;
            for (auto end = rest.find("\r\n"); end != rest.npos; end = rest.find("\r\n")) {
                values.push_back(rest.substr(0, end));
                rest.erase(0, end + 2);
            }
        }
        const std::string pattern = d.value.empty() ? "*" : d.value;
        const bool found = std::any_of(values.begin(), values.end(), [&](const std::string& value) {
            return d.no ? matches(pattern, value) : match_pattern(pattern, value, variables_);
        });
        if (found == d.no)
            throw FlowError(d.place, std::string(d.no ? "should have no " : "should have ") + d.name + " " + d.value +
                                         "\n" + message.wire());
    }
}

}  // namespace sallyport::test

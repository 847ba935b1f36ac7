#include "tests/simulate/user_agent.h"

namespace sallyport::test {
namespace {

std::string branch_of(const TextMessage& message) {
    const std::string via = message.first("Via");
    const auto at = via.find("branch=");
    return via.substr(at, via.find_first_of(";, ", at) - at);
}

}  // namespace

std::string direction_of(const std::string& description) {
    for (const auto* direction : {"sendonly", "recvonly", "inactive"})
        if (description.find(std::string("a=") + direction) != std::string::npos) return direction;
    return "sendrecv";
}

std::string mirrored(const std::string& direction) {
    return direction == "sendonly" ? "recvonly" : direction == "recvonly" ? "sendonly" : direction;
}

bool UserAgent::call(const std::string& from, const std::string& to, const std::string& uri) {
    dialog_ = peer.new_dialog(from, to, uri);
    return offer("INVITE", "sendrecv");
}

void UserAgent::say(const TextMessage& message) {
    said.push_back(message.wire());
    if (message.is_request() && message.method() != "ACK") pending_[message.method()] = said.back();
}

void UserAgent::repeat() {
    for (const auto& [method, text] : pending_) said.push_back(text);
    if (!final_.empty()) said.push_back(final_);
}

bool UserAgent::ring() {
    if (!incoming_ || up || settled_ || incoming_->body.empty()) return false;
    TextMessage ringing = peer.response(*incoming_, 183, dialog_.local_tag);
    ringing.add("Require", "100rel");
    ringing.add("RSeq", "7");
    ringing.add("Content-Type", "application/sdp");
    theirs = direction_of(incoming_->body);
    mine = answer_to(incoming_->body);
    ringing.body = peer.sdp(dialog_, mine);
    settled_ = true;
    say(ringing);
    return true;
}

bool UserAgent::refuse() {
    if (!incoming_ || up) return false;
    reply(*incoming_, 486);
    incoming_.reset();
    return over = true;
}

bool UserAgent::offer(const std::string& method, const std::string& direction) {
    const bool early = method == "UPDATE" && may_update_early();
    if (over || (!early && (invite_ || update_ || incoming_ || unacked_))) return false;
    TextMessage request = peer.request(dialog_, method);
    request.add("Content-Type", "application/sdp");
    request.body = peer.sdp(dialog_, direction);
    if (method == "INVITE" && !up) request.add("Supported", "100rel");
    (method == "INVITE" ? invite_ : update_) = Sent{dialog_.cseq, direction, request.uri(), request.first("Via")};
    say(request);
    return true;
}

bool UserAgent::ask_for_offer() {
    if (over || invite_ || update_ || incoming_ || unacked_) return false;
    const TextMessage request = peer.request(dialog_, "INVITE");
    invite_ = Sent{dialog_.cseq, {}, request.uri(), request.first("Via")};
    say(request);
    return true;
}

bool UserAgent::cancel() {
    if (!invite_ || invite_->cancelled) return false;
    invite_->cancelled = true;
    say(peer.request(dialog_, "CANCEL"));
    return true;
}

bool UserAgent::hang_up() {
    if (over || !up || !may_hang_up()) return false;
    over = true;
    say(peer.request(dialog_, "BYE"));
    bye_ = dialog_.cseq;
    if (incoming_) reply(*incoming_, 487);
    incoming_.reset();
    return true;
}

bool UserAgent::answer() {
    if (!incoming_ || over) return false;
    const TextMessage invite = *incoming_;
    incoming_.reset();
    unacked_ = invite.cseq();
    first_ok_ = !up;
    if (settled_ && !up) {
        reply(invite, 200);
    } else if (invite.body.empty()) {
        answer_owed_ = true;
        offered_late_ = "sendrecv";
        reply(invite, 200, offered_late_);
    } else {
        theirs = direction_of(invite.body);
        mine = answer_to(invite.body);
        reply(invite, 200, mine);
    }
    up = true;
    return true;
}

std::string UserAgent::answer_to(const std::string& description) const { return mirrored(direction_of(description)); }

void UserAgent::reply(const TextMessage& request, int status, const std::string& direction) {
    TextMessage response = peer.response(request, status, dialog_.local_tag);
    if (!direction.empty()) {
        response.add("Content-Type", "application/sdp");
        response.body = peer.sdp(dialog_, direction);
    }
    replies_[branch_of(request) + request.method()] = response.wire();
    if (request.method() == "INVITE") final_ = response.wire();
    say(response);
}

void UserAgent::hear(const std::string& bytes) {
    const auto message = TextMessage::read(bytes);
    if (!message.is_request()) return hear_response(message);
    if (const auto known = replies_.find(branch_of(message) + message.method());
        known != replies_.end() && message.method() != "ACK")
        return said.push_back(known->second);
    hear_request(message);
}

void UserAgent::hear_request(const TextMessage& request) {
    const std::string method = request.method();
    if (method == "ACK") return hear_ack(request);
    if (method == "INVITE") return hear_invite(request);
    if (method == "UPDATE") return hear_update(request);
    if (method == "PRACK") return reply(request, 200);
    if (method == "BYE") {
        if (incoming_) reply(*incoming_, 487);
        incoming_.reset();
        unacked_.reset();
        answer_owed_ = false;
        final_.clear();
        reply(request, over && bye_ == 0 ? 481 : 200);
        over = true;
        return;
    }
    if (method == "CANCEL") {
        reply(request, 200);
        if (!incoming_) return;
        const TextMessage invite = *incoming_;
        incoming_.reset();
        if (!up) over = true;
        return reply(invite, 487);
    }
    reply(request, 405);
}

void UserAgent::hear_invite(const TextMessage& request) {
    if (request.first("To").find(";tag=") == std::string::npos) {
        dialog_ = peer.dialog_of(request);
        incoming_ = request;
        return;
    }
    if (over) return reply(request, 481);
    if (incoming_) complaint = "an INVITE before the one before was answered";
    if (invite_ || (update_ && !request.body.empty())) return reply(request, 491);
    if (unacked_ && answer_owed_) return reply(request, 491);
    incoming_ = request;
}

void UserAgent::hear_update(const TextMessage& request) {
    if (over) return reply(request, 481);
    if (request.body.empty()) return reply(request, 200);
    const bool early = settled_ && !up;
    if ((invite_ && !early) || update_ || answer_owed_) return reply(request, 491);
    if (incoming_ && !early) return reply(request, 500);
    theirs = direction_of(request.body);
    mine = answer_to(request.body);
    reply(request, 200, mine);
}

void UserAgent::hear_ack(const TextMessage& ack) {
    if (!final_.empty() && TextMessage::read(final_).cseq() == ack.cseq()) final_.clear();
    if (!unacked_ || ack.cseq() != *unacked_) return;
    unacked_.reset();
    if (!std::exchange(answer_owed_, false)) return;
    if (ack.body.empty()) {
        if (!over) complaint = "an ACK without the answer";
        return;
    }
    if (ack.body.find("m=audio 0 ") != std::string::npos) return;  // nobody was left to answer
    mine = offered_late_;
    theirs = direction_of(ack.body);
}

void UserAgent::acknowledge_failure(const TextMessage& response) {
    TextMessage ack;
    ack.start = "ACK " + dialog_.invite_uri + " SIP/2.0";
    ack.add("Via", response.first("Via"));
    for (const auto* name : {"From", "To", "Call-ID"}) ack.add(name, response.first(name));
    ack.add("CSeq", std::to_string(response.cseq()) + " ACK");
    ack.add("Max-Forwards", "70");
    say(ack);
}

void UserAgent::hear_response(const TextMessage& response) {
    if (response.method() == "INVITE" || response.status() >= 200) {
        const auto asked = pending_.find(response.method());
        if (asked != pending_.end() && TextMessage::read(asked->second).cseq() == response.cseq())
            pending_.erase(asked);
    }
    if (response.status() < 200) {
        if (response.method() != "INVITE" || up) return;
        peer.learn(dialog_, response);
        if (!response.has("RSeq") || settled_ || !invite_) return;
        settled_ = true;
        mine = invite_->direction;
        theirs = direction_of(response.body);
        TextMessage prack = peer.request(dialog_, "PRACK");
        prack.add("RAck", response.first("RSeq") + " " + std::to_string(response.cseq()) + " INVITE");
        return say(prack);
    }
    if (response.method() == "INVITE") return hear_invite_response(response);
    if (response.method() != "UPDATE" || !update_ || response.cseq() != update_->cseq) return;
    if (response.status() < 300) {
        mine = update_->direction;
        theirs = direction_of(response.body);
        if (response.body.empty()) complaint = "a 2xx to UPDATE without the answer";
    }
    update_.reset();
}

void UserAgent::hear_invite_response(const TextMessage& response) {
    const unsigned number = response.cseq();
    if (const auto known = acks_.find(number); known != acks_.end() && response.status() < 300) {
        return said.push_back(known->second);
    }
    const bool awaited = invite_ && invite_->cseq == number;
    if (response.status() >= 300) {
        acknowledge_failure(response);
        if (!awaited) return;
        if (!up) final_status = response.status(), over = true;
        invite_.reset();
        return;
    }
    if (!awaited) return;
    peer.learn(dialog_, response);
    TextMessage ack = peer.request(dialog_, "ACK");
    ack.set("CSeq", std::to_string(number) + " ACK");
    const bool early = settled_ && !up;
    if (response.body.empty() != early) complaint = "a 2xx without a description, or with one too many";
    if (!early) theirs = direction_of(response.body);
    if (early) {
        // As it was agreed upon while it rang.
    } else if (invite_->direction.empty()) {
        mine = answer_to(response.body);
        ack.add("Content-Type", "application/sdp");
        ack.body = peer.sdp(dialog_, mine);
    } else {
        mine = invite_->direction;
    }
    if (!up) final_status = response.status();
    up = true;
    acks_[number] = ack.wire();
    say(ack);
    invite_.reset();
}

}  // namespace sallyport::test

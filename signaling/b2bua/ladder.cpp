#include "signaling/b2bua/ladder.h"

#include <algorithm>

#include "signaling/b2bua/sdp_bridge.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/content.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {
namespace {

constexpr std::size_t lane = 42;                  // between two columns; with the time and three bars that makes 100
constexpr std::size_t note_width = 2 * lane - 4;  // the longest text that is ever shown

std::string clock_text(TimePoint when) { return rfc3339(when).substr(11, 12); }

std::string printable(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    return text;
}

// "-- INVITE --------->", a lane wide.
void draw_arrow(std::string& out, std::string_view text, bool rightward) {
    const bool cut = text.size() > lane - 6;
    if (cut) text = text.substr(0, lane - 8);
    if (!rightward) out += '<';
    out.append("-- ").append(text).append(cut ? ".. " : " ");
    out.append(lane - 5 - text.size() - (cut ? 2 : 0), '-');
    if (rightward) out += '>';
}

void draw_centred(std::string& out, std::string_view text, std::size_t width) {
    constexpr std::string_view opening = "[ ", closing = " ]";
    text = text.substr(0, width - opening.size() - closing.size());
    const std::size_t blank = width - text.size() - opening.size() - closing.size();
    out.append(blank / 2, ' ').append(opening).append(text).append(closing).append(blank - blank / 2, ' ');
}

}  // namespace

void Ladder::add(Line line) {
    if (lines_.size() >= most_lines) {
        ++left_out_;
        return;
    }
    line.text = printable(line.text.substr(0, note_width));  // what would not be shown is not kept
    lines_.push_back(std::move(line));
}

void Ladder::message(TimePoint when, Side side, Way way, std::string text) {
    add({when, false, side, way, std::move(text)});
}

void Ladder::note(TimePoint when, std::string text) { add({when, true, Side::a, Way::in, std::move(text)}); }

std::string Ladder::text(std::string_view head, std::string_view left, std::string_view right) const {
    std::string out(head);
    out += "\n             " + std::string(left.substr(0, lane));
    out += std::string(lane - std::min(lane, left.size()) - 3, ' ') + "sallyport";
    out +=
        std::string(lane - 6 - std::min(lane - 6, right.size()), ' ') + std::string(right.substr(0, lane - 6)) + "\n";
    out.reserve(out.size() + (lines_.size() + 1) * (16 + 2 * lane));
    for (const Line& line : lines_) {
        out.append(clock_text(line.when)).append(" |");
        if (line.is_note) {
            draw_centred(out, line.text, 2 * lane + 1);
        } else {
            const bool rightward = (line.side == Side::a) == (line.way == Way::in);
            if (line.side == Side::b) out.append(lane, ' ').append("|");
            draw_arrow(out, line.text, rightward);
            if (line.side == Side::a) out.append("|").append(lane, ' ');
        }
        out += "|\n";
    }
    if (left_out_ > 0) out += "             " + std::to_string(left_out_) + " more lines left out\n";
    return out;
}

std::string ladder_text(const sip::Message& message) {
    std::string out;
    if (message.is_request()) {
        out = message.method_text();
    } else {
        out = std::to_string(message.status()) + " " + std::string(sip::reason_phrase(message.status()));
        if (message.method() != sip::Method::invite) out += " " + std::string(message.method_text());
    }
    if (!message.body().empty()) {
        const auto content = sip::read_content(message);
        const std::string_view description = sip::session_description(message);
        out += " (" + (description.empty() ? std::string("body") : describe(description));
        if (content.has_value() && content->multipart) out += ", " + std::to_string(content->parts.size()) + " parts";
        out += ")";
    }
    if (const auto reason = message.first(sip::HeaderName::reason)) out += " " + std::string(reason->substr(0, 24));
    return out;
}

// Our own text is canonical: it need not be parsed to be shown.
std::string ladder_text(std::string_view message) {
    const auto field = [&](std::string_view name) {
        const auto at = message.find(name);
        if (at == message.npos) return std::string_view();
        const auto value = message.substr(at + name.size());
        return value.substr(0, value.find("\r\n"));
    };
    constexpr std::string_view version = "SIP/2.0 ";
    std::string out;
    if (message.starts_with(version)) {
        out = message.substr(version.size(), message.find("\r\n") - version.size());
        const std::string_view cseq = field("\r\nCSeq: ");
        const std::string_view method = cseq.substr(std::min(cseq.find(' ') + 1, cseq.size()));
        if (method != "INVITE") out += " " + std::string(method);
    } else {
        out = message.substr(0, message.find(' '));
    }
    if (field("\r\nContent-Type: ").starts_with("multipart")) {
        const auto parsed = sip::Parser::parse(message);
        if (parsed.has_value()) return ladder_text(*parsed);
    }
    const auto body = message.find("\r\n\r\n");
    if (body != message.npos && body + 4 < message.size()) out += " (" + describe(message.substr(body + 4)) + ")";
    if (const auto reason = field("\r\nReason: "); !reason.empty()) out += " " + std::string(reason.substr(0, 24));
    return out;
}

}  // namespace sallyport::b2bua

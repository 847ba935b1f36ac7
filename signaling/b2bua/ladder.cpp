#include "signaling/b2bua/ladder.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "signaling/b2bua/sdp_bridge.h"
#include "signaling/sip/compose.h"
#include "signaling/sip/content.h"
#include "signaling/sip/parser.h"

namespace sallyport::b2bua {
namespace {

constexpr std::size_t lane = 42;                  // between two columns; with the time and three bars that makes 100
constexpr std::size_t note_width = 2 * lane - 4;  // the longest text that is ever shown
constexpr std::size_t head_bytes = sizeof(TimePoint) + 2;
constexpr std::size_t usual_bytes = 511;  // of a call from its INVITE to its BYE

std::string clock_text(TimePoint when) { return rfc3339(when).substr(11, 12); }

char printable(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c; }

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

void Ladder::add(TimePoint when, Kind kind, std::string_view text) {
    if (count_ >= most_lines) {
        ++left_out_;
        return;
    }
    if (lines_.empty()) lines_.reserve(usual_bytes);
    ++count_;
    text = text.substr(0, note_width);  // what would not be shown is not kept
    char head[head_bytes];
    std::memcpy(head, &when, sizeof(when));
    head[sizeof(when)] = static_cast<char>(kind);
    head[sizeof(when) + 1] = static_cast<char>(text.size());
    lines_.append(head, head_bytes);
    std::transform(text.begin(), text.end(), std::back_inserter(lines_), printable);
}

void Ladder::message(TimePoint when, Side side, Way way, std::string_view text) {
    const bool in = way == Way::in;
    add(when, side == Side::a ? (in ? Kind::a_in : Kind::a_out) : (in ? Kind::b_in : Kind::b_out), text);
}

void Ladder::note(TimePoint when, std::string_view text) { add(when, Kind::note, text); }

std::string Ladder::text(std::string_view head, std::string_view left, std::string_view right) const {
    std::string out(head);
    out += "\n             " + std::string(left.substr(0, lane));
    out += std::string(lane - std::min(lane, left.size()) - 3, ' ') + "sallyport";
    out +=
        std::string(lane - 6 - std::min(lane - 6, right.size()), ' ') + std::string(right.substr(0, lane - 6)) + "\n";
    out.reserve(out.size() + (count_ + 1) * (16 + 2 * lane));
    for (std::string_view rest = lines_; !rest.empty();) {
        TimePoint when;
        std::memcpy(&when, rest.data(), sizeof(when));
        const Kind kind{rest[sizeof(when)]};
        const std::string_view text = rest.substr(head_bytes, static_cast<unsigned char>(rest[head_bytes - 1]));
        rest.remove_prefix(head_bytes + text.size());
        out.append(clock_text(when)).append(" |");
        if (kind == Kind::note) {
            draw_centred(out, text, 2 * lane + 1);
        } else {
            const bool on_a = kind == Kind::a_in || kind == Kind::a_out;
            const bool rightward = kind == Kind::a_in || kind == Kind::b_out;
            if (!on_a) out.append(lane, ' ').append("|");
            draw_arrow(out, text, rightward);
            if (on_a) out.append("|").append(lane, ' ');
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
    constexpr std::string_view version = "SIP/2.0 ", eol = "\r\n";
    std::string_view rest = message, cseq, type, reason;
    const auto take_line = [&] {
        const std::string_view line = rest.substr(0, rest.find('\r'));
        rest.remove_prefix(std::min(line.size() + eol.size(), rest.size()));
        return line;
    };
    const std::string_view start = take_line();
    for (auto line = take_line(); !line.empty(); line = take_line()) {
        const auto take = [&](std::string_view name, std::string_view& value) {
            if (value.empty() && line.starts_with(name)) value = line.substr(name.size());
        };
        if (line.front() == 'C') take("CSeq: ", cseq), take("Content-Type: ", type);
        if (line.front() == 'R') take("Reason: ", reason);
    }
    const std::string_view body = rest;
    std::string out;
    if (start.starts_with(version)) {
        out = start.substr(version.size());
        const std::string_view method = cseq.substr(std::min(cseq.find(' ') + 1, cseq.size()));
        if (method != "INVITE") out.append(1, ' ').append(method);
    } else {
        out = start.substr(0, start.find(' '));
    }
    if (type.starts_with("multipart")) {
        const auto parsed = sip::Parser::parse(message);
        if (parsed.has_value()) return ladder_text(*parsed);
    }
    if (!body.empty()) out.append(" (").append(describe(body)).append(")");
    if (!reason.empty()) out.append(1, ' ').append(reason.substr(0, 24));
    return out;
}

}  // namespace sallyport::b2bua

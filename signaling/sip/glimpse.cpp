#include "signaling/sip/glimpse.h"

#include "control/base/bytes.h"
#include "signaling/sip/fields.h"
#include "signaling/sip/header_name.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/lines.h"
#include "signaling/sip/refusal.h"

namespace sallyport::sip {
namespace {

constexpr std::string_view version = "SIP/";

std::string_view take_word(std::string_view& text) {
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return word;
}

// Behind the ">" only: what stands inside belongs to the URI.
std::string_view tag_in(std::string_view value) {
    if (const auto end = value.rfind('>'); end != value.npos) value.remove_prefix(end + 1);
    for (auto at = value.find(';'); at != value.npos; at = value.find(';', at + 1)) {
        auto parameter = scan::trim(value.substr(at + 1, value.find(';', at + 1) - at - 1));
        if (parameter.size() < 4 || !equal_ignoring_case(parameter.substr(0, 3), "tag")) continue;
        parameter = scan::trim(parameter.substr(3));
        if (!parameter.empty() && parameter.front() == '=') return scan::trim(parameter.substr(1));
    }
    return {};
}

// Names are told by their length and first letter before they are looked up: most lines are of no interest here.
void take_field(const HeaderParts& parts, Glimpse& out) {
    const char first = scan::lower(parts.name.front());
    if (std::string_view("vftiacrp").find(first) == std::string_view::npos) return;
    switch (parts.known) {
        case HeaderName::via:
            if (out.via_count < Glimpse::most_vias) out.vias[out.via_count] = parts.value;
            ++out.via_count;
            return;
        case HeaderName::from:
            if (out.from.empty()) out.from = parts.value;
            return;
        case HeaderName::to:
            if (!out.to.empty()) return;
            out.to = parts.value;
            out.to_tag = tag_in(parts.value);
            return;
        case HeaderName::call_id:
            if (out.call_id.empty()) out.call_id = parts.value;
            return;
        case HeaderName::cseq:
            if (out.cseq.empty()) out.cseq = parts.value;
            return;
        case HeaderName::authorization:
        case HeaderName::proxy_authorization: out.credentials = true; return;
        default: break;
    }
    if (equal_ignoring_case(parts.name, "Resource-Priority"))
        out.esnet = out.esnet || equal_ignoring_case(parts.value.substr(0, 6), "esnet.");
}

void append(std::string& out, std::string_view name, std::string_view value) {
    out.append(name);
    for (const char c : value) out.push_back(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
    out.append("\r\n");
}

std::string stateless_tag(const Glimpse& request, std::string_view mark) {
    std::uint64_t hash = 14695981039346656037ull;  // FNV-1a; nothing is kept by it
    for (const auto text : {request.vias.front(), request.from, request.call_id, request.cseq})
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    std::uint8_t raw[8];
    store_be32(raw, static_cast<std::uint32_t>(hash >> 32));
    store_be32(raw + 4, static_cast<std::uint32_t>(hash));
    return std::string(mark) + to_hex(raw);
}

std::string without_folds(std::string_view value) {
    std::string out(value);
    for (char& c : out)
        if (c == '\r' || c == '\n' || c == '\0') c = ' ';
    return out;
}

}  // namespace

Glimpse glimpse(std::string_view bytes) {
    Glimpse out;
    auto at = bytes.find_first_not_of("\r\n");  // RFC 3261 7.5
    if (at == bytes.npos) return out;
    auto end = bytes.find('\n', at);
    if (end == bytes.npos) return out;
    std::string_view start = bytes.substr(at, end - at);
    out.response = start.starts_with(version);
    if (!out.response) {
        out.method = take_word(start);
        out.request_uri = take_word(start);
    }
    at = end + 1;
    for (std::size_t lines = 0; lines < limits::header_fields; ++lines) {
        const auto line = header_line_at(bytes, at);
        if (!line || line->text.empty()) break;
        at = line->next;
        if (const auto parts = split_header_line(line->text)) take_field(*parts, out);
    }
    return out;
}

std::optional<BriefRefusal> refuse_briefly(const Glimpse& request, const Endpoint& source, std::string_view mark,
                                           std::string_view retry_after) {
    if (request.response || request.method == "ACK" || !request.answerable()) return std::nullopt;
    const auto top = answered_via(without_folds(request.vias.front()), &source);
    if (!top) return std::nullopt;
    BriefRefusal out;
    out.via = split_list(*top).front();
    out.text.reserve(512);
    out.text = "SIP/2.0 503 Service Unavailable\r\n";
    append(out.text, "Via: ", *top);
    for (std::size_t i = 1; i < request.via_count; ++i) append(out.text, "Via: ", request.vias[i]);
    append(out.text, "From: ", request.from);
    std::string to = without_folds(request.to);
    if (request.to_tag.data() == nullptr) to.append(";tag=");
    if (request.to_tag.empty())  // one that is there without a value is filled in, not followed by a second
        to.insert(request.to_tag.data() == nullptr
                      ? to.size()
                      : static_cast<std::size_t>(request.to_tag.data() - request.to.data()),
                  stateless_tag(request, mark));
    append(out.text, "To: ", to);
    append(out.text, "Call-ID: ", request.call_id);
    append(out.text, "CSeq: ", request.cseq);
    append(out.text, "Retry-After: ", retry_after);
    out.text.append("Content-Length: 0\r\n\r\n");
    return out;
}

}  // namespace sallyport::sip

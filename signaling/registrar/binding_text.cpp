#include "signaling/registrar/binding_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "signaling/sip/uri.h"

namespace sallyport::registrar {
namespace {

constexpr std::string_view head = "sallyport-bindings 1\n";
constexpr std::size_t text_bytes = 4u << 20;  // 64 bindings, each with a whole message's worth of fields

void line(std::string& out, std::string_view name, std::string_view value) {
    out.append(name) += '=';
    for (const char c : value) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\\')
            out += "\\\\";
        else
            out += c;
    }
    out += '\n';
}

std::string number(std::int64_t value) { return std::to_string(value); }

std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size())
            out += text[i];
        else
            out += text[++i] == 'n' ? '\n' : text[i];
    }
    return out;
}

template <class Number>
bool read_number(std::string_view text, Number& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
}

bool read_time(std::string_view text, TimePoint& out) {
    std::int64_t ms = 0;
    constexpr std::int64_t ceiling = std::int64_t{1} << 43;  // its nanoseconds fit into a TimePoint
    if (!read_number(text, ms) || ms < 0 || ms > ceiling) return false;
    out = TimePoint(std::chrono::milliseconds(ms));
    return true;
}

bool read_endpoint(const std::string& text, Endpoint& out) {
    if (text.empty()) return true;
    const auto parsed = Endpoint::parse(text);
    if (parsed) out = *parsed;
    return parsed.has_value();
}

bool read_transport(std::string_view text, Transport& out) {
    for (const auto transport : {Transport::udp, Transport::tcp, Transport::tls})
        if (text == to_string(transport)) {
            out = transport;
            return true;
        }
    return false;
}

struct Read {
    Binding binding;
    std::string realm;
};

// False: a value that cannot have been written by us. Names of later versions are passed over.
bool read_field(Read& read, std::string_view name, const std::string& value) {
    Binding& b = read.binding;
    if (name == "realm") read.realm = value;
    if (name == "aor") b.aor = value;
    if (name == "contact") b.contact = value;
    if (name == "bulk") b.bulk = value == "1";
    if (name == "call-id") b.call_id = value;
    if (name == "path") b.path.push_back(value);
    if (name == "instance") b.instance = value;
    if (name == "user-agent") b.user_agent = value;
    if (name == "flow-closed") b.flow_closed = value == "1";
    if (name == "cseq") return read_number(value, b.cseq);
    if (name == "q") {
        int thousandths = 0;
        if (!read_number(value, thousandths) || thousandths < 0 || thousandths > 1'000) return false;
        b.q = thousandths / 1000.0;
    }
    if (name == "transport") return read_transport(value, b.flow.transport);
    if (name == "local") return read_endpoint(value, b.flow.local);
    if (name == "remote") return read_endpoint(value, b.flow.remote);
    if (name == "registered") return read_time(value, b.registered_at);
    if (name == "expires") return read_time(value, b.expires_at);
    return true;
}

bool is_whole(const Binding& b) { return sip::parse_uri(b.contact).has_value() && !b.flow.remote.empty(); }

// False: its realm is no more.
bool find_place(Read& read, const RealmTable& realms) {
    Flow& flow = read.binding.flow;
    const auto realm = std::find_if(realms.begin(), realms.end(), [&](const Realm& r) { return r.name == read.realm; });
    if (realm == realms.end()) return false;
    flow.realm = static_cast<RealmIndex>(realm - realms.begin());
    flow.connection = 0;
    const bool listens = std::any_of(realm->listeners.begin(), realm->listeners.end(), [&](const Listener& l) {
        return l.transport == Transport::udp && l.bind == flow.local;
    });
    if (flow.transport != Transport::udp || !listens) read.binding.flow_closed = true;
    return true;
}

}  // namespace

std::string write_bindings(const std::vector<Binding>& bindings, const RealmTable& realms) {
    std::string out(head);
    for (const Binding& b : bindings) {
        if (b.flow.realm >= realms.size()) continue;
        line(out, "binding", b.contact);
        line(out, "contact", b.contact);
        if (!b.aor.empty()) line(out, "aor", b.aor);
        line(out, "bulk", b.bulk ? "1" : "0");
        line(out, "realm", realms[b.flow.realm].name);
        line(out, "transport", to_string(b.flow.transport));
        line(out, "local", b.flow.local.empty() ? std::string() : b.flow.local.to_string());
        line(out, "remote", b.flow.remote.to_string());
        line(out, "flow-closed", b.flow_closed ? "1" : "0");
        line(out, "call-id", b.call_id);
        line(out, "cseq", number(b.cseq));
        line(out, "q", number(std::lround(b.q * 1000)));
        for (const auto& hop : b.path) line(out, "path", hop);
        line(out, "instance", b.instance);
        line(out, "user-agent", b.user_agent);
        line(out, "registered", number(unix_milliseconds(b.registered_at)));
        line(out, "expires", number(unix_milliseconds(b.expires_at)));
    }
    return out;
}

std::optional<std::vector<Binding>> read_bindings(std::string_view text, std::string_view trunk,
                                                  const RealmTable& realms, TimePoint now) {
    if (text.size() > text_bytes || !text.starts_with(head)) return std::nullopt;
    text.remove_prefix(head.size());
    std::vector<Read> all;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == text.npos) return std::nullopt;
        const auto entry = text.substr(0, end);
        text.remove_prefix(end + 1);
        const auto equals = entry.find('=');
        if (equals == entry.npos) return std::nullopt;
        if (entry.substr(0, equals) == "binding") all.emplace_back();
        if (all.empty() || all.size() > most_bindings_read) return std::nullopt;
        if (!read_field(all.back(), entry.substr(0, equals), unescaped(entry.substr(equals + 1)))) return std::nullopt;
    }
    std::vector<Binding> out;
    for (Read& read : all) {
        if (!is_whole(read.binding)) return std::nullopt;
        read.binding.trunk = trunk;
        if (read.binding.expires_at > now && find_place(read, realms)) out.push_back(std::move(read.binding));
    }
    return out;
}

}  // namespace sallyport::registrar

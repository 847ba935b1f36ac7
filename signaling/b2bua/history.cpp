#include "signaling/b2bua/history.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "control/base/utf8.h"
#include "signaling/b2bua/identity.h"
#include "signaling/policy/numbering.h"
#include "signaling/sip/fields.h"
#include "signaling/sip/privacy.h"

namespace sallyport::b2bua {
namespace {

using sip::HeaderName;
using sip::NameAddr;

constexpr std::size_t most_entries = 32;  // a call that came this far is told no further
constexpr std::string_view somebody = "sip:anonymous@anonymous.invalid";

// The header fields of an entry's URI that mean something here (RFC 7044 5.1), as they are: unescaped for nobody.
std::string kept_headers(std::string_view headers) {
    std::string out;
    while (!headers.empty()) {
        const auto one = headers.substr(0, headers.find('&'));
        headers.remove_prefix(std::min(headers.size(), one.size() + 1));
        const auto name = one.substr(0, one.find('='));
        if (!sip::equal_ignoring_case(name, "Reason") && !sip::equal_ignoring_case(name, "Privacy")) continue;
        out += (out.empty() ? "" : "&") + std::string(one);
    }
    return out;
}

// The value of the first header field of a URI with this name that is not `but`.
std::optional<std::string_view> uri_header(std::string_view headers, std::string_view name, std::string_view but = {}) {
    while (!headers.empty()) {
        const auto one = headers.substr(0, headers.find('&'));
        headers.remove_prefix(std::min(headers.size(), one.size() + 1));
        const auto equals = std::min(one.find('='), one.size());
        const auto value = one.substr(std::min(equals + 1, one.size()));
        if (sip::equal_ignoring_case(one.substr(0, equals), name) && !sip::equal_ignoring_case(value, but))
            return value;
    }
    return std::nullopt;
}

bool asks_for_privacy(std::string_view headers) { return uri_header(headers, "Privacy", "none").has_value(); }

// RFC 7044 5: numbers with dots between them.
bool is_index(std::string_view text) {
    while (true) {
        const auto number = text.substr(0, text.find('.'));
        if (number.empty() || number.find_first_not_of("0123456789") != number.npos) return false;
        if (number.size() == text.size()) return true;
        text.remove_prefix(number.size() + 1);
    }
}

// The caller wants the way of his call to be nobody's business (RFC 7044 10.1.2, RFC 3323).
bool is_private_way(const sip::Message& invite) {
    const auto privacy = sip::privacy_of(invite);
    return privacy.history || privacy.header || privacy.session;
}

std::optional<std::string> number_of(const sip::Uri& uri, const HistoryView& view) {
    return policy::calling_number(uri, view.heard_in, view.heard_domain);
}

sip::Uri uri_of(std::string_view text) {
    auto parsed = sip::parse_uri(text);
    return parsed.has_value() ? std::move(*parsed) : sip::Uri{};
}

std::string told(std::string_view number, const HistoryView& view) {
    return public_uri(policy::translated(view.told_in, number), view.host);
}

// Where the call has been, as the next one may know it: a number in its form, or nobody.
void rewrite(NameAddr& entry, bool hide, const HistoryView& view) {
    const std::string headers = kept_headers(entry.uri.headers);
    const auto number = number_of(entry.uri, view);
    const bool tell = number && !hide && view.believes(*number);
    entry.uri = uri_of(tell ? told(*number, view) : somebody);
    entry.uri.headers = headers;
    if (!tell || !is_utf8(entry.display_name)) entry.display_name.clear();
}

struct Entry {
    NameAddr name;
    std::string number;  // E.164, if it is one
    std::string index;
};

std::vector<Entry> heard_entries(const sip::Message& invite, const HistoryView& view) {
    const bool all_private = is_private_way(invite);
    std::vector<Entry> out;
    for (const auto value : invite.each(HeaderName::history_info)) {
        auto parsed = sip::parse_name_addr(value);
        if (!parsed.has_value() || out.size() == most_entries) continue;
        const sip::Parameters heard = std::exchange(parsed->parameters, {});
        Entry entry;
        entry.number = number_of(parsed->uri, view).value_or("");
        entry.index = heard.value("index").value_or("");
        if (!is_index(entry.index)) continue;  // nobody could say what is below it
        const bool hide = !view.trusted && (all_private || asks_for_privacy(parsed->uri.headers));
        rewrite(*parsed, hide, view);
        entry.name = std::move(*parsed);
        for (const auto* known : {"index", "rc", "mp", "np"})
            if (const auto value_of = heard.value(known); value_of && is_index(*value_of))
                entry.name.parameters.set(known, std::string(*value_of));
        out.push_back(std::move(entry));
    }
    return out;
}

Entry* entry_of(std::vector<Entry>& entries, std::string_view number) {
    const auto found =
        std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& e) { return e.number == number; });
    return found == entries.rend() ? nullptr : &*found;
}

// RFC 7044 10.2: why a target was left stands in its own entry.
void mark_left(Entry& entry, std::uint16_t status) {
    if (status == 0 || uri_header(entry.name.uri.headers, "Reason")) return;
    const std::string reason = "Reason=SIP%3Bcause%3D" + std::to_string(status);
    entry.name.uri.headers = reason + (entry.name.uri.headers.empty() ? "" : "&" + entry.name.uri.headers);
}

Entry make_entry(std::string_view number, std::string index, bool hide, const HistoryView& view) {
    Entry entry;
    entry.number = number;
    entry.index = std::move(index);
    entry.name.uri = uri_of(hide ? std::string(somebody) : told(number, view));
    entry.name.parameters.set("index", entry.index);
    return entry;
}

// The next one directly below `above`, which is "" for the first of all.
std::string index_below(std::string_view above, const std::vector<Entry>& entries) {
    if (above.empty()) return "1";
    const std::string prefix = std::string(above) + ".";
    std::size_t last = 0;
    for (const auto& entry : entries) {
        if (!entry.index.starts_with(prefix)) continue;
        std::size_t number = 0;
        std::from_chars(entry.index.data() + prefix.size(), entry.index.data() + entry.index.size(), number);
        last = std::max(last, number);
    }
    return prefix + std::to_string(last + 1);
}

// RFC 7044 10.3: who was called stands below where the call came from, whom he names below him.
void add_forwards(const std::vector<Forward>& forwards, bool hide, const HistoryView& view,
                  std::vector<Entry>& entries) {
    for (const auto& forward : forwards) {
        if (entry_of(entries, forward.from) == nullptr) {
            const std::string last = entries.empty() ? std::string() : entries.back().index;
            entries.push_back(make_entry(forward.from, index_below(last, entries), hide, view));
        }
        Entry& parent = *entry_of(entries, forward.from);
        mark_left(parent, forward.status);
        const std::string above = parent.index;
        Entry entry = make_entry(forward.to, index_below(above, entries), hide, view);
        entry.name.parameters.set("mp", above);
        mark_left(entry, forward.left);
        entries.push_back(std::move(entry));
    }
}

std::vector<std::string> diversions(const sip::Message& invite, const std::vector<Forward>& forwards,
                                    const HistoryView& view) {
    std::vector<std::string> out;
    const bool hide = !view.trusted && is_private_way(invite);
    const auto behind = [&](std::string_view number) {
        const auto found =
            std::find_if(forwards.begin(), forwards.end(), [&](const Forward& f) { return f.to == number; });
        return found == forwards.end() ? nullptr : &*found;
    };
    // The newest is first; what was tried beside the way that the call took is none of it.
    const Forward* forward = view.diversion && !forwards.empty() ? &forwards.back() : nullptr;
    for (; forward != nullptr; forward = behind(forward->from))
        out.push_back("<" + (hide ? std::string(somebody) : told(forward->from, view)) +
                      ">;reason=deflection;counter=1");
    for (const auto value : invite.each(HeaderName::diversion)) {
        auto parsed = sip::parse_name_addr(value);
        if (!parsed.has_value() || out.size() == most_entries) continue;
        const auto privacy = parsed->parameters.value("privacy");
        const auto number = number_of(parsed->uri, view);
        if (!number || !view.believes(*number)) continue;
        const bool hidden = privacy && !sip::equal_ignoring_case(*privacy, "off");
        rewrite(*parsed, hide || (!view.trusted && hidden), view);
        parsed->uri.headers.clear();
        out.push_back(parsed->text());
    }
    return out;
}

}  // namespace

void add_history(const sip::Message& invite, const std::vector<Forward>& forwards, const HistoryView& view,
                 sip::Composer& to) {
    auto entries = heard_entries(invite, view);
    add_forwards(forwards, !view.trusted && is_private_way(invite), view, entries);
    for (const auto& entry : entries) to.add(HeaderName::history_info, entry.name.text());
    for (const auto& diversion : diversions(invite, forwards, view)) to.add(HeaderName::diversion, diversion);
}

}  // namespace sallyport::b2bua

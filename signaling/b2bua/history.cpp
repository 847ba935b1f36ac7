#include "signaling/b2bua/history.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "signaling/b2bua/identity.h"
#include "signaling/policy/numbering.h"
#include "signaling/sip/fields.h"
#include "signaling/sip/privacy.h"
#include "signaling/sip/utf8.h"

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

bool asks_for_privacy(std::string_view headers) {
    constexpr std::string_view privacy = "privacy=";
    while (!headers.empty()) {
        const auto one = headers.substr(0, headers.find('&'));
        headers.remove_prefix(std::min(headers.size(), one.size() + 1));
        if (!sip::equal_ignoring_case(one.substr(0, privacy.size()), privacy)) continue;
        const auto value = one.substr(privacy.size());
        if (!sip::equal_ignoring_case(value, "none")) return true;
    }
    return false;
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
    if (!tell || !sip::is_utf8(entry.display_name)) entry.display_name.clear();
}

struct Entry {
    NameAddr name;
    std::string number;  // E.164, if it is one
    std::string index;
    std::size_t children = 0;
};

std::vector<Entry> heard_entries(const sip::Message& invite, const HistoryView& view) {
    const auto privacy = sip::privacy_of(invite);
    const bool all_private = privacy.history || privacy.header || privacy.session;
    std::vector<Entry> out;
    for (const auto value : invite.values(HeaderName::history_info)) {
        auto parsed = sip::parse_name_addr(value);
        if (!parsed.has_value() || out.size() == most_entries) continue;
        Entry entry;
        entry.number = number_of(parsed->uri, view).value_or("");
        entry.index = parsed->parameters.value("index").value_or("");
        const bool hide = !view.trusted && (all_private || asks_for_privacy(parsed->uri.headers));
        rewrite(*parsed, hide, view);
        entry.name = std::move(*parsed);
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
    if (status == 0 || sip::equal_ignoring_case(entry.name.uri.headers.substr(0, 6), "Reason")) return;
    const std::string reason = "Reason=SIP%3Bcause%3D" + std::to_string(status);
    entry.name.uri.headers = reason + (entry.name.uri.headers.empty() ? "" : "&" + entry.name.uri.headers);
}

Entry make_entry(std::string_view number, std::string index, const HistoryView& view) {
    Entry entry;
    entry.number = number;
    entry.index = std::move(index);
    entry.name.uri = uri_of(told(number, view));
    entry.name.parameters.set("index", entry.index);
    return entry;
}

std::string index_below(const std::vector<Entry>& entries) {
    return entries.empty() || entries.back().index.empty() ? "1" : entries.back().index + ".1";
}

// RFC 7044 10.3: who was called stands below where the call came from, whom he names below him.
void add_forwards(const std::vector<Forward>& forwards, const HistoryView& view, std::vector<Entry>& entries) {
    for (const auto& forward : forwards) {
        if (entry_of(entries, forward.from) == nullptr)
            entries.push_back(make_entry(forward.from, index_below(entries), view));
        Entry& parent = *entry_of(entries, forward.from);
        mark_left(parent, forward.status);
        const std::string above = parent.index;
        Entry entry = make_entry(forward.to, above + "." + std::to_string(++parent.children), view);
        entry.name.parameters.set("mp", above);
        mark_left(entry, forward.left);
        entries.push_back(std::move(entry));
    }
}

std::vector<std::string> diversions(const sip::Message& invite, const std::vector<Forward>& forwards,
                                    const HistoryView& view) {
    std::vector<std::string> out;
    const auto behind = [&](std::string_view number) {
        const auto found =
            std::find_if(forwards.begin(), forwards.end(), [&](const Forward& f) { return f.to == number; });
        return found == forwards.end() ? nullptr : &*found;
    };
    // The newest is first; what was tried beside the way that the call took is none of it.
    const Forward* forward = view.diversion && !forwards.empty() ? &forwards.back() : nullptr;
    for (; forward != nullptr; forward = behind(forward->from))
        out.push_back("<" + told(forward->from, view) + ">;reason=deflection;counter=1");
    for (const auto value : invite.values(HeaderName::diversion)) {
        auto parsed = sip::parse_name_addr(value);
        if (!parsed.has_value() || out.size() == most_entries) continue;
        const auto privacy = parsed->parameters.value("privacy");
        const auto number = number_of(parsed->uri, view);
        if (!number || !view.believes(*number)) continue;
        rewrite(*parsed, !view.trusted && privacy && !sip::equal_ignoring_case(*privacy, "off"), view);
        parsed->uri.headers.clear();
        out.push_back(parsed->text());
    }
    return out;
}

}  // namespace

void add_history(const sip::Message& invite, const std::vector<Forward>& forwards, const HistoryView& view,
                 sip::Composer& to) {
    auto entries = heard_entries(invite, view);
    add_forwards(forwards, view, entries);
    for (const auto& entry : entries) to.add(HeaderName::history_info, entry.name.text());
    for (const auto& diversion : diversions(invite, forwards, view)) to.add(HeaderName::diversion, diversion);
}

}  // namespace sallyport::b2bua

// Parameters of header values and URIs, RFC 3261 7.3.1 and 19.1.1. Order is kept, names are unique.
#include "signaling/sip/parameters.h"

#include <algorithm>

#include "signaling/sip/limits.h"

namespace sallyport::sip {

const Parameter* Parameters::find(std::string_view name) const {
    for (const auto& p : list_)
        if (p.name == name) return &p;
    return nullptr;
}

std::optional<std::string_view> Parameters::value(std::string_view name) const {
    const Parameter* found = find(name);
    if (found == nullptr) return std::nullopt;
    return std::string_view(found->value);
}

void Parameters::set(std::string name, std::string value) {
    for (auto& p : list_) {
        if (p.name != name) continue;
        p = {std::move(name), std::move(value), true};
        return;
    }
    list_.push_back({std::move(name), std::move(value), true});
}

void Parameters::set_flag(std::string name) {
    for (auto& p : list_) {
        if (p.name != name) continue;
        p = {std::move(name), {}, false};
        return;
    }
    list_.push_back({std::move(name), {}, false});
}

void Parameters::erase(std::string_view name) {
    std::erase_if(list_, [&](const Parameter& p) { return p.name == name; });
}

std::string Parameters::text() const {
    std::string out;
    for (const auto& p : list_) {
        out.append(1, ';').append(p.name);
        if (!p.has_value) continue;
        out.push_back('=');
        if (p.quoted || !scan::all(p.value, scan::value))
            append_quoted(out, p.value);
        else
            out.append(p.value);
    }
    return out;
}

void append_quoted(std::string& out, std::string_view text) {
    out.push_back('"');
    for (const char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    out.push_back('"');
}

std::optional<FieldErrc> scan_parameters(scan::Cursor& cursor, Parameters& out) {
    auto& list = out.list();
    for (;;) {
        cursor.skip_lws();
        if (cursor.at_end() || cursor.next_is(',')) return std::nullopt;
        if (!cursor.take(';')) return FieldErrc::malformed;
        cursor.skip_lws();
        const std::string_view name = cursor.take_while(scan::token);
        if (name.empty()) return FieldErrc::bad_parameter;
        if (list.size() == limits::parameters) return FieldErrc::out_of_range;
        if (list.empty()) {
            const std::string_view rest = cursor.rest();
            const auto more = static_cast<std::size_t>(std::count(rest.begin(), rest.end(), ';'));
            list.reserve(std::min(1 + more, limits::parameters));
        }
        std::string lower_name = scan::lowered(name);
        if (out.has(lower_name)) return FieldErrc::bad_parameter;
        Parameter& parameter = list.emplace_back();
        parameter.name = std::move(lower_name);
        cursor.skip_lws();
        if (!cursor.take('=')) continue;
        parameter.has_value = true;
        cursor.skip_lws();
        if (cursor.next_is('"')) {
            auto quoted = cursor.take_quoted();
            if (!quoted) return FieldErrc::bad_quoting;
            parameter.value = std::move(*quoted);
            parameter.quoted = true;
        } else {
            parameter.value = cursor.take_while(scan::value);
        }
    }
}

FieldResult<Parameters> parse_parameters(std::string_view text) {
    scan::Cursor cursor(text);
    Parameters out;
    if (const auto error = scan_parameters(cursor, out)) return *error;
    if (!cursor.at_end()) return FieldErrc::malformed;
    return out;
}

}  // namespace sallyport::sip

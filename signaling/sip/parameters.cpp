// Parameters of header values and URIs, RFC 3261 7.3.1 and 19.1.1. Order is kept, names are unique.
#include "signaling/sip/parameters.h"

#include <algorithm>

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

std::optional<std::string_view> ParametersView::value(std::string_view name) const {
    std::optional<std::string_view> found;
    scan::Cursor cursor(text_);
    each_parameter(cursor, [&](const ParameterView& one) -> std::optional<FieldErrc> {
        if (!equal_ignoring_case(one.name, name)) return std::nullopt;
        found = one.value;
        return FieldErrc::empty;  // no need to read on
    });
    return found;
}

// Sixty long names that differ in their last letter alone would be compared nearly whole, each with each.
bool ParameterNames::Name::is_same(const Name& other) const {
    return hash() == other.hash() && equal_ignoring_case({text, size}, {other.text, size});
}

std::uint64_t ParameterNames::Name::hash() const {
    if (known_hash == 0) {
        known_hash = 14695981039346656037ull;  // FNV-1a
        for (const char c : std::string_view(text, size))
            known_hash = (known_hash ^ static_cast<unsigned char>(scan::lower(c))) * 1099511628211ull;
    }
    return known_hash;
}

std::optional<FieldErrc> view_parameters(scan::Cursor& cursor, ParametersView& out, std::string_view wanted,
                                         std::string_view& found) {
    const std::string_view text = cursor.rest();
    ParameterNames names;
    const auto error = each_parameter(cursor, [&](const ParameterView& one) -> std::optional<FieldErrc> {
        if (one.name.size() == wanted.size() && equal_ignoring_case(one.name, wanted)) {
            // A tag or branch is a token. In quotes it would be another one to each reader.
            if (one.quoted && !one.value.empty() && !is_token(one.value)) return FieldErrc::bad_parameter;
            found = one.value;
        }
        return names.add(one.name);
    });
    out = ParametersView(text.substr(0, text.size() - cursor.rest().size()));
    return error;
}

std::optional<FieldErrc> scan_parameters(scan::Cursor& cursor, Parameters& out) {
    auto& list = out.list();
    ParameterNames names;
    return each_parameter(cursor, [&](const ParameterView& one) {
        const auto error = names.add(one.name);
        if (error) return error;
        if (list.empty()) list.reserve(2);
        list.push_back({scan::lowered(one.name), one.quoted ? scan::unquoted(one.value) : std::string(one.value),
                        one.has_value, one.quoted});
        return error;
    });
}

Parameters own(const ParametersView& parameters) {
    Parameters out;
    scan::Cursor cursor(parameters.text());
    scan_parameters(cursor, out);
    return out;
}

FieldResult<ParametersView> view_parameters(std::string_view text) {
    scan::Cursor cursor(text);
    ParametersView out;
    std::string_view wanted;
    if (const auto error = view_parameters(cursor, out, {}, wanted)) return *error;
    if (!cursor.at_end()) return FieldErrc::malformed;
    return out;
}

FieldResult<Parameters> parse_parameters(std::string_view text) {
    scan::Cursor cursor(text);
    Parameters out;
    if (const auto error = scan_parameters(cursor, out)) return *error;
    if (!cursor.at_end()) return FieldErrc::malformed;
    return out;
}

}  // namespace sallyport::sip

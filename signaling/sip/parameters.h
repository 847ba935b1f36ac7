// The scanner of ";name=value" that Via, name-addr and the rest share. Private to the room.
#pragma once

#include <array>
#include <optional>

#include "signaling/sip/fields.h"
#include "signaling/sip/limits.h"
#include "signaling/sip/scan.h"

namespace sallyport::sip {

struct ParameterView {
    std::string_view name, value;  // as written; the value without its quotes
    bool has_value = false;
    bool quoted = false;
};

// Reads header parameters (RFC 3261 25.1 generic-param) until the end or a comma; LWS around ";" and "=" is legal. Each
// goes to `sink`, which may refuse it. An empty parameter (";;") is an error: two readers could disagree about it.
template <class Sink>
std::optional<FieldErrc> each_parameter(scan::Cursor& cursor, Sink&& sink) {
    for (;;) {
        cursor.skip_lws();
        if (cursor.at_end() || cursor.next_is(',')) return std::nullopt;
        if (!cursor.take(';')) return FieldErrc::malformed;
        cursor.skip_lws();
        ParameterView one;
        one.name = cursor.take_while(scan::token);
        if (one.name.empty()) return FieldErrc::bad_parameter;
        cursor.skip_lws();
        if (cursor.take('=')) {
            one.has_value = true;
            cursor.skip_lws();
            if (cursor.next_is('"')) {
                const auto inside = cursor.take_quoted();
                if (!inside) return FieldErrc::bad_quoting;
                one.value = *inside;
                one.quoted = true;
            } else {
                one.value = cursor.take_while(scan::value);
            }
        }
        if (const std::optional<FieldErrc> error = sink(one)) return error;
    }
}

// Names seen so far: one that stands twice is an error, two readers could disagree about it.
class ParameterNames {
public:
    std::optional<FieldErrc> add(std::string_view name) {  // bad_parameter: stands twice; out_of_range: too many
        if (count_ == names_.size()) return FieldErrc::out_of_range;
        const Name added{name.data(), name.size(), 0};
        for (std::size_t i = 0; i < count_; ++i)
            if (names_[i].size == name.size() && names_[i].is_same(added)) return FieldErrc::bad_parameter;
        names_[count_++] = added;
        return std::nullopt;
    }

private:
    struct Name {
        bool is_same(const Name& other) const;  // of one length with it
        std::uint64_t hash() const;             // of the lower-case letters

        const char* text;
        std::size_t size;
        mutable std::uint64_t known_hash;  // 0 until it was asked for
    };
    std::array<Name, limits::parameters> names_;  // the first `count_` of them
    std::size_t count_ = 0;
};

// Checks them and leaves them where they stand. The value of `wanted`, a token, goes to `found`.
std::optional<FieldErrc> view_parameters(scan::Cursor& cursor, ParametersView& out, std::string_view wanted,
                                         std::string_view& found);
std::optional<FieldErrc> scan_parameters(scan::Cursor& cursor, Parameters& out);
Parameters own(const ParametersView& parameters);
// A string inside double quotes, with escapes.
void append_quoted(std::string& out, std::string_view text);

}  // namespace sallyport::sip

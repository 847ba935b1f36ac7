// How a peer writes numbers: its dial plan and its translation tables, as plain values. What they do to a number is
// signaling/policy/numbering.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sallyport::config {

struct ShortCode {
    std::string dialled, number;  // number: E.164
    friend bool operator==(const ShortCode&, const ShortCode&) = default;
};
struct DialPlan {  // for numbers without "+"; an empty field allows nothing
    std::string country_code;
    std::string area_code;
    std::string national_prefix, international_prefix;
    std::string outside_line;
    std::uint32_t national_digits = 0;  // as many without a prefix are a national number; 0: never
    std::vector<ShortCode> short_codes;
    std::vector<std::string> emergency_numbers;  // before everything else, sent on as dialled
    friend bool operator==(const DialPlan&, const DialPlan&) = default;
};
struct NumberRule {
    std::string match;        // beginning of a number; "": all
    std::uint32_t strip = 0;  // characters, at most those of match
    std::string prepend;
    friend bool operator==(const NumberRule&, const NumberRule&) = default;
};
using NumberRules = std::vector<NumberRule>;
struct Numbering {
    DialPlan dial_plan;
    NumberRules called_in, called_out, calling_in, calling_out;  // as the peer sends it, as it is sent
    bool own_domain_only = false;                                // trunks: a called number's domain must be ours
    friend bool operator==(const Numbering&, const Numbering&) = default;
};

}  // namespace sallyport::config

// What a call holds of the limits that bind it, from its admission to its end, as a value that is written down with it:
// what was taken is what is given back, whatever is provisioned meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

// Gauges by name: of a customer, a trunk, a range of a trunk's numbers as a whole, one of its numbers.
inline std::string customer_gauge(std::string_view id) { return "customers/" + std::string(id); }
inline std::string trunk_gauge(std::string_view id) { return "trunks/" + std::string(id); }
inline std::string number_gauge(std::string_view trunk, std::string_view numbers) {
    return "numbers/" + std::string(trunk) + '/' + std::string(numbers);
}
inline bool is_trunk_gauge(std::string_view name) { return name.starts_with("trunks/"); }
inline bool is_number_gauge(std::string_view name) { return name.starts_with("numbers/"); }

struct Holding {
    static constexpr std::size_t most_gauges =
        8;                                 // customer, trunk, range, number; of both trunks of a call on the net
    std::vector<std::string> gauges = {};  // one call is counted in each
    std::uint32_t kbps = 0;                // of media, in each
    double price_per_minute = 0;           // of the payers' budgets
    std::vector<std::string> payers = {};  // those of the gauges that are of trunks which pay: one, or none where it
                                           // costs nothing; two while it is open whether a payer's place is taken
    friend bool operator==(const Holding&, const Holding&) = default;
};

}  // namespace sallyport::policy

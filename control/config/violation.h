// One broken rule of a requested change: which item, which field, and a sentence with an example of right.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sallyport::config {

struct Violation {
    std::size_t item = 0;  // index in the change's list
    std::string field;     // "numbers[0].first", relative to the resource, named as the API names it; "": all of it
    std::string text;
    friend bool operator==(const Violation&, const Violation&) = default;
};
using Violations = std::vector<Violation>;

}  // namespace sallyport::config

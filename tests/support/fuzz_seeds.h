// Seeds that a fuzz target brings along, for where no test data is. Optional: define it beside LLVMFuzzerTestOneInput.
#pragma once

#include <string>
#include <vector>

namespace sallyport::test {

[[gnu::weak]] std::vector<std::string> fuzz_seeds();

}  // namespace sallyport::test

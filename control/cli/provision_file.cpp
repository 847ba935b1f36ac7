#include "control/cli/provision_file.h"

#include <algorithm>
#include <fstream>
#include <istream>
#include <ostream>
#include <sstream>
#include <utility>

#include "control/cli/commands.h"

namespace sallyport::cli {

std::string read_input(const std::string& file, std::istream& in) {
    std::ostringstream text;
    if (file == "-") {
        text << in.rdbuf();
        return text.str();
    }
    std::ifstream stream(file, std::ios::binary);
    text << stream.rdbuf();
    if (!stream) throw Failure{"cannot read " + file};
    return text.str();
}

namespace {

std::string counted(std::size_t n, const std::string& one, const std::string& many) {
    return std::to_string(n) + ' ' + (n == 1 ? one : many);
}

// The server's violations at the lines of the file that caused them, in the order of the file.
void print_violations(std::ostream& err, const Provision& provision, const std::string& label, const Failure& failure) {
    std::vector<yaml::Problem> problems;
    for (const auto& [field, text] : failure.violations) {
        const auto located = locate(provision, field);
        if (located)
            problems.push_back({located->place, located->field, text});
        else
            err << label << ": " << (field.empty() ? "" : field + ": ") << text << '\n';
    }
    std::stable_sort(problems.begin(), problems.end(), [](const auto& a, const auto& b) {
        return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
    });
    for (const auto& problem : problems) err << yaml::to_string(problem, label) << '\n';
}

}  // namespace

int tell_problems(std::ostream& err, const yaml::Problems& problems, const std::string& label, std::string_view done) {
    for (const auto& problem : problems) err << yaml::to_string(problem, label) << '\n';
    err << counted(problems.size(), "problem", "problems") << "; nothing was " << done << '\n';
    return Exit::refused;
}

int tell_violations(std::ostream& err, const Provision& provision, const std::string& label, const Failure& failure,
                    std::string_view done) {
    print_violations(err, provision, label, failure);
    err << counted(failure.violations.size(), "problem", "problems") << "; nothing was " << done << '\n';
    return Exit::refused;
}

}  // namespace sallyport::cli

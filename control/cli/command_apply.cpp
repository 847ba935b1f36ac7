#include <algorithm>
#include <fstream>
#include <istream>
#include <ostream>
#include <sstream>
#include <utility>

#include "control/base/system_random.h"
#include "control/cli/commands.h"
#include "control/cli/provision_yaml.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

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

void print_difference(std::ostream& out, const pv1::Difference& difference) {
    out << difference.action() << std::string(11 - std::min<std::size_t>(10, difference.action().size()), ' ')
        << printable(difference.name()) << '\n';
    if (difference.action() == "create") return;  // every field is new: the file says it better
    for (const auto& change : difference.changes()) {
        out << "             " << change.field() << ": ";
        if (change.before().empty())
            out << "+ " << printable(change.after());
        else if (change.after().empty())
            out << "- " << printable(change.before());
        else
            out << printable(change.before()) << " -> " << printable(change.after());
        out << '\n';
    }
}

}  // namespace

int apply(Session& session, const ApplyArguments& arguments) {
    const auto label = arguments.file == "-" ? std::string("<stdin>") : arguments.file;
    auto provision = parse_provision(read_input(arguments.file, session.in));
    if (!provision) {
        for (const auto& problem : provision.error()) session.err << yaml::to_string(problem, label) << '\n';
        session.err << counted(provision.error().size(), "problem", "problems") << "; nothing was applied\n";
        return Exit::refused;
    }
    SystemRandom random;
    auto& request = provision->request;
    request.set_validate_only(arguments.dry_run);
    request.set_prune(arguments.prune);
    if (!arguments.dry_run) request.set_request_id(random.token(16));
    pv1::ApplyResponse response;
    try {
        session.client.call(session.client.provisioning(), &pv1::Provisioning::Stub::Apply, request, response);
    } catch (const Failure& failure) {
        if (failure.violations.empty()) throw;
        print_violations(session.err, *provision, label, failure);
        session.err << counted(failure.violations.size(), "problem", "problems") << "; nothing was applied\n";
        return Exit::refused;
    }
    if (session.json) {
        print_json(session.out, response);
        return Exit::done;
    }
    for (const auto& difference : response.differences()) print_difference(session.out, difference);
    for (const auto& secret : response.secrets())
        session.out << "generated  " << printable(secret.trunk()) << ": username " << printable(secret.username())
                    << ", realm " << printable(secret.digest_realm()) << ", password " << secret.password()
                    << " (shown this once)\n";
    session.out << (arguments.dry_run ? "dry run: nothing was applied\n"
                                      : "revision " + std::to_string(response.revision()) + " is stored\n");
    return Exit::done;
}

}  // namespace sallyport::cli

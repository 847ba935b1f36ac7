#include <algorithm>
#include <ostream>
#include <utility>

#include "control/base/system_random.h"
#include "control/cli/commands.h"
#include "control/cli/provision_file.h"
#include "control/cli/table.h"

namespace sallyport::cli {

namespace {

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
    if (!provision) return tell_problems(session.err, provision.error(), label, "applied");
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
        return tell_violations(session.err, *provision, label, failure, "applied");
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

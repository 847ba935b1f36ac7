// What the node would do with an INVITE, and why: asked of the signaling daemon, which runs what calls run.
#include <algorithm>
#include <iomanip>
#include <optional>
#include <ostream>
#include <sstream>

#include "control/cli/commands.h"
#include "control/cli/provision_file.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

void print_rules(std::ostream& out, const ov1::ExplainResponse& explained) {
    std::size_t width = 0;
    for (const auto& line : explained.rules()) width = std::max(width, line.rule().size());
    for (const auto& line : explained.rules())
        out << "  " << line.rule() << std::string(width - line.rule().size() + 2, ' ') << printable(line.text())
            << '\n';
}

std::string verdict_text(const ov1::ExplainResponse& explained) {
    if (explained.status() == 0) return "it goes on";
    std::string text = "refused with " + std::to_string(explained.status());
    if (explained.q850() > 0) text += ", Q.850 cause " + std::to_string(explained.q850());
    if (!explained.refusal().empty()) text += ", " + explained.refusal();
    return text + (explained.reason().empty() ? "" : ": " + printable(explained.reason()));
}

void print_use(std::ostream& out, const ov1::ExplainResponse& explained) {
    if (explained.limits_size() == 0) return;
    Table table({"LIMITS OF", "CALLS", "CALLS PER SECOND", "MEDIA"});
    for (const auto& use : explained.limits()) {
        std::ostringstream rate;
        if (use.calls_per_second() > 0) rate << use.calls_per_second();
        if (use.burst() > 0) rate << ", " << use.burst() << " at once";
        table.add({use.scope(), used_text(use.calls(), use.concurrent_calls()), rate.str(),
                   use.bandwidth_kbps() == 0 ? "" : used_text(use.media_kbps(), use.bandwidth_kbps(), " kbit/s")});
    }
    out << '\n';
    table.print(out);
    if (explained.media_kbps() > 0) out << "this call: " << explained.media_kbps() << " kbit/s\n";
}

void print_headers(std::ostream& out, const ov1::ExplainResponse& explained) {
    if (explained.headers_size() == 0) return;
    out << "\nheader fields, as they came (-) and as they would be sent (+):\n";
    for (const auto& header : explained.headers()) {
        for (const auto& value : header.before()) out << "  - " << printable(header.name() + ": " + value) << '\n';
        for (const auto& value : header.after()) out << "  + " << printable(header.name() + ": " + value) << '\n';
    }
}

void print_text(std::ostream& out, const ov1::ExplainResponse& explained) {
    out << "configuration revision " << explained.revision() << "\n\n";
    print_rules(out, explained);
    out << '\n' << verdict_text(explained) << '\n';
    const auto fact = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) out << std::left << std::setw(12) << name << printable(value) << '\n';
    };
    out << '\n';
    fact("direction", explained.direction());
    fact("trunk", explained.trunk());
    fact("customer", explained.customer());
    fact("called", explained.called() + (explained.emergency() ? ", an emergency" : ""));
    fact("route", explained.route());
    std::string carriers;
    for (const auto& carrier : explained.carriers()) carriers += (carriers.empty() ? "" : ", ") + carrier;
    fact("carriers", carriers);
    fact("sent to", explained.target());
    fact("as", explained.request_uri());
    print_use(out, explained);
    print_headers(out, explained);
}

}  // namespace

int explain(Session& session, const ExplainArguments& arguments) {
    ov1::ExplainRequest request;
    request.set_message(read_input(arguments.file, session.in));
    request.set_trunk(arguments.trunk);
    request.set_carrier(arguments.carrier);
    request.set_at(arguments.at);
    if (arguments.candidate == "-" && arguments.file == "-")
        throw Failure{"standard input can be the message or the candidate, not both"};
    std::optional<Provision> candidate;
    if (!arguments.candidate.empty()) {
        auto parsed = parse_provision(read_input(arguments.candidate, session.in));
        if (!parsed) return tell_problems(session.err, parsed.error(), arguments.candidate, "explained");
        candidate = std::move(*parsed);
        *request.mutable_candidate() = candidate->request;
    }
    ov1::ExplainResponse explained;
    try {
        session.client.call(session.client.operations(), &ov1::Operations::Stub::Explain, request, explained);
    } catch (const Failure& failure) {
        if (failure.violations.empty() || !candidate) throw;
        return tell_violations(session.err, *candidate, arguments.candidate, failure, "explained");
    }
    if (session.json)
        print_json(session.out, explained);
    else
        print_text(session.out, explained);
    return Exit::done;
}

}  // namespace sallyport::cli

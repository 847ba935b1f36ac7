// How trunks are: their state, since when and why; and the sheet for whoever configures the PBX.
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/table.h"
#include "control/cli/trunk_sheet.h"

namespace sallyport::cli {
namespace {

constexpr int page = 1'000;
constexpr std::string_view collection = "trunks/";

ov1::ListTrunkStatesResponse states(Session& session, const std::string& trunk) {
    ov1::ListTrunkStatesResponse all;
    ov1::ListTrunkStatesRequest request;
    request.set_page_size(page);
    request.set_trunk(trunk);
    do {
        ov1::ListTrunkStatesResponse response;
        session.client.call(session.client.operations(), &ov1::Operations::Stub::ListTrunkStates, request, response);
        for (auto& state : *response.mutable_trunks()) *all.add_trunks() = std::move(state);
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return all;
}

std::string shown(const ov1::TrunkState& state) {
    const bool bad = state.state() == "down" || state.state() == "degraded";
    std::string text = state.state();
    if (bad)
        for (char& c : text) c = static_cast<char>(c & ~0x20);
    return text;
}

// What else of its limits is in use, a line each.
std::string limits_text(const ov1::TrunkState& state) {
    std::string text;
    if (state.bandwidth_kbps() > 0)
        text += "\nmedia    " + used_text(state.media_kbps(), state.bandwidth_kbps(), " kbit/s");
    if (!state.customer().empty()) text += "\ncustomer " + printable(state.customer());
    for (const auto& use : state.numbers())
        text += "\nnumber   " + printable(use.numbers()) + ": " + used_text(use.calls(), use.concurrent_calls());
    return text;
}

pv1::Trunk provisioned(Session& session, const std::string& name) {
    pv1::GetRequest request;
    request.set_name(name.starts_with(collection) ? name : std::string(collection) + name);
    pv1::Trunk trunk;
    session.client.call(session.client.provisioning(), &pv1::Provisioning::Stub::GetTrunk, request, trunk);
    return trunk;
}

std::string id_of(const pv1::Trunk& trunk) { return trunk.name().substr(collection.size()); }

}  // namespace

int list_trunk_states(Session& session) {
    const auto all = states(session, {});
    if (session.json) {
        print_json(session.out, all);
        return Exit::done;
    }
    Table table({"TRUNK", "STATE", "SINCE", "CONTACTS", "CALLS", "WHY"});
    for (const auto& state : all.trunks())
        table.add({state.trunk(), shown(state), duration_text(state.since_seconds()), std::to_string(state.contacts()),
                   std::to_string(state.calls()), state.why()});
    table.print(session.out);
    return Exit::done;
}

int show_trunk(Session& session, const std::string& name) {
    const auto id = id_of(provisioned(session, name));  // a name that nobody has is refused here
    const auto found = states(session, id);
    if (session.json) {
        print_json(session.out, found);
        return Exit::done;
    }
    for (const auto& state : found.trunks())
        session.out << "trunk    " << printable(state.trunk()) << "\nstate    " << shown(state) << "\nsince    "
                    << clock_text(state.since()) << " UTC, " << duration_text(state.since_seconds())
                    << " ago\nwhy      " << printable(state.why()) << "\ncalls    "
                    << used_text(state.calls(), state.concurrent_calls()) << limits_text(state) << "\n\n";
    if (found.trunks_size() == 0) session.out << "signaling does not know the trunk yet\n";
    return list_registrations(session, id, false);
}

int trunk_sheet(Session& session, const std::string& name, const std::string& pbx) {
    const auto trunk = provisioned(session, name);
    ov1::Status status;
    session.client.call(session.client.operations(), &ov1::Operations::Stub::GetStatus, ov1::GetStatusRequest(),
                        status);
    if (!status.has_signaling())
        throw Failure{"sallyport-signaling is away: where it listens is not known; try again when it is back"};
    session.out << sheet_text(trunk, status.signaling());
    if (!pbx.empty()) session.out << '\n' << pbx_template(pbx, trunk, status.signaling());
    return Exit::done;
}

}  // namespace sallyport::cli

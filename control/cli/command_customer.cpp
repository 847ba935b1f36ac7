// What the trunks of customers use of the limits that they share.
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

constexpr int page = 1'000;
constexpr std::string_view collection = "customers/";

ov1::ListCustomerStatesResponse states(Session& session, const std::string& customer) {
    ov1::ListCustomerStatesResponse all;
    ov1::ListCustomerStatesRequest request;
    request.set_page_size(page);
    request.set_customer(customer);
    do {
        ov1::ListCustomerStatesResponse response;
        session.client.call(session.client.operations(), &ov1::Operations::Stub::ListCustomerStates, request, response);
        for (auto& state : *response.mutable_customers()) *all.add_customers() = std::move(state);
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return all;
}

}  // namespace

std::string used_text(std::uint64_t used, std::uint64_t limit, std::string_view unit) {
    return std::to_string(used) + (limit == 0 ? "" : " of " + std::to_string(limit)) + std::string(unit);
}

int list_customer_states(Session& session) {
    const auto all = states(session, {});
    if (session.json) {
        print_json(session.out, all);
        return Exit::done;
    }
    Table table({"CUSTOMER", "STATE", "TRUNKS", "CALLS", "MEDIA"});
    for (const auto& state : all.customers())
        table.add({state.customer(), state.disabled() ? "disabled" : "enabled", std::to_string(state.trunks()),
                   used_text(state.calls(), state.concurrent_calls()),
                   used_text(state.media_kbps(), state.bandwidth_kbps(), " kbit/s")});
    table.print(session.out);
    return Exit::done;
}

int show_customer(Session& session, const std::string& name) {
    const auto id = name.starts_with(collection) ? name.substr(collection.size()) : name;
    pv1::GetRequest request;
    request.set_name(std::string(collection) + id);
    pv1::Customer customer;  // a name that nobody has is refused here
    session.client.call(session.client.provisioning(), &pv1::Provisioning::Stub::GetCustomer, request, customer);
    const auto found = states(session, id);
    if (session.json) {
        print_json(session.out, found);
        return Exit::done;
    }
    for (const auto& state : found.customers())
        session.out << "customer " << printable(state.customer()) << "\nname     " << printable(state.display_name())
                    << "\nstate    " << (state.disabled() ? "disabled" : "enabled") << "\ntrunks   " << state.trunks()
                    << "\ncalls    " << used_text(state.calls(), state.concurrent_calls()) << "\nmedia    "
                    << used_text(state.media_kbps(), state.bandwidth_kbps(), " kbit/s") << '\n';
    if (found.customers_size() == 0) session.out << "signaling does not know the customer yet\n";
    return Exit::done;
}

}  // namespace sallyport::cli

#include <google/protobuf/util/json_util.h>

#include <ostream>
#include <sstream>

#include "control/cli/commands.h"
#include "control/cli/enum_words.h"
#include "control/cli/provision_yaml.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

using Stub = pv1::Provisioning::Stub;
constexpr int page = 1'000;

struct Trunks {
    using Message = pv1::Trunk;
    using ListResponse = pv1::ListTrunksResponse;
    static constexpr std::string_view collection = "trunks/";
    static constexpr auto get = &Stub::GetTrunk;
    static constexpr auto list = &Stub::ListTrunks;
    static constexpr auto remove = &Stub::DeleteTrunk;
    static auto& items(ListResponse& response) { return *response.mutable_trunks(); }
};
struct Carriers {
    using Message = pv1::Carrier;
    using ListResponse = pv1::ListCarriersResponse;
    static constexpr std::string_view collection = "carriers/";
    static constexpr auto get = &Stub::GetCarrier;
    static constexpr auto list = &Stub::ListCarriers;
    static constexpr auto remove = &Stub::DeleteCarrier;
    static auto& items(ListResponse& response) { return *response.mutable_carriers(); }
};
struct Routes {
    using Message = pv1::Route;
    using ListResponse = pv1::ListRoutesResponse;
    static constexpr std::string_view collection = "routes/";
    static constexpr auto get = &Stub::GetRoute;
    static constexpr auto list = &Stub::ListRoutes;
    static constexpr auto remove = &Stub::DeleteRoute;
    static auto& items(ListResponse& response) { return *response.mutable_routes(); }
};
struct Customers {
    using Message = pv1::Customer;
    using ListResponse = pv1::ListCustomersResponse;
    static constexpr std::string_view collection = "customers/";
    static constexpr auto get = &Stub::GetCustomer;
    static constexpr auto list = &Stub::ListCustomers;
    static constexpr auto remove = &Stub::DeleteCustomer;
    static auto& items(ListResponse& response) { return *response.mutable_customers(); }
};

// Calls with the traits of the kind: f.operator()<Trunks>().
template <class F>
int of_kind(const std::string& kind, F&& f) {
    if (kind == "trunk") return f.template operator()<Trunks>();
    if (kind == "carrier") return f.template operator()<Carriers>();
    if (kind == "customer") return f.template operator()<Customers>();
    return f.template operator()<Routes>();
}

template <class Kind>
std::string qualified(const std::string& name) {
    return name.starts_with(Kind::collection) ? name : std::string(Kind::collection) + name;
}

std::string id_of(const std::string& name) { return name.substr(name.find('/') + 1); }
std::string state_of(bool disabled) { return disabled ? "disabled" : "enabled"; }

template <class Items, class F>
std::string first_and_count(const Items& items, F&& text) {
    if (items.empty()) return {};
    auto out = text(items.Get(0));
    if (items.size() > 1) out += " +" + std::to_string(items.size() - 1);
    return out;
}

std::string target_text(const pv1::Target& t) {
    return t.host() + (t.port() != 0 ? ':' + std::to_string(t.port()) : "");
}
std::string range_text(const pv1::NumberRange& r) {
    return r.first() == r.last() || r.last().empty() ? r.first() : r.first() + ".." + r.last();
}

void print(std::ostream& out, const pv1::ListTrunksResponse& response) {
    Table table({"NAME", "MODE", "REALM", "REACHED AT", "NUMBERS", "CALLS", "STATE"});
    for (const auto& t : response.trunks())
        table.add({id_of(t.name()), enum_word(*pv1::TrunkMode_descriptor()->FindValueByNumber(t.mode())), t.realm(),
                   t.registration_aor().empty() ? first_and_count(t.targets(), target_text) : t.registration_aor(),
                   first_and_count(t.numbers(), range_text),
                   t.limits().concurrent_calls() == 0 ? "unlimited" : std::to_string(t.limits().concurrent_calls()),
                   state_of(t.disabled())});
    table.print(out);
}

void print(std::ostream& out, const pv1::ListCarriersResponse& response) {
    Table table({"NAME", "REALM", "TARGETS", "PROBE", "STATE"});
    for (const auto& c : response.carriers())
        table.add({id_of(c.name()), c.realm(), first_and_count(c.targets(), target_text),
                   std::to_string(c.options_interval_seconds()) + "s", state_of(c.disabled())});
    table.print(out);
}

// "+49", "+4930 and 3 more", "(all)".
std::string prefixes_of(const pv1::Route& route) {
    std::vector<std::string> all(route.prefixes().begin(), route.prefixes().end());
    all.insert(all.end(), route.service_numbers().begin(), route.service_numbers().end());
    if (!route.prefix().empty()) all.insert(all.begin(), route.prefix());
    if (all.empty()) return "(all)";
    return all.size() == 1 ? all.front() : all.front() + " and " + std::to_string(all.size() - 1) + " more";
}

void print(std::ostream& out, const pv1::ListRoutesResponse& response) {
    Table table({"NAME", "PREFIX", "CARRIERS", "STATE"});
    for (const auto& r : response.routes()) {
        std::string carriers;
        for (const auto& carrier : r.carriers()) carriers += (carriers.empty() ? "" : ", ") + id_of(carrier);
        for (const auto& choice : r.choices())
            carriers += (carriers.empty() ? "" : ", ") + id_of(choice.carrier()) + " " +
                        std::to_string(choice.priority()) + "/" + std::to_string(choice.weight());
        table.add({id_of(r.name()), prefixes_of(r), carriers, state_of(r.disabled())});
    }
    table.print(out);
}

std::string limit_text(double limit, std::string_view unit = {}) {
    if (limit <= 0) return "unlimited";
    std::ostringstream text;
    text << limit << unit;
    return text.str();
}

void print(std::ostream& out, const pv1::ListCustomersResponse& response) {
    Table table({"NAME", "DISPLAY NAME", "CALLS", "CALLS PER SECOND", "BANDWIDTH", "STATE"});
    for (const auto& c : response.customers())
        table.add({id_of(c.name()), c.display_name(), limit_text(c.limits().concurrent_calls()),
                   limit_text(c.limits().calls_per_second()), limit_text(c.limits().bandwidth_kbps(), " kbit/s"),
                   state_of(c.disabled())});
    table.print(out);
}

}  // namespace

void print_json(std::ostream& out, const google::protobuf::Message& message) {
    google::protobuf::util::JsonPrintOptions options;
    options.add_whitespace = true;
    options.always_print_primitive_fields = true;
    options.preserve_proto_field_names = true;
    std::string text;
    const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
    if (!status.ok()) throw Failure{"the answer cannot be shown as JSON: " + std::string(status.message())};
    out << text << (text.ends_with('\n') ? "" : "\n");
}

int get(Session& session, const std::string& kind, const std::string& name) {
    return of_kind(kind, [&]<class Kind>() -> int {
        pv1::GetRequest request;
        request.set_name(qualified<Kind>(name));
        typename Kind::Message message;
        session.client.call(session.client.provisioning(), Kind::get, request, message);
        if (session.json)
            print_json(session.out, message);
        else
            session.out << to_yaml(message);
        return Exit::done;
    });
}

int list(Session& session, const std::string& kind) {
    return of_kind(kind, [&]<class Kind>() -> int {
        typename Kind::ListResponse all;
        pv1::ListRequest request;
        request.set_page_size(page);
        do {
            typename Kind::ListResponse response;
            session.client.call(session.client.provisioning(), Kind::list, request, response);
            for (auto& item : Kind::items(response)) *Kind::items(all).Add() = std::move(item);
            all.set_total_size(response.total_size());
            request.set_page_token(response.next_page_token());
        } while (!request.page_token().empty());
        if (session.json)
            print_json(session.out, all);
        else
            print(session.out, all);
        return Exit::done;
    });
}

int remove(Session& session, const std::string& kind, const std::string& name, const std::string& etag, bool dry_run) {
    return of_kind(kind, [&]<class Kind>() -> int {
        pv1::DeleteRequest request;
        request.set_name(qualified<Kind>(name));
        request.set_etag(etag);
        request.set_validate_only(dry_run);
        pv1::DeleteResponse response;
        session.client.call(session.client.provisioning(), Kind::remove, request, response);
        if (session.json)
            print_json(session.out, response);
        else if (dry_run)
            session.out << request.name() << " would be deleted\n";
        else
            session.out << request.name() << " is deleted, revision " << response.revision() << " is stored\n";
        return Exit::done;
    });
}

}  // namespace sallyport::cli

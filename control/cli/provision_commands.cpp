#include "control/cli/provision_commands.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "control/cli/document.h"
#include "control/cli/output.h"
#include "control/cli/table.h"
#include "sallyport/provisioning/v1/provisioning.grpc.pb.h"

namespace sallyport::cli {
namespace {

namespace pb = sallyport::provisioning::v1;

std::string read_input(const std::string& file) {
    if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream in(file, std::ios::binary);
    if (!in) throw Failure(refused, file + ": cannot be read");
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string lines(const std::vector<std::string>& sentences) {
    std::string text;
    for (const auto& sentence : sentences) text += (text.empty() ? "" : "\n") + sentence;
    return text;
}

// The server's objections, each where the file says it.
Failure refusal(const Document& document, const grpc::Status& status, const Connection& connection,
                const std::string& file) {
    const auto problems = field_problems(status);
    if (problems.empty()) return connection.failure(status);
    std::vector<std::string> sentences;
    for (const auto& problem : problems) sentences.push_back(located(document, problem, file));
    return {refused, lines(sentences) + "\nnothing was changed"};
}

void print_differences(const pb::ApplyResponse& response, bool dry_run) {
    std::size_t changed = 0;
    for (const auto& difference : response.differences()) {
        if (difference.action() == "unchanged") continue;
        ++changed;
        const char mark = difference.action() == "create" ? '+' : difference.action() == "delete" ? '-' : '~';
        std::cout << mark << ' ' << difference.name() << '\n';
        if (difference.action() != "update") continue;
        for (const auto& change : difference.changes())
            std::cout << "    " << change.field() << ": " << (change.before().empty() ? "(none)" : change.before())
                      << " -> " << (change.after().empty() ? "(none)" : change.after()) << '\n';
    }
    const auto same = static_cast<std::size_t>(response.differences_size()) - changed;
    std::cout << changed << (changed == 1 ? " change" : " changes") << ", " << same << " unchanged; ";
    if (dry_run)
        std::cout << "dry run, nothing was applied\n";
    else
        std::cout << "revision " << response.revision() << '\n';
}

const char* collection_of(ResourceKind kind) {
    switch (kind) {
        case ResourceKind::trunk: return "trunks/";
        case ResourceKind::carrier: return "carriers/";
        case ResourceKind::route: return "routes/";
    }
    return "";
}

std::string full_name(ResourceKind kind, const std::string& name) {
    return name.find('/') == name.npos ? collection_of(kind) + name : name;
}
std::string short_name(const std::string& name) { return name.substr(name.find('/') + 1); }

// All pages of a list, as one response.
template <class Response, class Rpc>
Response every_page(const Connection& connection, Rpc&& rpc) {
    Response all;
    pb::ListRequest request;
    request.set_page_size(1000);
    do {
        Response page;
        connection.run([&](grpc::ClientContext& context) { return rpc(&context, request, &page); });
        request.set_page_token(page.next_page_token());
        all.MergeFrom(page);
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    return all;
}

std::string numbers_text(const pb::Trunk& trunk) {
    if (trunk.numbers().empty()) return "-";
    const auto& first = trunk.numbers(0);
    std::string text = first.first();
    if (!first.last().empty() && first.last() != first.first()) text += ".." + first.last();
    if (trunk.numbers_size() > 1) text += " and " + std::to_string(trunk.numbers_size() - 1) + " more";
    return text;
}

std::string targets_text(const pb::Carrier& carrier) {
    std::string text;
    for (const auto& target : carrier.targets())
        text += (text.empty() ? "" : ", ") + target.host() + (target.port() ? ':' + std::to_string(target.port()) : "");
    return text.empty() ? "-" : text;
}

void print(const pb::ListTrunksResponse& response) {
    Table table({"TRUNK", "MODE", "REALM", "NUMBERS", "CALLS MAX", "STATE"});
    for (const auto& t : response.trunks()) {
        std::string state = t.disabled() ? "disabled" : "enabled";
        if (t.single_aor_compatibility()) state += ", compatibility (single AOR)";
        table.add({short_name(t.name()), t.mode() == pb::TRUNK_MODE_STATIC ? "static" : "registration", t.realm(),
                   numbers_text(t),
                   t.limits().concurrent_calls() ? std::to_string(t.limits().concurrent_calls()) : "unlimited", state});
    }
    table.print(std::cout);
}

void print(const pb::ListCarriersResponse& response) {
    Table table({"CARRIER", "REALM", "TARGETS", "STATE"});
    for (const auto& c : response.carriers())
        table.add({short_name(c.name()), c.realm(), targets_text(c), c.disabled() ? "disabled" : "enabled"});
    table.print(std::cout);
}

void print(const pb::ListRoutesResponse& response) {
    Table table({"ROUTE", "PREFIX", "CARRIERS", "STATE"});
    for (const auto& r : response.routes()) {
        std::string carriers;
        for (const auto& name : r.carriers()) carriers += (carriers.empty() ? "" : ", ") + short_name(name);
        table.add({short_name(r.name()), r.prefix().empty() ? "(all)" : r.prefix(), carriers,
                   r.disabled() ? "disabled" : "enabled"});
    }
    table.print(std::cout);
}

template <class Response>
void show(const Response& response, bool json) {
    if (json)
        std::cout << to_json(response);
    else
        print(response);
}

}  // namespace

void apply(const Connection& connection, const ApplyOptions& options, bool json) {
    const std::string file = options.file == "-" ? "standard input" : options.file;
    Document document = read_document(read_input(options.file));
    if (!document.problems.empty()) {
        std::vector<std::string> sentences;
        for (const auto& problem : document.problems) sentences.push_back(yaml::to_string(problem, file));
        throw Failure(refused, lines(sentences) + "\nnothing was changed");
    }
    document.request.set_validate_only(options.dry_run);
    document.request.set_prune(options.prune);
    pb::ApplyResponse response;
    grpc::ClientContext context;
    connection.prepare(context);
    const auto status = connection.stub<pb::Provisioning>()->Apply(&context, document.request, &response);
    if (!status.ok()) throw refusal(document, status, connection, file);
    if (json)
        std::cout << to_json(response);
    else
        print_differences(response, options.dry_run);
}

ResourceKind kind_named(const std::string& word) {
    if (word == "trunk" || word == "trunks") return ResourceKind::trunk;
    if (word == "carrier" || word == "carriers") return ResourceKind::carrier;
    if (word == "route" || word == "routes") return ResourceKind::route;
    throw Failure(wrong_usage, "'" + word + "' is no kind of resource; there are trunk, carrier and route");
}

void get(const Connection& connection, ResourceKind kind, const std::string& name, bool json) {
    const auto stub = connection.stub<pb::Provisioning>();
    pb::GetRequest request;
    request.set_name(full_name(kind, name));
    const auto fetch = [&](auto method, auto message) {
        connection.run([&](grpc::ClientContext& context) { return (*stub.*method)(&context, request, &message); });
        std::cout << (json ? to_json(message) : to_yaml(message));
    };
    using Stub = pb::Provisioning::Stub;
    switch (kind) {
        case ResourceKind::trunk: return fetch(&Stub::GetTrunk, pb::Trunk());
        case ResourceKind::carrier: return fetch(&Stub::GetCarrier, pb::Carrier());
        case ResourceKind::route: return fetch(&Stub::GetRoute, pb::Route());
    }
}

void list(const Connection& connection, ResourceKind kind, bool json) {
    const auto stub = connection.stub<pb::Provisioning>();
    switch (kind) {
        case ResourceKind::trunk:
            return show(
                every_page<pb::ListTrunksResponse>(connection, [&](auto... a) { return stub->ListTrunks(a...); }),
                json);
        case ResourceKind::carrier:
            return show(
                every_page<pb::ListCarriersResponse>(connection, [&](auto... a) { return stub->ListCarriers(a...); }),
                json);
        case ResourceKind::route:
            return show(
                every_page<pb::ListRoutesResponse>(connection, [&](auto... a) { return stub->ListRoutes(a...); }),
                json);
    }
}

void remove(const Connection& connection, ResourceKind kind, const std::string& name, bool json) {
    const auto stub = connection.stub<pb::Provisioning>();
    pb::DeleteRequest request;
    request.set_name(full_name(kind, name));
    pb::DeleteResponse response;
    connection.run([&](grpc::ClientContext& context) {
        switch (kind) {
            case ResourceKind::trunk: return stub->DeleteTrunk(&context, request, &response);
            case ResourceKind::carrier: return stub->DeleteCarrier(&context, request, &response);
            case ResourceKind::route: return stub->DeleteRoute(&context, request, &response);
        }
        return grpc::Status::OK;
    });
    if (json)
        std::cout << to_json(response);
    else
        std::cout << request.name() << " deleted; revision " << response.revision() << '\n';
}

}  // namespace sallyport::cli

// What an operator does about authentication: new passwords, and lock-outs.
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

constexpr int page = 1'000;

}  // namespace

int list_lockouts(Session& session) {
    ov1::ListLockoutsResponse all;
    ov1::ListLockoutsRequest request;
    request.set_page_size(page);
    do {
        ov1::ListLockoutsResponse response;
        session.client.call(session.client.operations(), &ov1::Operations::Stub::ListLockouts, request, response);
        all.MergeFrom(response);
        request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    all.clear_next_page_token();
    if (session.json) {
        print_json(session.out, all);
        return Exit::done;
    }
    Table table({"SOURCE", "NAME", "TRUNK", "FAILURES", "LEFT"});
    for (const auto& l : all.lockouts())
        table.add({l.source(), l.name(), l.trunk(), std::to_string(l.failures()), duration_text(l.seconds_left())});
    if (table.empty())
        session.out << "nobody is locked out\n";
    else
        table.print(session.out);
    return Exit::done;
}

int release_lockouts(Session& session, const std::string& source, const std::string& trunk) {
    ov1::ReleaseLockoutsRequest request;
    request.set_source(source);
    request.set_trunk(trunk.starts_with("trunks/") ? trunk.substr(7) : trunk);
    ov1::ReleaseLockoutsResponse response;
    session.client.call(session.client.operations(), &ov1::Operations::Stub::ReleaseLockouts, request, response);
    if (session.json)
        print_json(session.out, response);
    else
        session.out << "released: " << response.released() << '\n';
    return Exit::done;
}

int generate_secret(Session& session, const std::string& trunk, const std::string& username) {
    pv1::GenerateSecretRequest request;
    request.set_name(trunk.starts_with("trunks/") ? trunk : "trunks/" + trunk);
    request.set_username(username);
    pv1::GenerateSecretResponse response;
    session.client.call(session.client.provisioning(), &pv1::Provisioning::Stub::GenerateSecret, request, response);
    if (session.json) {
        print_json(session.out, response);
        return Exit::done;
    }
    const auto& secret = response.secret();
    session.out << "trunk     " << printable(secret.trunk()) << "\nusername  " << printable(secret.username())
                << "\nrealm     " << printable(secret.digest_realm()) << "\npassword  " << secret.password()
                << "\nIt is shown this once and stored as a hash only; the one before is over.\n";
    return Exit::done;
}

}  // namespace sallyport::cli

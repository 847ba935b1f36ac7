// sallyport.provisioning.v1 as an OSS uses it, against the real daemon.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "config_daemon.h"

using namespace sallyport::test;
using Stub = pv1::Provisioning::Stub;
using Fields = std::vector<std::string>;

namespace {

grpc::Status create(Stub& stub, const pv1::Trunk& trunk, pv1::Trunk& response, const std::string& request_id = {},
                    bool validate_only = false) {
    pv1::CreateTrunkRequest request;
    *request.mutable_trunk() = trunk;
    request.set_request_id(request_id);
    request.set_validate_only(validate_only);
    return call(stub, &Stub::CreateTrunk, request, response);
}
grpc::Status get(Stub& stub, const std::string& name, pv1::Trunk& response) {
    pv1::GetRequest request;
    request.set_name(name);
    return call(stub, &Stub::GetTrunk, request, response);
}
int count_trunks(Stub& stub) {
    pv1::ListTrunksResponse response;
    REQUIRE(call(stub, &Stub::ListTrunks, {}, response).ok());
    return response.total_size();
}
std::uint64_t provision_all(Stub& stub) {
    pv1::ApplyRequest request;
    *request.add_changes()->mutable_put_trunk() = sample_trunk();
    *request.add_changes()->mutable_put_carrier() = sample_carrier();
    *request.add_changes()->mutable_put_route() = sample_route();
    pv1::ApplyResponse response;
    const auto status = call(stub, &Stub::Apply, request, response);
    if (!status.ok()) FAIL(status.error_message());
    return response.revision();
}

}  // namespace

TEST_CASE("create, get, update, list and delete; every change has a new etag, a stale one is refused") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::Trunk created;
    REQUIRE(create(*stub, sample_trunk(), created).ok());
    CHECK(created.etag() == "1");
    CHECK(created.limits().max_contacts() == 4);
    CHECK(create(*stub, sample_trunk(), created).error_code() == grpc::ALREADY_EXISTS);

    pv1::UpdateTrunkRequest update;
    update.mutable_trunk()->set_name("trunks/acme-hq");
    update.mutable_trunk()->set_etag("1");
    update.mutable_trunk()->mutable_limits()->set_concurrent_calls(20);
    update.mutable_update_mask()->add_paths("limits.concurrent_calls");
    pv1::Trunk updated;
    REQUIRE(call(*stub, &Stub::UpdateTrunk, update, updated).ok());
    CHECK(updated.etag() == "2");
    CHECK(updated.limits().concurrent_calls() == 20);
    CHECK(updated.registration_aor() == "sip:acme-hq@sip.example.com");
    const auto stale = call(*stub, &Stub::UpdateTrunk, update, updated);
    CHECK(stale.error_code() == grpc::ABORTED);
    CHECK(stale.error_message().find("was changed meanwhile: its etag is \"2\", not \"1\"") != std::string::npos);

    pv1::DeleteRequest gone;
    gone.set_name("trunks/acme-hq");
    gone.set_etag("1");
    pv1::DeleteResponse deleted;
    CHECK(call(*stub, &Stub::DeleteTrunk, gone, deleted).error_code() == grpc::ABORTED);
    gone.set_etag("2");
    gone.set_validate_only(true);
    CHECK(call(*stub, &Stub::DeleteTrunk, gone, deleted).ok());
    CHECK(get(*stub, "trunks/acme-hq", updated).ok());
    gone.set_validate_only(false);
    REQUIRE(call(*stub, &Stub::DeleteTrunk, gone, deleted).ok());
    CHECK(deleted.revision() == 3);
    CHECK(get(*stub, "trunks/acme-hq", updated).error_code() == grpc::NOT_FOUND);
    CHECK(call(*stub, &Stub::DeleteTrunk, gone, deleted).error_code() == grpc::NOT_FOUND);
    CHECK(call(*stub, &Stub::UpdateTrunk, update, updated).error_code() == grpc::NOT_FOUND);
}

TEST_CASE("customers are resources as the others are: created, masked, listed, kept while they have trunks, stored") {
    ControlDaemon daemon;
    auto stub = daemon.provisioning();
    pv1::CreateCustomerRequest create_request;
    create_request.set_id("acme");
    create_request.mutable_customer()->mutable_limits()->set_concurrent_calls(10);
    pv1::Customer customer;
    REQUIRE(call(*stub, &Stub::CreateCustomer, create_request, customer).ok());
    CHECK(customer.name() == "customers/acme");
    CHECK(call(*stub, &Stub::CreateCustomer, create_request, customer).error_code() == grpc::ALREADY_EXISTS);
    pv1::UpdateCustomerRequest update;
    update.mutable_customer()->set_name("customers/acme");
    update.mutable_customer()->mutable_limits()->set_burst(5);
    update.mutable_update_mask()->add_paths("limits.burst");
    const auto unpaced = call(*stub, &Stub::UpdateCustomer, update, customer);
    CHECK(unpaced.error_message().find("customer.limits.burst: belongs to limits.calls_per_second") == 0);
    update.mutable_customer()->mutable_limits()->set_calls_per_second(2.5);
    update.mutable_update_mask()->add_paths("limits.calls_per_second");
    REQUIRE(call(*stub, &Stub::UpdateCustomer, update, customer).ok());
    CHECK(customer.limits().concurrent_calls() == 10);
    auto trunk = sample_trunk();
    trunk.set_customer("customers/acme");
    pv1::Trunk created;
    REQUIRE(create(*stub, trunk, created).ok());
    CHECK(created.customer() == "customers/acme");
    pv1::DeleteRequest gone;
    gone.set_name("customers/acme");
    pv1::DeleteResponse deleted;
    CHECK(call(*stub, &Stub::DeleteCustomer, gone, deleted).error_code() == grpc::FAILED_PRECONDITION);
    daemon.stop(SIGKILL);
    daemon.start();
    stub = daemon.provisioning();
    pv1::ListCustomersResponse listed;
    REQUIRE(call(*stub, &Stub::ListCustomers, {}, listed).ok());
    REQUIRE(listed.total_size() == 1);
    CHECK(listed.customers(0).limits().burst() == 5);
    pv1::GetRequest one;
    one.set_name("customers/acme");
    CHECK(call(*stub, &Stub::GetCustomer, one, customer).ok());
}

TEST_CASE("every violation of a request comes back with its field path, and nothing is half applied") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::Trunk bad, response;
    bad.set_name("trunks/ACME");
    bad.set_mode(pv1::TRUNK_MODE_REGISTRATION);
    bad.add_numbers()->set_first("04930");
    bad.add_sources("nonsense");
    const auto refused = create(*stub, bad, response);
    CHECK(refused.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(violated_fields(refused) == Fields{"trunk.sources[0]", "trunk.name", "trunk.realm", "trunk.registration_aor",
                                             "trunk.credentials", "trunk.sources", "trunk.numbers[0].first"});
    pv1::ApplyRequest request;
    *request.add_changes()->mutable_put_carrier() = sample_carrier();
    *request.add_changes()->mutable_put_trunk() = bad;
    pv1::ApplyResponse applied;
    CHECK(call(*stub, &Stub::Apply, request, applied).error_code() == grpc::INVALID_ARGUMENT);
    pv1::ListCarriersResponse carriers;
    REQUIRE(call(*stub, &Stub::ListCarriers, {}, carriers).ok());
    CHECK(carriers.carriers_size() == 0);
}

TEST_CASE("an update that names fields which do not exist, or takes a number of another trunk, is refused") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    provision_all(*stub);
    pv1::Trunk response;
    REQUIRE(create(*stub, sample_trunk("beta", "+4940100", "+4940199"), response).ok());
    pv1::UpdateTrunkRequest update;
    update.mutable_trunk()->set_name("trunks/beta");
    update.mutable_update_mask()->add_paths("limits.calls");
    CHECK(violated_fields(call(*stub, &Stub::UpdateTrunk, update, response)) == Fields{"update_mask.paths[0]"});
    update.mutable_update_mask()->set_paths(0, "numbers");
    update.mutable_trunk()->add_numbers()->set_first("+4930123456");
    CHECK(violated_fields(call(*stub, &Stub::UpdateTrunk, update, response)) == Fields{"trunk.numbers[0]"});
    REQUIRE(get(*stub, "trunks/beta", response).ok());
    CHECK(response.numbers(0).first() == "+4940100");
}

TEST_CASE("a carrier that a route uses cannot be deleted, and the answer says by whom") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    provision_all(*stub);
    pv1::DeleteRequest request;
    request.set_name("carriers/core");
    pv1::DeleteResponse response;
    const auto status = call(*stub, &Stub::DeleteCarrier, request, response);
    CHECK(status.error_code() == grpc::FAILED_PRECONDITION);
    CHECK(status.error_message() == "name: \"carriers/core\" is used by routes/default; change or delete that first");
}

TEST_CASE("pages go through everything once, whatever their size; a token that is none is refused") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::ApplyRequest apply;
    for (int i = 100; i < 125; ++i) {
        const auto n = std::to_string(i);
        *apply.add_changes()->mutable_put_trunk() = sample_trunk("t" + n, "+49301" + n + "00", "+49301" + n + "99");
    }
    pv1::ApplyResponse applied;
    REQUIRE(call(*stub, &Stub::Apply, apply, applied).ok());
    Fields names;
    pv1::ListRequest request;
    request.set_page_size(7);
    do {
        pv1::ListTrunksResponse page;
        REQUIRE(call(*stub, &Stub::ListTrunks, request, page).ok());
        CHECK(page.total_size() == 25);
        CHECK(page.trunks_size() <= 7);
        for (const auto& trunk : page.trunks()) names.push_back(trunk.name());
        request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    CHECK(names.size() == 25);
    CHECK(std::is_sorted(names.begin(), names.end()));
    pv1::ListTrunksResponse page;
    request.set_page_token("../../etc");
    CHECK(violated_fields(call(*stub, &Stub::ListTrunks, request, page)) == Fields{"page_token"});
    request.clear_page_token();
    request.set_page_size(-1);
    CHECK(violated_fields(call(*stub, &Stub::ListTrunks, request, page)) == Fields{"page_size"});
}

TEST_CASE("validate_only answers as the real thing would, and changes nothing") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::Trunk response;
    CHECK(create(*stub, sample_trunk(), response, "", true).ok());
    CHECK(response.limits().max_contacts() == 4);
    auto bad = sample_trunk();
    bad.clear_realm();
    CHECK(create(*stub, bad, response, "", true).error_code() == grpc::INVALID_ARGUMENT);
    CHECK(count_trunks(*stub) == 0);
}

TEST_CASE("apply is one revision, says what differs, prunes what is not named, and does nothing twice") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    CHECK(provision_all(*stub) == 1);
    CHECK(provision_all(*stub) == 1);
    pv1::ApplyRequest request;
    auto trunk = sample_trunk();
    trunk.set_display_name("ACME");
    trunk.mutable_credentials(0)->clear_password();
    *request.add_changes()->mutable_put_trunk() = trunk;
    request.set_prune(true);
    pv1::ApplyResponse response;
    REQUIRE(call(*stub, &Stub::Apply, request, response).ok());
    CHECK(response.revision() == 2);
    REQUIRE(response.differences_size() == 3);
    CHECK(response.differences(0).action() == "update");
    REQUIRE(response.differences(0).changes_size() == 1);
    CHECK(response.differences(0).changes(0).field() == "display_name");
    CHECK(response.differences(1).action() == "delete");
    CHECK(response.differences(2).action() == "delete");
}

TEST_CASE("a repeated request_id gets the first answer, also after kill -9; for another request it is refused") {
    ControlDaemon daemon;
    pv1::Trunk first, again;
    REQUIRE(create(*daemon.provisioning(), sample_trunk(), first, "7f3c").ok());
    REQUIRE(create(*daemon.provisioning(), sample_trunk(), again, "7f3c").ok());
    CHECK(first.SerializeAsString() == again.SerializeAsString());
    CHECK(daemon.stop(SIGKILL) == -SIGKILL);
    daemon.start();
    const auto stub = daemon.provisioning();
    REQUIRE(create(*stub, sample_trunk(), again, "7f3c").ok());
    CHECK(first.SerializeAsString() == again.SerializeAsString());
    CHECK(count_trunks(*stub) == 1);
    const auto other = create(*stub, sample_trunk("beta", "+4940100", "+4940199"), again, "7f3c");
    CHECK(other.error_code() == grpc::INVALID_ARGUMENT);
    CHECK(other.error_message() == "the request_id was used before, for another request");
}

TEST_CASE("a request_id is 1 to 128 printable characters; a longer one is a violation and does not fill the log") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::Trunk response;
    for (const auto& id : {std::string(129, 'x'), std::string(1'000'000, 'y'), std::string("a b"), std::string("a\n"),
                           std::string("\xc3\xa4")})
        CHECK(violated_fields(create(*stub, sample_trunk(), response, id)) == Fields{"request_id"});
    CHECK(create(*stub, sample_trunk(), response, std::string(128, '~')).ok());
    CHECK(daemon.log().find(std::string(129, 'y')) == std::string::npos);
}

TEST_CASE("a repeated request_id with another password is another request, and says so") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::Trunk response;
    auto other = sample_trunk();
    other.mutable_credentials(0)->set_password("wrong-donkey-accumulator");
    const std::string sentence =
        "the request_id was used before, and the credentials of this request are not those stored by now";
    REQUIRE(create(*stub, sample_trunk(), response, "id-1").ok());
    CHECK(create(*stub, sample_trunk(), response, "id-1").ok());
    CHECK(create(*stub, other, response, "id-1").error_message() == sentence);

    pv1::UpdateTrunkRequest update;
    *update.mutable_trunk() = other;
    update.mutable_update_mask()->add_paths("credentials");
    update.set_request_id("id-2");
    REQUIRE(call(*stub, &Stub::UpdateTrunk, update, response).ok());
    CHECK(call(*stub, &Stub::UpdateTrunk, update, response).ok());
    *update.mutable_trunk() = sample_trunk();
    CHECK(call(*stub, &Stub::UpdateTrunk, update, response).error_message() == sentence);

    pv1::ApplyRequest apply;
    *apply.add_changes()->mutable_put_trunk() = sample_trunk();
    apply.set_request_id("id-3");
    pv1::ApplyResponse applied;
    REQUIRE(call(*stub, &Stub::Apply, apply, applied).ok());
    CHECK(call(*stub, &Stub::Apply, apply, applied).ok());
    *apply.mutable_changes(0)->mutable_put_trunk() = other;
    CHECK(call(*stub, &Stub::Apply, apply, applied).error_message() == sentence);
}

TEST_CASE("a password is nowhere: not in an answer, not in the log, not in the store") {
    ControlDaemon daemon;
    const auto stub = daemon.provisioning();
    pv1::Trunk response;
    REQUIRE(create(*stub, sample_trunk(), response, "id-1").ok());
    auto wrong = sample_trunk("wrong", "x", "y");
    create(*stub, wrong, response);
    REQUIRE(get(*stub, "trunks/acme-hq", response).ok());
    REQUIRE(response.credentials_size() == 1);
    CHECK(response.credentials(0).password().empty());
    CHECK(response.credentials(0).ha1_md5().empty());
    CHECK(response.credentials(0).ha1_sha256().empty());
    CHECK(response.credentials(0).algorithms_size() == 2);
    CHECK(daemon.stop(SIGTERM) == 0);
    for (const auto* name : {"log", "store.db", "store.db-wal"}) {
        INFO(name);
        CHECK(read_file(daemon.path(name)).find("correct-horse-battery") == std::string::npos);
    }
}

TEST_CASE("what was acknowledged before kill -9 in the middle of provisioning is there afterwards") {
    ControlDaemon daemon;
    std::atomic<int> acknowledged{0};
    std::thread writer([&] {
        const auto stub = daemon.provisioning();
        for (int i = 0; i < 9'000; ++i) {
            const auto n = std::to_string(1'000 + i);
            pv1::Trunk response;
            if (!create(*stub, sample_trunk("t" + n, "+4930" + n + "00", "+4930" + n + "99"), response).ok()) return;
            acknowledged = i + 1;
        }
    });
    REQUIRE(wait_until([&] { return acknowledged >= 100; }, 30));
    daemon.stop(SIGKILL);
    writer.join();
    daemon.start();
    const int stored = count_trunks(*daemon.provisioning());
    CHECK(stored >= acknowledged);
    CHECK(stored <= acknowledged + 1);
    CHECK(daemon.metric("sallyport_config_revision") == stored);
}

TEST_CASE("who changed what is in the log: one line per change, refused ones too") {
    ControlDaemon daemon;
    pv1::Trunk response;
    create(*daemon.provisioning(), sample_trunk(), response, "id-7");
    create(*daemon.provisioning("noc"), sample_trunk("b", "+1", "+2"), response);
    create(*daemon.provisioning(), sample_trunk(), response);
    CHECK(daemon.stop(SIGTERM) == 0);
    const auto log = daemon.log();
    CHECK(log.find("msg=audit who=oss") != std::string::npos);
    CHECK(log.find("method=CreateTrunk resource=trunks/acme-hq result=OK reason=\"\" revision=1 validate_only=false "
                   "request_id=id-7") != std::string::npos);
    CHECK(log.find("resource=trunks/acme-hq result=ALREADY_EXISTS") != std::string::npos);
    CHECK(log.find("who=noc") != std::string::npos);
    CHECK(log.find("result=PERMISSION_DENIED") != std::string::npos);
}

// Roles out of certificate subjects.
#include "control/api/authorization.h"

#include <catch2/catch.hpp>

using namespace sallyport::api;
using Values = std::vector<std::string>;

TEST_CASE("attributes of an RFC 2253 name: several, multi-valued, escaped; a comma in a value starts no attribute") {
    CHECK(attribute_values("CN=noc,OU=viewer,O=ACME", "OU") == Values{"viewer"});
    CHECK(attribute_values("CN=noc,OU=viewer,OU=billing,O=ACME", "OU") == Values{"viewer", "billing"});
    CHECK(attribute_values("OU=viewer+CN=noc", "CN") == Values{"noc"});
    CHECK(attribute_values("CN=x\\,OU=admin,OU=viewer", "OU") == Values{"viewer"});
    CHECK(attribute_values("CN=x\\,OU\\=admin,OU=viewer", "CN") == Values{"x,OU=admin"});
    CHECK(attribute_values("CN=a=OU=admin", "OU").empty());
    CHECK(attribute_values("", "OU").empty());
    CHECK(attribute_values("OU", "OU").empty());
    CHECK(attribute_values("XOU=admin", "OU").empty());
}

TEST_CASE("each role grants what it is for and nothing else") {
    const auto may = [](std::string role, Permission permission) {
        return Caller{"x", "", {std::move(role)}}.may(permission);
    };
    CHECK(may("viewer", Permission::read));
    CHECK(!may("viewer", Permission::provision));
    CHECK(!may("viewer", Permission::records));
    CHECK(may("provisioner", Permission::read));
    CHECK(may("provisioner", Permission::provision));
    CHECK(!may("provisioner", Permission::records));
    CHECK(may("billing", Permission::records));
    CHECK(!may("billing", Permission::read));
    CHECK(may("capture", Permission::read));
    CHECK(may("capture", Permission::capture));
    CHECK(!may("capture", Permission::decrypt));
    CHECK(!may("capture", Permission::operate));
    CHECK(may("decrypt", Permission::decrypt));
    CHECK(may("decrypt", Permission::capture));
    CHECK(!may("decrypt", Permission::provision));
    CHECK(may("admin", Permission::capture));
    CHECK(!may("admin", Permission::decrypt));
    CHECK(!may("provisioner", Permission::capture));
    for (const auto permission : {Permission::read, Permission::provision, Permission::records}) {
        CHECK(may("admin", permission));
        CHECK(!may("nothing", permission));
        CHECK(Caller{"x", "", {"viewer", "provisioner", "billing"}}.may(permission));
    }
    CHECK(is_role("billing"));
    CHECK(!is_role("root"));
}

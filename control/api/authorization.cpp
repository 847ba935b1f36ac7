#include "control/api/authorization.h"

#include <algorithm>
#include <array>

namespace sallyport::api {
namespace {

constexpr std::array<std::string_view, 6> roles{"viewer", "provisioner", "billing", "admin", "capture", "decrypt"};

std::string property(const grpc::AuthContext& context, const char* name) {
    const auto values = context.FindPropertyValues(name);
    return values.empty() ? std::string() : std::string(values.front().data(), values.front().size());
}

std::string_view needed_role(Permission permission) {
    switch (permission) {
        case Permission::read: return "viewer";
        case Permission::provision: return "provisioner";
        case Permission::records: return "billing";
        case Permission::capture: return "capture";
        case Permission::decrypt: return "decrypt";
        case Permission::operate: break;
    }
    return "admin";
}

bool grants(std::string_view role, Permission permission) {
    if (role == "admin") return permission != Permission::decrypt;
    switch (permission) {
        case Permission::read:
            return role == "viewer" || role == "provisioner" || role == "capture" || role == "decrypt";
        case Permission::provision: return role == "provisioner";
        case Permission::records: return role == "billing";
        case Permission::capture: return role == "capture" || role == "decrypt";
        case Permission::decrypt: return role == "decrypt";
        case Permission::operate: break;
    }
    return false;
}

}  // namespace

bool is_role(std::string_view role) { return std::find(roles.begin(), roles.end(), role) != roles.end(); }

bool Caller::may(Permission permission) const {
    return std::any_of(roles.begin(), roles.end(), [&](const std::string& role) { return grants(role, permission); });
}

std::vector<std::string> attribute_values(std::string_view subject, std::string_view attribute) {
    std::vector<std::string> values;
    std::string name, value;
    bool in_value = false;
    const auto finish = [&] {
        if (in_value && name == attribute) values.push_back(value);
        name.clear();
        value.clear();
        in_value = false;
    };
    for (std::size_t i = 0; i < subject.size(); ++i) {
        const char c = subject[i];
        if (c == '\\' && i + 1 < subject.size())
            (in_value ? value : name) += subject[++i];  // an escaped comma is part of the value, never a new attribute
        else if (c == ',' || c == '+')
            finish();
        else if (c == '=' && !in_value)
            in_value = true;
        else if (in_value || c != ' ')
            (in_value ? value : name) += c;
    }
    finish();
    return values;
}

Authorization::Decision Authorization::check(const grpc::ServerContextBase& context, Permission permission) const {
    const auto auth = context.auth_context();
    Decision decision;
    auto& [caller, status] = decision;
    caller.peer = context.peer();
    if (auth == nullptr || !auth->IsPeerAuthenticated()) {
        status = {grpc::UNAUTHENTICATED, "a client certificate of this installation's CA is needed"};
        return decision;
    }
    caller.name = property(*auth, "x509_common_name");
    for (auto& unit : attribute_values(property(*auth, "x509_subject"), "OU"))
        if (is_role(unit)) caller.roles.push_back(std::move(unit));
    if (caller.roles.empty()) caller.roles.push_back(default_role_);
    if (caller.may(permission)) return decision;
    const auto role = std::string(needed_role(permission));
    status = {grpc::PERMISSION_DENIED, "the client certificate of \"" + caller.name.substr(0, 64) + "\" has the role " +
                                           caller.roles.front() + ", this needs " + role +
                                           ": a certificate with OU=" + role + " in its subject"};
    return decision;
}

}  // namespace sallyport::api

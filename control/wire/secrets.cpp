#include "control/wire/secrets.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "control/config/keys.h"
#include "control/wire/ha1.h"

namespace sallyport::wire {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::array<std::string_view, 3> secret_fields{"password", "ha1_md5", "ha1_sha256"};

bool agree(const std::string& given, const std::string& stored) { return given.empty() || given == stored; }

bool has_hash(const config::Trunk& trunk, std::string_view username, std::string_view realm) {
    return std::any_of(trunk.credentials.begin(), trunk.credentials.end(), [&](const config::Credential& c) {
        return c.username == username && config::effective_realm(trunk, c) == realm &&
               (!c.ha1_md5.empty() || !c.ha1_sha256.empty());
    });
}

pb::GeneratedSecret fill(const config::Trunk& trunk, config::Credential& credential, RandomSource& random) {
    const std::string realm(config::effective_realm(trunk, credential));
    pb::GeneratedSecret secret;
    secret.set_trunk("trunks/" + trunk.id);
    secret.set_username(credential.username);
    secret.set_digest_realm(realm);
    secret.set_password(new_password(random));
    credential.ha1_md5 = ha1_md5(credential.username, realm, secret.password());
    credential.ha1_sha256 = ha1_sha256(credential.username, realm, secret.password());
    return secret;
}

}  // namespace

void clear_secrets(google::protobuf::Message& message) {
    const auto* reflection = message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(message, &fields);
    for (const auto* field : fields) {
        if (std::find(secret_fields.begin(), secret_fields.end(), field->name()) != secret_fields.end()) {
            reflection->ClearField(&message, field);
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
            if (!field->is_repeated()) clear_secrets(*reflection->MutableMessage(&message, field));
            for (int i = 0; field->is_repeated() && i < reflection->FieldSize(message, field); ++i)
                clear_secrets(*reflection->MutableRepeatedMessage(&message, field, i));
        }
    }
}

std::string new_password(RandomSource& random) {
    constexpr std::string_view alphabet = "abcdefghijkmnpqrstuvwxyz23456789";  // 5 bits each; no l, o, 0, 1
    static_assert(alphabet.size() == 32);
    constexpr std::size_t characters = 32;
    Bytes raw(characters);
    random.fill(raw);
    std::string out;
    for (const auto byte : raw) out += alphabet[byte % alphabet.size()];
    return out;
}

std::vector<pb::GeneratedSecret> generate_secrets(config::Trunk& trunk, const std::vector<std::size_t>& which,
                                                  const config::Trunk* stored, RandomSource& random) {
    std::vector<pb::GeneratedSecret> out;
    for (const auto i : which) {
        auto& credential = trunk.credentials.at(i);
        if (stored != nullptr && has_hash(*stored, credential.username, config::effective_realm(trunk, credential)))
            continue;
        out.push_back(fill(trunk, credential, random));
    }
    return out;
}

pb::GeneratedSecret renew_secret(config::Trunk& trunk, const std::string& username, const std::string& digest_realm,
                                 RandomSource& random) {
    const config::Credential wanted{username, digest_realm, {}, {}};
    const auto realm = config::effective_realm(trunk, wanted);
    auto found = std::find_if(trunk.credentials.begin(), trunk.credentials.end(), [&](const config::Credential& c) {
        return c.username == username && config::effective_realm(trunk, c) == realm;
    });
    if (found == trunk.credentials.end()) found = trunk.credentials.insert(found, wanted);
    return fill(trunk, *found, random);
}

bool same_secrets(const config::Trunk& given, const config::Trunk& stored) {
    return std::all_of(given.credentials.begin(), given.credentials.end(), [&](const config::Credential& mine) {
        return std::all_of(stored.credentials.begin(), stored.credentials.end(), [&](const config::Credential& theirs) {
            const bool other = theirs.username != mine.username ||
                               config::effective_realm(stored, theirs) != config::effective_realm(given, mine);
            return other || (agree(mine.ha1_md5, theirs.ha1_md5) && agree(mine.ha1_sha256, theirs.ha1_sha256));
        });
    });
}

}  // namespace sallyport::wire

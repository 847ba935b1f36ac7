#include "control/wire/secrets.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "control/config/keys.h"

namespace sallyport::wire {
namespace {

using google::protobuf::FieldDescriptor;

constexpr std::array<std::string_view, 3> secret_fields{"password", "ha1_md5", "ha1_sha256"};

bool agree(const std::string& given, const std::string& stored) { return given.empty() || given == stored; }

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

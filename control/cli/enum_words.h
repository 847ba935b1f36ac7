// Enum values as people write them: TRUNK_MODE_REGISTRATION is "registration". From the descriptors, so never stale.
#pragma once

#include <google/protobuf/descriptor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::cli {

std::string enum_word(const google::protobuf::EnumValueDescriptor& value);
std::vector<std::string> enum_words(const google::protobuf::EnumDescriptor& type);  // without "unspecified"
const google::protobuf::EnumValueDescriptor* find_enum(const google::protobuf::EnumDescriptor& type,
                                                       std::string_view word);

}  // namespace sallyport::cli

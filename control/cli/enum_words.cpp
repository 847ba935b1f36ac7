#include "control/cli/enum_words.h"

#include <algorithm>

namespace sallyport::cli {
namespace {

constexpr std::string_view zero_suffix = "UNSPECIFIED";  // every enum of ours begins with <PREFIX>UNSPECIFIED

}  // namespace

std::string enum_word(const google::protobuf::EnumValueDescriptor& value) {
    const std::string_view zero = value.type()->value(0)->name();
    const auto prefix = zero.ends_with(zero_suffix) ? zero.size() - zero_suffix.size() : 0;
    auto word = value.name().substr(prefix);
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return word;
}

std::vector<std::string> enum_words(const google::protobuf::EnumDescriptor& type) {
    std::vector<std::string> words;
    for (int i = 1; i < type.value_count(); ++i) words.push_back(enum_word(*type.value(i)));
    return words;
}

const google::protobuf::EnumValueDescriptor* find_enum(const google::protobuf::EnumDescriptor& type,
                                                       std::string_view word) {
    for (int i = 1; i < type.value_count(); ++i)
        if (enum_word(*type.value(i)) == word) return type.value(i);
    return nullptr;
}

}  // namespace sallyport::cli

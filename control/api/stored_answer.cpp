#include "control/api/stored_answer.h"

#include <charconv>
#include <cstddef>

namespace sallyport::api {
namespace {

// Takes a number and the character behind it off the text.
std::optional<std::size_t> take_length(std::string_view& text, char behind) {
    std::size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc{} || digits == text.size() || *end != behind) return std::nullopt;
    text.remove_prefix(digits + 1);
    return length;
}

}  // namespace

std::string pack(const StoredAnswer& answer) {
    return std::to_string(answer.id.size()) + ' ' + std::to_string(answer.fingerprint.size()) + '\n' + answer.id +
           answer.fingerprint + answer.reply;
}

std::optional<StoredAnswer> unpack(std::string_view value) {
    const auto id = take_length(value, ' ');
    const auto fingerprint = id ? take_length(value, '\n') : std::nullopt;
    if (!fingerprint || *id > value.size() || *fingerprint > value.size() - *id) return std::nullopt;
    return StoredAnswer{std::string(value.substr(0, *id)), std::string(value.substr(*id, *fingerprint)),
                        std::string(value.substr(*id + *fingerprint))};
}

}  // namespace sallyport::api

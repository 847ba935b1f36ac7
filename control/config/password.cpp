#include "control/config/password.h"

#include <algorithm>
#include <array>
#include <set>

namespace sallyport::config {
namespace {

// What scanners try first, beside the user name, its parts, and runs of the keyboard.
constexpr auto common = std::to_array<std::string_view>(
    {"access",  "admin",    "administrator", "asterisk", "callcenter", "changeit", "changeme", "company",  "default",
     "demo",    "dragon",   "extension",     "football", "freeswitch", "guest",    "hello",    "iloveyou", "letmein",
     "login",   "master",   "monkey",        "office",   "operator",   "password", "passwort", "passw",    "pbx",
     "phone",   "princess", "provider",      "public",   "register",   "root",     "secret",   "security", "server",
     "shadow",  "sip",      "siptrunk",      "sommer",   "summer",     "sunshine", "superman", "support",  "system",
     "telecom", "telefon",  "telephone",     "test",     "tester",     "testing",  "trunk",    "user",     "voice",
     "voip",    "welcome",  "whatever",      "winter",   "wizard"});
constexpr auto runs = std::to_array<std::string_view>(
    {"01234567890123456789", "98765432109876543210", "abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba",
     "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm", "azertyuiopqsdfghjklmwxcvbn"});
constexpr std::size_t fewest_characters = 5;  // different ones

// As a guesser sees it: lower case, look-alikes as the letters they stand for.
std::string plain(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '0': out += 'o'; break;
            case '1': out += 'i'; break;
            case '3': out += 'e'; break;
            case '4':
            case '@': out += 'a'; break;
            case '5':
            case '$': out += 's'; break;
            case '7': out += 't'; break;
            default: out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        }
    }
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// The letters of a word to which only digits and signs were added, in front or behind.
std::string_view core_of(std::string_view text) {
    while (!text.empty() && !is_letter(text.front())) text.remove_prefix(1);
    while (!text.empty() && !is_letter(text.back())) text.remove_suffix(1);
    return text;
}

bool is_common(std::string_view word) { return std::find(common.begin(), common.end(), word) != common.end(); }

// Both readings of a digit: the end of "password1" is a digit, the middle of "passw0rd" a letter.
bool is_dictionary_word(std::string_view password) {
    const std::string as_typed = lower(password), as_read = plain(password);
    const auto core = core_of(as_typed);
    const auto begin = static_cast<std::size_t>(core.data() - as_typed.data());
    const std::string read_core = plain(core);
    return is_common(core) || is_common(read_core) || is_common(core_of(as_read)) ||
           (!core.empty() && is_common(core_of(std::string_view(as_read).substr(begin, core.size()))));
}

bool is_run(std::string_view password) {
    const std::string text = lower(password);
    return std::any_of(runs.begin(), runs.end(), [&](std::string_view run) { return run.find(text) != run.npos; });
}

// "abcabcabc": one short piece again and again.
bool is_repetition(std::string_view password) {
    for (std::size_t piece = 1; piece <= password.size() / 2; ++piece) {
        bool all = true;
        for (std::size_t i = piece; i < password.size() && all; ++i) all = password[i] == password[i - piece];
        if (all) return true;
    }
    return false;
}

}  // namespace

std::optional<std::string> weakness_of(std::string_view password, std::string_view username) {
    const std::string advice = "; have one generated, e.g. {username: acme-hq, generate: true}";
    if (password.size() < password_min_length)
        return "is too short: at least " + std::to_string(password_min_length) + " characters" + advice;
    const std::set<char> different(password.begin(), password.end());
    if (different.size() < fewest_characters)
        return "has only " + std::to_string(different.size()) + " different characters" + advice;
    if (!username.empty() && (plain(core_of(lower(password))) == plain(core_of(lower(username))) ||
                              lower(password).find(lower(username) + lower(username)) != std::string::npos))
        return "is the user name over again" + advice;
    if (is_dictionary_word(password)) return "is a word that scanners try first" + advice;
    if (is_run(password) || is_repetition(password)) return "is a run of the keyboard or a repetition" + advice;
    return std::nullopt;
}

}  // namespace sallyport::config

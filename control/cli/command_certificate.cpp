// `sallyport certificate request`: a key and a request for the certificate of a realm. Asks no daemon.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/cli/commands.h"
#include "control/config/syntax.h"
#include "control/wire/certificate_request.h"

namespace sallyport::cli {
namespace {

using wire::AlternativeName;
using wire::KeyType;

constexpr std::pair<const char*, KeyType> key_types[] = {
    {"ec-p256", KeyType::ec_p256}, {"rsa-2048", KeyType::rsa_2048}, {"rsa-3072", KeyType::rsa_3072}};

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

// The entries that a word stands for; none: it is no name.
std::vector<AlternativeName> names_of(const std::string& word) {
    const auto text = lower(word);
    const auto checked = [](AlternativeName::Kind kind, const char* scheme, const std::string& host) {
        return config::is_host_name(host) ? std::vector<AlternativeName>{{kind, scheme + host}}
                                          : std::vector<AlternativeName>{};
    };
    if (text.starts_with("uri:sip:")) return checked(AlternativeName::Kind::uri, "sip:", text.substr(8));
    if (text.starts_with("dns:")) return checked(AlternativeName::Kind::dns, "", text.substr(4));
    if (!config::is_host_name(text)) return {};
    return {{AlternativeName::Kind::uri, "sip:" + text}, {AlternativeName::Kind::dns, text}};
}

std::string shown(const AlternativeName& name) {
    return (name.kind == AlternativeName::Kind::uri ? "URI:" : "DNS:") + name.value;
}

Failure file_failure(const std::string& path, int error) {
    if (error == EEXIST) return {path + " is there already; nothing was written. Name another file, or move it away"};
    return {"cannot write " + path + ": " + std::strerror(error)};
}

// A file that was not there before, on the disk when it returns; a half-written one is taken away again.
void write_new(const std::string& path, const std::string& text, mode_t mode) {
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) throw file_failure(path, errno);
    int error = 0;
    for (std::size_t done = 0; error == 0 && done < text.size();) {
        const auto wrote = write(file, text.data() + done, text.size() - done);
        if (wrote >= 0)
            done += static_cast<std::size_t>(wrote);
        else if (errno != EINTR)
            error = errno;
    }
    if (error == 0 && fsync(file) != 0) error = errno;
    if (close(file) != 0 && error == 0) error = errno;
    if (error == 0) return;
    unlink(path.c_str());
    throw file_failure(path, error);
}

void print(const CertificateArguments& arguments, const std::vector<AlternativeName>& names, bool json,
           std::ostream& out) {
    if (json) {
        nlohmann::json all = nlohmann::json::array();
        for (const auto& name : names) all.push_back(shown(name));
        out << nlohmann::json{{"request", arguments.out},
                              {"key", arguments.key_out},
                              {"key_type", arguments.key_type},
                              {"subject_alt_names", all}}
                   .dump(1, ' ', false, nlohmann::json::error_handler_t::replace)
            << '\n';
        return;
    }
    out << "request  " << arguments.out << "   to be signed by your CA\nkey      " << arguments.key_out
        << "   mode 0600, not encrypted; it stays here\nnames    ";
    for (std::size_t i = 0; i < names.size(); ++i) out << (i == 0 ? "" : ", ") << shown(names[i]);
    out << "\nCertificate and key go into the realm's tls in signaling.yaml.\n";
}

}  // namespace

std::vector<std::string> key_type_words() {
    std::vector<std::string> words;
    for (const auto& [word, type] : key_types) words.emplace_back(word);
    return words;
}

std::string alternative_name_problem(const std::string& word) {
    if (!names_of(word).empty()) return {};
    return config::quoted(word) +
           " is no name for a certificate; right would be sip.example.com, URI:sip:sip.example.com or "
           "DNS:sip.example.com";
}

std::string realm_domain_problem(const std::string& word) {
    if (config::is_host_name(word)) return {};
    return config::quoted(word) + " is no host name; right would be sip.example.com";
}

int request_certificate(CertificateArguments arguments, bool json, std::ostream& out) {
    if (arguments.key_out.empty()) {
        const auto slash = arguments.out.rfind('/');
        const auto dot = arguments.out.rfind('.');
        const bool extension = dot != arguments.out.npos && (slash == arguments.out.npos || dot > slash + 1) && dot > 0;
        arguments.key_out = (extension ? arguments.out.substr(0, dot) : arguments.out) + ".key";
    }
    if (arguments.key_out == arguments.out)
        throw Failure{"key and request cannot both be " + arguments.out + "; --key-out names another file"};
    std::vector<AlternativeName> names;
    auto words = arguments.also;
    words.insert(words.begin(), arguments.domain);
    for (const auto& word : words)
        for (const auto& name : names_of(word))
            if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    // Before the key is made: seconds of RSA for a file that cannot be written are nobody's wish.
    struct stat found;
    for (const auto& path : {arguments.key_out, arguments.out})
        if (lstat(path.c_str(), &found) == 0) throw file_failure(path, EEXIST);

    const auto* type = std::find_if(std::begin(key_types), std::end(key_types),
                                    [&](const auto& known) { return known.first == arguments.key_type; });
    const auto made = wire::make_certificate_request(type->second, lower(arguments.domain), names);
    if (made.has_error()) throw Failure{made.error().sentence};
    write_new(arguments.key_out, made->key, 0600);
    try {
        write_new(arguments.out, made->request, 0644);
    } catch (const Failure&) {
        unlink(arguments.key_out.c_str());  // ours, and good for nothing without its request
        throw;
    }
    print(arguments, names, json, out);
    return Exit::done;
}

}  // namespace sallyport::cli

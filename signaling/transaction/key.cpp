#include "signaling/transaction/key.h"

#include <algorithm>

namespace sallyport::transaction {
namespace {

constexpr char separator = '\0';  // stands in no header value

void append(std::string& key, std::string_view part) {
    key += part;
    key += separator;
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

// A bare cookie is unique to nobody: treated as RFC 2543, where more than the branch counts.
bool has_unique_branch(std::string_view branch) {
    return branch.size() > magic_cookie.size() && branch.substr(0, magic_cookie.size()) == magic_cookie;
}

std::string top_via_text(const sip::Message& message) {
    return std::string(message.first_value(sip::HeaderName::via).value_or(""));
}

}  // namespace

std::string server_key_of(std::string_view method, const sip::ViaView& via) {
    std::string key;
    if (!has_unique_branch(via.branch)) return key;
    key.reserve(128);
    append(key, method);
    append(key, via.branch);
    append(key, lower(via.host));
    key += std::to_string(via.port);
    return key;
}

std::string server_key_as(const sip::Message& request, std::string_view method) {
    std::string key = server_key_of(method, request.top_via());
    if (!key.empty()) return key;
    key.reserve(128);
    append(key, method);
    append(key, request.request_uri());
    append(key, request.from_tag());
    append(key, request.call_id());
    append(key, std::to_string(request.cseq().number));
    append(key, top_via_text(request));
    // The ACK's To tag is the one we gave in the response; the INVITE had none yet.
    if (method != "INVITE") key += request.to_tag();
    return key;
}

std::string server_key(const sip::Message& request) {
    return server_key_as(request, request.method() == sip::Method::ack ? "INVITE" : request.method_text());
}

std::string client_key(std::string_view branch, std::string_view method) {
    std::string key;
    key.reserve(branch.size() + method.size() + 1);
    append(key, method);
    key += branch;
    return key;
}

std::string merge_key(const sip::Message& request) {
    if (!request.to_tag().empty()) return {};
    return merge_key_of(request.method_text(), std::to_string(request.cseq().number), request.from_tag(),
                        request.call_id(), request.request_uri());
}

std::string merge_key_of(std::string_view method, std::string_view cseq_number, std::string_view from_tag,
                         std::string_view call_id, std::string_view request_uri) {
    std::string key;
    key.reserve(128);
    append(key, method);
    append(key, cseq_number);
    append(key, from_tag);
    append(key, call_id);
    key += request_uri;
    return key;
}

}  // namespace sallyport::transaction

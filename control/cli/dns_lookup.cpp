#include "control/cli/dns_lookup.h"

#include <unbound.h>

#include "control/cli/connection.h"

namespace sallyport::cli::dns {
namespace {

constexpr int class_in = 1;
constexpr std::size_t most_records = 64;  // of one answer

struct FreeResult {
    void operator()(ub_result* result) const { ub_resolve_free(result); }
};

}  // namespace

void Lookup::FreeContext::operator()(ub_ctx* context) const { ub_ctx_delete(context); }

Lookup::Lookup(const std::string& server) : context_(ub_ctx_create()) {
    if (!context_) throw Failure{"no DNS resolver: out of memory"};
    ub_ctx_debugout(context_.get(), nullptr);
    ub_ctx_set_option(context_.get(), "do-not-query-localhost:", "no");
    const int error =
        server.empty() ? ub_ctx_resolvconf(context_.get(), nullptr) : ub_ctx_set_fwd(context_.get(), server.c_str());
    if (error == 0) return;
    const std::string what = server.empty() ? "/etc/resolv.conf" : '"' + server + '"';
    throw Failure{what + " is no DNS server: " + ub_strerror(error) + "; e.g. --server 192.0.2.53 or 192.0.2.53@5353"};
}

Found Lookup::ask(const std::string& name, Type type) {
    Found out;
    ub_result* answer = nullptr;
    if (const int error = ub_resolve(context_.get(), name.c_str(), number_of(type), class_in, &answer); error != 0) {
        out.detail = ub_strerror(error);
        return out;
    }
    const std::unique_ptr<ub_result, FreeResult> owned(answer);
    if (!answer->havedata) {
        const bool told = answer->nxdomain || answer->rcode == 0;
        out.status = told ? Found::Status::nothing : Found::Status::failed;
        if (!told) out.detail = "the server answers with RCODE " + std::to_string(answer->rcode);
        return out;
    }
    out.status = Found::Status::ok;
    for (std::size_t i = 0; i < most_records && answer->data[i] != nullptr; ++i) {
        const std::span rdata(reinterpret_cast<const std::uint8_t*>(answer->data[i]),
                              static_cast<std::size_t>(answer->len[i]));
        if (auto record = decode(name, type, rdata)) out.records.push_back(std::move(*record));
    }
    return out;
}

}  // namespace sallyport::cli::dns

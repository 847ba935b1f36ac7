// Questions to a DNS server for `sallyport dns check`, by libunbound; waits for each answer. Decides nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/cli/dns_record.h"

struct ub_ctx;

namespace sallyport::cli::dns {

struct Found {
    enum class Status : std::uint8_t { ok, nothing, failed } status = Status::failed;
    std::vector<Record> records;
    std::string detail;  // of a failure: a sentence's end
};

class Lookup {
public:
    // server: "192.0.2.53" or "192.0.2.53@5353"; empty: those of /etc/resolv.conf. Throws Failure.
    explicit Lookup(const std::string& server);
    Found ask(const std::string& name, Type type);

private:
    struct FreeContext {
        void operator()(ub_ctx* context) const;
    };
    std::unique_ptr<ub_ctx, FreeContext> context_;
};

}  // namespace sallyport::cli::dns

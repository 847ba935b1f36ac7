// Answers the locator's questions by libunbound, which resolves on a thread of its own and is heard through a file
// descriptor. Adds a deadline, a bound, clamped TTLs and one cache for the node; chooses no target (RFC 3263 is
// locate/).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/base/counter.h"
#include "control/base/result.h"
#include "signaling/io/clock.h"
#include "signaling/locate/locator.h"

struct ub_ctx;
struct ub_result;

namespace sallyport::io {

namespace asio = boost::asio;

struct ResolverOptions {
    std::vector<std::string> servers;  // "192.0.2.53" or "192.0.2.53@5353"; empty: those of /etc/resolv.conf
    std::string hosts_file;            // in the form of /etc/hosts; empty: none
    std::vector<std::string> records;  // zone file lines that are answered without asking anybody
    Duration timeout = 3s;
};

// Written by the resolver's thread.
struct ResolverStatistics {
    Counter queries, cache_hits, answers_ok, answers_negative, failures, timeouts, refused_too_many, bad_records;
};

class Resolver {
public:
    using Reply = std::function<void(const locate::Answer&)>;

    // The error is a sentence that names the option.
    static Result<std::unique_ptr<Resolver>, std::string> create(asio::io_context& context, const Clock& clock,
                                                                 const ResolverOptions& options);
    ~Resolver();  // open questions are never answered
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    // On the thread of `context`, which also runs `reply`: once, perhaps before ask() returns.
    void ask(const locate::Question& question, Reply reply);

    const ResolverStatistics& statistics() const { return statistics_; }

private:
    using Key = std::pair<locate::RecordType, std::string>;
    struct Query {  // all who ask the same wait for one answer
        Resolver* resolver = nullptr;
        locate::Question question;
        std::vector<Reply> replies;
        int id = 0;
        std::unique_ptr<asio::steady_timer> timer;
    };
    struct Cached {
        locate::Answer answer;
        TimePoint expires{};
    };
    struct FreeContext {
        void operator()(ub_ctx* context) const;
    };

    Resolver(asio::io_context& context, const Clock& clock, Duration timeout, ub_ctx* unbound);
    static Result<ub_ctx*, std::string> configure(ub_ctx* unbound, const ResolverOptions& options);
    static void on_result(void* query, int error, ub_result* result);
    void wait();
    void start(Query& query);
    void answer(const Key& key, const locate::Answer& answer);
    void remember(const Key& key, const locate::Answer& answer);
    locate::Answer decode(const locate::Question& question, int error, const ub_result* result);

    asio::io_context& context_;
    const Clock& clock_;
    Duration timeout_;
    std::unique_ptr<ub_ctx, FreeContext> unbound_;
    asio::posix::stream_descriptor descriptor_;
    std::map<Key, Query> queries_;
    std::map<Key, Cached> cache_;
    ResolverStatistics statistics_;
};

}  // namespace sallyport::io

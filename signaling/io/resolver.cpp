#include "signaling/io/resolver.h"

#include <unbound.h>

#include <algorithm>

#include "signaling/io/dns_rdata.h"

namespace sallyport::io {
namespace {

constexpr std::size_t max_queries = 10'000;  // open at a time; then answered with failure at once
constexpr std::size_t max_cached = 10'000;
constexpr std::size_t max_records = 64;  // of one answer; RFC 3263 needs no more and a hostile zone gives them
constexpr Duration min_ttl = 1s, max_ttl = 24h;
constexpr Duration failure_ttl = 5s;   // RFC 2308 7.1 allows up to five minutes: a call should find DNS back sooner
constexpr Duration down_memory = 10s;  // how long a server's bad times are held against it
constexpr int class_in = 1;

int rr_type(locate::RecordType type) {
    switch (type) {
        case locate::RecordType::a: return 1;
        case locate::RecordType::aaaa: return 28;
        case locate::RecordType::srv: return 33;
        case locate::RecordType::naptr: return 35;
    }
    return 0;
}

std::string told(const std::string& option, int error) { return option + ": " + ub_strerror(error); }

struct FreeResult {
    void operator()(ub_result* result) const { ub_resolve_free(result); }
};

}  // namespace

void Resolver::FreeContext::operator()(ub_ctx* context) const { ub_ctx_delete(context); }

Result<ub_ctx*, std::string> Resolver::configure(ub_ctx* unbound, const ResolverOptions& options) {
    ub_ctx_debugout(unbound, nullptr);  // it would write to standard error, past our log
    // A resolver on this host is a normal forwarder; unbound's default is never to ask one.
    if (const int e = ub_ctx_set_option(unbound, "do-not-query-localhost:", "no"); e != 0) return told("dns", e);
    // A server that was silent for a minute is asked again within seconds; unbound's default is up to 15 minutes later.
    const std::string remembered =
        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(down_memory).count());
    if (const int e = ub_ctx_set_option(unbound, "infra-host-ttl:", remembered.c_str()); e != 0) return told("dns", e);
    if (const int e = ub_ctx_set_option(unbound, "infra-keep-probing:", "yes"); e != 0) return told("dns", e);
    for (const auto& server : options.servers)
        if (const int e = ub_ctx_set_fwd(unbound, server.c_str()); e != 0) return told("dns.servers: " + server, e);
    if (options.servers.empty())
        if (const int e = ub_ctx_resolvconf(unbound, nullptr); e != 0) return told("/etc/resolv.conf", e);
    if (!options.hosts_file.empty())
        if (const int e = ub_ctx_hosts(unbound, options.hosts_file.c_str()); e != 0)
            return told("dns.hosts_file: " + options.hosts_file, e);
    if (const int e = ub_ctx_async(unbound, 1); e != 0) return told("dns", e);
    for (const auto& record : options.records)  // last: the first record ends what can be set
        if (const int e = ub_ctx_data_add(unbound, record.c_str()); e != 0) return told("dns.records: " + record, e);
    return unbound;
}

Result<std::unique_ptr<Resolver>, std::string> Resolver::create(asio::io_context& context, const Clock& clock,
                                                                const ResolverOptions& options) {
    std::unique_ptr<ub_ctx, FreeContext> unbound(ub_ctx_create());
    if (!unbound) return std::string("dns: cannot create a resolver context");
    if (const auto configured = configure(unbound.get(), options); !configured) return configured.error();
    std::unique_ptr<Resolver> resolver(new Resolver(context, clock, options.timeout, unbound.release()));
    resolver->wait();
    return resolver;
}

Resolver::Resolver(asio::io_context& context, const Clock& clock, Duration timeout, ub_ctx* unbound)
    : context_(context), clock_(clock), timeout_(timeout), unbound_(unbound), descriptor_(context, ub_fd(unbound)) {}

Resolver::~Resolver() {
    for (auto& [key, query] : queries_)
        if (query.id != 0) ub_cancel(unbound_.get(), query.id);
    descriptor_.release();  // unbound's own
}

void Resolver::wait() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code ec) {
        if (ec) return;
        ub_process(unbound_.get());
        wait();
    });
}

void Resolver::ask(const locate::Question& question, Reply reply) {
    const Key key{question.type, question.name};
    if (const auto cached = cache_.find(key); cached != cache_.end()) {
        const auto left = cached->second.expires - clock_.now();
        if (left > Duration::zero()) {
            statistics_.cache_hits.add();
            locate::Answer answer = cached->second.answer;
            answer.ttl = left;
            return reply(answer);
        }
        cache_.erase(cached);
    }
    if (const auto open = queries_.find(key); open != queries_.end()) {
        open->second.replies.push_back(std::move(reply));
        return;
    }
    if (queries_.size() >= max_queries) {
        statistics_.refused_too_many.add();
        return reply({.question = question, .status = locate::DnsStatus::failure, .ttl = failure_ttl});
    }
    Query& query = queries_[key];
    query.resolver = this;
    query.question = question;
    query.replies.push_back(std::move(reply));
    start(query);
}

void Resolver::start(Query& query) {
    statistics_.queries.add();
    const Key key{query.question.type, query.question.name};
    const int error = ub_resolve_async(unbound_.get(), query.question.name.c_str(), rr_type(query.question.type),
                                       class_in, &query, &Resolver::on_result, &query.id);
    if (error != 0) return answer(key, decode(query.question, error, nullptr));
    query.timer = std::make_unique<asio::steady_timer>(context_, timeout_);
    query.timer->async_wait([this, key, id = query.id](boost::system::error_code ec) {
        if (ec) return;
        const auto open = queries_.find(key);
        if (open == queries_.end() || open->second.id != id) return;
        ub_cancel(unbound_.get(), open->second.id);  // from here on its callback is not called
        statistics_.timeouts.add();
        answer(key, {.question = open->second.question, .status = locate::DnsStatus::timeout, .ttl = min_ttl});
    });
}

// Called by ub_process(), on our thread. The query is alive: it was not cancelled.
void Resolver::on_result(void* query, int error, ub_result* result) {
    const std::unique_ptr<ub_result, FreeResult> owned(result);
    auto& asked = *static_cast<Query*>(query);
    Resolver& self = *asked.resolver;
    const Key key{asked.question.type, asked.question.name};
    locate::Answer answer = self.decode(asked.question, error, result);
    self.remember(key, answer);
    self.answer(key, answer);
}

locate::Answer Resolver::decode(const locate::Question& question, int error, const ub_result* result) {
    locate::Answer answer{.question = question, .status = locate::DnsStatus::failure, .ttl = failure_ttl};
    if (error != 0 || result == nullptr || result->bogus) {
        statistics_.failures.add();
        return answer;
    }
    answer.ttl = std::clamp<Duration>(std::chrono::seconds(result->ttl), min_ttl, max_ttl);
    if (result->nxdomain || !result->havedata) {
        const bool told = result->nxdomain || result->rcode == 0;
        if (!told) answer.ttl = failure_ttl;
        (told ? statistics_.answers_negative : statistics_.failures).add();
        answer.status = result->nxdomain ? locate::DnsStatus::no_such_name
                        : told           ? locate::DnsStatus::no_data
                                         : locate::DnsStatus::failure;
        return answer;
    }
    for (std::size_t i = 0; i < max_records && result->data[i] != nullptr; ++i) {
        const ByteView rdata(reinterpret_cast<const std::uint8_t*>(result->data[i]),
                             static_cast<std::size_t>(result->len[i]));
        if (!decode_into(answer, question.type, rdata)) statistics_.bad_records.add();
    }
    const bool any = !answer.addresses.empty() || !answer.srv.empty() || !answer.naptr.empty();
    answer.status = any ? locate::DnsStatus::ok : locate::DnsStatus::no_data;
    statistics_.answers_ok.add();
    return answer;
}

void Resolver::answer(const Key& key, const locate::Answer& answer) {
    const auto found = queries_.find(key);
    if (found == queries_.end()) return;
    const auto replies = std::move(found->second.replies);
    queries_.erase(found);  // first: a reply may ask the same again
    for (const auto& reply : replies) reply(answer);
}

void Resolver::remember(const Key& key, const locate::Answer& answer) {
    const TimePoint now = clock_.now();
    if (cache_.size() >= max_cached)
        std::erase_if(cache_, [&](const auto& entry) { return entry.second.expires <= now; });
    if (cache_.size() >= max_cached) cache_.erase(cache_.begin());
    cache_[key] = {answer, now + answer.ttl};
}

}  // namespace sallyport::io

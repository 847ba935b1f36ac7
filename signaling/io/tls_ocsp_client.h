// Asks OCSP responders (RFC 6960 appendix A: HTTP) on a thread of its own, so that no shard ever waits for one. Knows
// the responder from the certificate (RFC 5280 4.2.2.1), remembers what it was told for as long as that is good.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "control/base/counter.h"
#include "signaling/io/tls_ocsp.h"

namespace sallyport::io {

struct OcspStatistics {  // written by the client's thread, but `cached` and `refused_too_many` under its mutex
    Counter good, revoked, unknown, unreachable, cached, refused_too_many;
};

class OcspClient {
public:
    using Done = std::function<void(const StatusAnswer& answer, const std::string& der)>;  // der: empty without one

    OcspClient();
    ~OcspClient();  // what is still waiting is never answered
    OcspClient(const OcspClient&) = delete;
    OcspClient& operator=(const OcspClient&) = delete;

    // Any thread. Calls `done` on the client's thread, or at once when the answer is known or cannot be had. `fresh`:
    // what is known already will not do.
    void ask(const StatusQuestion& question, Done done, bool fresh = false);
    const OcspStatistics& statistics() const { return statistics_; }

private:
    struct Asked {
        StatusQuestion question;
        std::string key;
        Done done;
        bool fresh = false;
    };
    struct Known {
        StatusAnswer answer;
        std::string der;
        long long until = 0;  // seconds since 1970
    };
    void run();
    Known look_up(const StatusQuestion& question);
    void remember(const std::string& key, const Known& known);

    OcspStatistics statistics_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Asked> waiting_;
    std::map<std::string, Known> known_;     // by fingerprint
    std::map<std::string, long long> away_;  // responders that did not answer, until when; of the thread alone
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sallyport::io

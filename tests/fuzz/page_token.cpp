// rooms: api records config
// The page token of the list of calls, against a spool of two segments: any bytes are a token or none, a page is never
// longer than asked for, and the next one begins further back, so that no token makes a client read for ever.
#include "control/api/call_history.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/base/check.h"
#include "control/config/syntax.h"
#include "control/records/spool.h"
#include "tests/support/fuzz_seeds.h"

namespace sallyport::test {

std::vector<std::string> fuzz_seeds() {
    return {"1:0", "1:37", "2:120", "2:18446744073709551615", "18446744073709551615:0", ":", "1:", "acme-hq"};
}

}  // namespace sallyport::test

namespace {

using namespace sallyport;

class SmallSpool {
public:
    SmallSpool() {
        char name[] = "/tmp/sallyport-pages-XXXXXX";
        SALLYPORT_CHECK(mkdtemp(name) != nullptr);
        directory_ = name;
        for (int segment = 0; segment < 2; ++segment) {
            records::SpoolOptions options;
            options.directory = directory_;
            auto spool = records::Spool::open(options);
            SALLYPORT_CHECK(spool.has_value());
            for (const auto* id : {"one", "two", "three"}) {
                records::CallRecord record;
                record.id = id;
                (*spool)->append(records::to_json(record));
            }
        }
    }
    ~SmallSpool() { std::filesystem::remove_all(directory_); }
    const std::filesystem::path& directory() const { return directory_; }

private:
    std::filesystem::path directory_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const SmallSpool spool;
    static const api::CallHistory history(spool.directory());
    const std::string token(reinterpret_cast<const char*>(data), size);
    if (config::is_id(token)) SALLYPORT_CHECK(token.size() <= 63);
    auto page = history.page("", 2, token, [] { return false; });
    SALLYPORT_CHECK(page.has_value() == (token.empty() || records::Position::parse(token).has_value()));
    auto before = records::Position::parse(token);
    for (int pages = 0; page; ++pages) {
        SALLYPORT_CHECK(pages <= 6 && page->calls.size() <= 2);
        if (page->next.empty()) break;
        const auto next = records::Position::parse(page->next);
        SALLYPORT_CHECK(next.has_value() && (!before || *next < *before));
        before = next;
        page = history.page("", 2, page->next, [] { return false; });
    }
    return 0;
}

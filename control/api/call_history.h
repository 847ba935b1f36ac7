// Finished calls out of the record spool, as the operations API shows them. Reads backwards, bounded; keeps no index.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/base/result.h"
#include "control/records/call_record.h"
#include "sallyport/operations/v1/operations.pb.h"

namespace sallyport::api {

operations::v1::Call to_proto(const records::CallRecord& record);

class CallHistory {
public:
    explicit CallHistory(std::filesystem::path directory) : directory_(std::move(directory)) {}

    struct Page {
        std::vector<operations::v1::Call> calls;  // newest first
        std::string next;                         // where the next page begins; empty: there is none
    };
    // Asked now and then while records are read; true: the caller waits no longer, so stop.
    using GiveUp = std::function<bool()>;
    enum class SearchErrc : std::uint8_t {
        busy,      // another search is under way: one reads half a gigabyte, many would occupy the node
        given_up,  // by the caller
    };

    // At most `size` calls of the trunk (empty: any). A page may be short of that and still have a next: the search
    // looks at a bounded number of bytes at a time, and ends where the caller gave up. Nothing when `from` is no token
    // of ours.
    std::optional<Page> page(std::string_view trunk, std::size_t size, const std::string& from,
                             const GiveUp& give_up) const;

    struct Found {
        records::CallRecord record;
        std::string json;
    };
    // By the call's id or by the SIP Call-ID of either leg, among the newest half gigabyte of records.
    // One search at a time.
    Result<std::optional<Found>, SearchErrc> find(std::string_view id, const GiveUp& give_up) const;

    const std::filesystem::path& directory() const { return directory_; }
    std::uint64_t bytes() const;

private:
    std::filesystem::path directory_;
    mutable std::mutex search_;  // held by the one search that may be under way
};

}  // namespace sallyport::api

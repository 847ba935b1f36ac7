// rtp_probe: sends a known signal as RTP or SRTP and verifies the one that comes back, bit by bit.
#include <cinttypes>
#include <cstdio>
#include <exception>

#include "tools/rtp_probe/probe.h"

namespace {

void print_json(const rtp_probe::Report& report) {
    const auto& r = report.reception;
    std::printf("{\"event\":\"result\",\"ok\":%s,\"failure\":\"%s\",\"frames_expected\":%" PRIu64
                ",\"frames_sent\":%" PRIu64 ",\"packets_sent\":%" PRIu64 ",\"rtcp_sent\":%" PRIu64,
                report.failure.empty() ? "true" : "false", report.failure.c_str(), report.frames_expected,
                report.frames_sent, report.packets_sent, report.rtcp_sent);
    const std::pair<const char*, std::uint64_t> counts[] = {
        {"packets_received", r.packets}, {"frames_received", r.frames},    {"corrupt", r.corrupt},
        {"duplicates", r.duplicates},    {"out_of_order", r.out_of_order}, {"lost", r.lost},
        {"not_rtp", r.not_rtp},          {"wrong_type", r.wrong_type},     {"auth_failed", r.auth_failed},
        {"replayed", r.replayed},        {"malformed", r.malformed},       {"ssrc_changes", r.ssrc_changes},
        {"rtcp_received", r.rtcp},       {"rtcp_invalid", r.rtcp_invalid}, {"ssrc", r.ssrc}};
    for (const auto& [name, value] : counts) std::printf(",\"%s\":%" PRIu64, name, value);
    std::printf(",\"jitter_ms\":%.3f,\"longest_gap_ms\":%.1f,\"source\":\"%s\"}\n", r.jitter_seconds * 1'000,
                r.longest_gap_seconds * 1'000, report.source.c_str());
}

void print_text(const rtp_probe::Report& report) {
    const auto& r = report.reception;
    std::printf("sent %" PRIu64 " frames, received %" PRIu64 " of %" PRIu64 " (%" PRIu64 " changed, %" PRIu64
                " lost, jitter %.2f ms), RTCP %" PRIu64 "/%" PRIu64 "\n",
                report.frames_sent, r.frames, report.frames_expected, r.corrupt, r.lost, r.jitter_seconds * 1'000,
                report.rtcp_sent, r.rtcp);
    if (!report.failure.empty()) std::printf("FAILED: %s\n", report.failure.c_str());
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = rtp_probe::parse_options(argc, argv);
    try {
        rtp_probe::Probe probe(options);
        if (options.json) std::printf("{\"event\":\"ready\",\"local\":\"%s\"}\n", probe.local().c_str());
        std::fflush(stdout);
        const auto report = probe.run();
        if (options.json) {
            print_json(report);
        } else {
            print_text(report);
        }
        return report.failure.empty() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rtp_probe: %s\n", error.what());
        return 1;
    }
}

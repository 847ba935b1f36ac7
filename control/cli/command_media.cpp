// The media plane's sessions as an operator looks for the sick ones, and the packets of one.
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "control/cli/capture_file.h"
#include "control/cli/commands.h"
#include "control/cli/pcap_file.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

namespace mv1 = sallyport::media::v1;
using Stub = ov1::Operations::Stub;

std::string number(const char* format, double value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}
std::string unless_zero(const char* format, double value) { return value == 0 ? "" : number(format, value); }

std::string state_of(const mv1::SessionStatistics& session, const mv1::LegStatistics& leg) {
    if (!leg.silent()) return "";
    for (const auto& other : session.legs())
        if (other.stream() == leg.stream() && other.side() != leg.side() && !other.silent() &&
            other.packets_per_second() > 0)
            return "ONE-WAY";
    return "silent";
}

std::string counted(std::uint64_t n, const char* noun) { return std::to_string(n) + ' ' + noun + (n == 1 ? "" : "s"); }

void print_legs(std::ostream& out, const mv1::TopSessionsResponse& top) {
    Table table({"SESSION", "TRUNK", "AGE", "LEG", "REMOTE", "CODEC", "PACKETS/S", "LOSS", "JITTER", "RTT", "MOS",
                 "WORST", "REORDERED", "DROPS/S", "STATE"});
    for (const auto& s : top.sessions())
        for (const auto& leg : s.legs()) {
            const bool fax = leg.transport() == mv1::TRANSPORT_UDPTL;
            const auto remote = leg.remote().address().empty()
                                    ? std::string()
                                    : leg.remote().address() + " port " + std::to_string(leg.remote().port());
            table.add({s.session(), s.trunk(), duration_text(s.age_seconds()),
                       std::string(leg.side() == mv1::SIDE_A ? "a" : "b") + std::to_string(leg.stream()), remote,
                       fax ? "udptl" : leg.codec(), number("%.1f", leg.packets_per_second()),
                       number("%.2f %%", leg.recent_loss() * 100), number("%.1f ms", leg.jitter_seconds() * 1'000),
                       leg.round_trip_seconds() == 0 ? "" : number("%.0f ms", leg.round_trip_seconds() * 1'000),
                       unless_zero("%.2f", leg.recent_mos() > 0 ? leg.recent_mos() : leg.mos()),
                       unless_zero("%.2f", leg.worst_mos()), std::to_string(leg.reordered()),
                       unless_zero("%.1f", leg.drops_per_second()), state_of(s, leg)});
        }
    if (!table.empty()) table.print(out);
}

// None of its sessions may mean that there is no such trunk: then control says so.
void require_trunk(Session& session, const std::string& name) {
    pv1::GetRequest request;
    request.set_name("trunks/" + name);
    pv1::Trunk trunk;
    session.client.call(session.client.provisioning(), &pv1::Provisioning::Stub::GetTrunk, request, trunk);
}

void print_end(std::ostream& err, const mv1::CaptureEnded& ended, std::uint64_t packets) {
    const std::string reason = ended.reason() == "session"   ? "the call has ended"
                               : ended.reason() == "seconds" ? "the time is over"
                               : ended.reason() == "packets" ? "all packets asked for are there"
                                                             : "it was stopped";
    err << counted(packets, "packet") << " captured: " << reason << '\n';
    if (ended.missed() > 0)
        err << "warning: " << counted(ended.missed(), "packet")
            << " are missing, because they were not taken in time\n";
    if (ended.withheld() > 0)
        err << counted(ended.withheld(), "packet")
            << " of the leg without SRTP came with the header alone, because the call's other side has SRTP: what that "
               "hides is shown with --decrypted only\n";
}

}  // namespace

std::vector<std::string> top_words() { return {"mos", "loss", "jitter", "rtt", "packets", "drops", "silence"}; }

int show_top(Session& session, const TopArguments& arguments) {
    mv1::TopSessionsRequest request;
    const auto words = top_words();
    for (std::size_t i = 0; i < words.size(); ++i)  // in the order of the enum
        if (words[i] == arguments.by) request.set_by(static_cast<mv1::TopBy>(mv1::TOP_BY_MOS + static_cast<int>(i)));
    request.set_limit(arguments.limit);
    request.set_trunk(arguments.trunk.starts_with("trunks/") ? arguments.trunk.substr(7) : arguments.trunk);
    mv1::TopSessionsResponse top;
    session.client.call(session.client.operations(), &Stub::TopMediaSessions, request, top);
    if (!request.trunk().empty() && top.sessions().empty()) require_trunk(session, request.trunk());
    if (session.json) {
        print_json(session.out, top);
        return Exit::done;
    }
    session.out << counted(top.total(), "media session") << ", " << number("%.0f", top.packets_per_second())
                << " packets/s received, " << top.one_way_sessions() << " one-way, "
                << counted(top.silent_legs(), "silent leg") << "; by " << arguments.by << '\n';
    print_legs(session.out, top);
    return Exit::done;
}

int capture_media(Session& session, const CaptureArguments& arguments) {
    ov1::CaptureMediaRequest request;
    request.set_call(arguments.call);
    request.set_decrypted(arguments.decrypted);
    request.set_seconds(arguments.seconds);
    request.set_packets(arguments.packets);
    CaptureFile file(arguments.file, session.out, &session.out == &std::cout && isatty(STDOUT_FILENO) == 1);
    std::optional<PcapFile> pcap;
    std::uint64_t packets = 0, unreadable = 0;
    std::optional<mv1::CaptureEnded> ended;
    const auto take = [&](const mv1::CaptureMessage& message) {
        if (message.has_started()) {  // before it, there is nothing that would need a file
            pcap.emplace(file.begin(), "sallyport " SALLYPORT_VERSION);
            session.err << "capturing session " << printable(message.started().session()) << " of trunk "
                        << printable(message.started().trunk()) << '\n';
        }
        if (message.has_packet() && pcap) ++(pcap->add(message.packet()) ? packets : unreadable);
        if (message.has_ended()) ended = message.ended();
        if (pcap) file.flush();
        return true;
    };
    const auto so_far = [&] { return "; " + counted(packets, "packet") + " until then are in " + file.name(); };
    try {
        session.client.read(session.client.operations(), &Stub::CaptureMedia, request, arguments.seconds, take);
    } catch (Failure& failure) {
        if (pcap) failure.sentence += so_far();
        throw;
    }
    if (!ended)
        throw Failure{"control ended the capture without saying why; its log and the media plane's may" + so_far()};
    print_end(session.err, *ended, packets);
    if (unreadable > 0)
        session.err << "warning: " << counted(unreadable, "packet")
                    << " came without addresses or with impossible lengths; is control of another version?\n";
    return Exit::done;
}

}  // namespace sallyport::cli

// `sallyport dns zone` and `sallyport dns check`: what the provider publishes about this node, and whether it is there.
#include <nlohmann/json.hpp>
#include <ostream>

#include "control/cli/commands.h"
#include "control/cli/dns_check.h"
#include "control/cli/dns_zone.h"
#include "control/cli/table.h"

namespace sallyport::cli {
namespace {

using Json = nlohmann::json;

dns::Zone zone_of(Session& session, const DnsArguments& arguments) {
    ov1::Status status;
    session.client.call(session.client.operations(), &ov1::Operations::Stub::GetStatus, ov1::GetStatusRequest(),
                        status);
    if (!status.has_signaling()) throw Failure{"sallyport-signaling is away: its listeners are not known"};
    return dns::make_zone(status.signaling(), {arguments.domain, arguments.realm, arguments.ttl_seconds});
}

}  // namespace

int print_zone(Session& session, const DnsArguments& arguments) {
    const auto zone = zone_of(session, arguments);
    if (!session.json) {
        session.out << dns::zone_file(zone);
        return Exit::done;
    }
    Json records = Json::array();
    for (const auto& record : zone.records)
        records.push_back({{"name", record.name},
                           {"type", dns::to_string(record.type)},
                           {"ttl", zone.ttl_seconds},
                           {"value", record.value()}});
    session.out << Json{{"domain", zone.domain}, {"realm", zone.realm}, {"records", records}, {"remarks", zone.remarks}}
                       .dump(1, ' ', false, Json::error_handler_t::replace)
                << '\n';
    return Exit::done;
}

int check_dns(Session& session, const DnsArguments& arguments) {
    const auto zone = zone_of(session, arguments);
    dns::Lookup lookup(arguments.server);
    const dns::Ask ask = [&](const std::string& name, dns::Type type) { return lookup.ask(name, type); };
    const auto findings = dns::check_zone(zone, ask);
    const bool good = dns::passed(findings);
    if (session.json) {
        Json all = Json::array();
        for (const auto& finding : findings)
            all.push_back({{"verdict", dns::to_string(finding.verdict)}, {"text", finding.text}});
        session.out << Json{{"domain", zone.domain}, {"passed", good}, {"findings", all}}.dump(
                           1, ' ', false, Json::error_handler_t::replace)
                    << '\n';
        return good ? Exit::done : Exit::refused;
    }
    for (const auto& finding : findings) {
        std::string verdict(dns::to_string(finding.verdict));
        verdict.resize(8, ' ');
        session.out << verdict << printable(finding.text) << '\n';
    }
    session.out << (good ? "DNS leads PBXs to this node.\n"
                         : "DNS does not lead PBXs to this node as it should; `sallyport dns zone` prints what to "
                           "publish.\n");
    return good ? Exit::done : Exit::refused;
}

}  // namespace sallyport::cli

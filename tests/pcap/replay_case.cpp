#include "replay_case.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "control/yaml/fields.h"

namespace sallyport::test {
namespace {

using media::Side;
using yaml::Fields;

void read_port(Fields& fields, ReplayCase& out) {
    media::dpdk::PortConfig port;
    port.name = fields.text("name", Fields::Required::yes, "access");
    port.link_address = media::dpdk::LinkAddress::parse(fields.text("mac", Fields::Required::yes, "02:00:00:00:00:01"));
    port.vlan = static_cast<std::uint16_t>(fields.integer("vlan", 0, 4094, 0));
    port.mtu = static_cast<std::uint16_t>(fields.integer("mtu", 576, 9000, 1500));
    for (const auto& text : fields.texts("addresses", "192.0.2.2/24")) {
        const auto slash = text.find('/');
        const auto address = IpAddress::parse(text.substr(0, slash));
        if (!address || slash == text.npos) {
            fields.wrong("addresses", text + " is no address with a prefix length");
            continue;
        }
        port.addresses.push_back({*address, static_cast<std::uint8_t>(std::stoi(text.substr(slash + 1)))});
    }
    for (const auto& text : fields.texts("gateways", "192.0.2.1")) {
        const auto gateway = IpAddress::parse(text);
        if (gateway) (gateway->family == Family::v4 ? port.gateway_v4 : port.gateway_v6) = gateway;
    }
    std::vector<Bytes> frames;
    for (const auto& text : fields.texts("receive", "\"ff:ff...\"")) {
        const auto frame = from_hex(text);
        if (!frame)
            fields.wrong("receive", "'" + text.substr(0, 20) + "...' is no hex");
        else
            frames.push_back(*frame);
    }
    fields.finish();
    out.driver.ports.push_back(std::move(port));
    out.frames.push_back(std::move(frames));
}

Bytes key_of(Fields& fields, std::string_view name) {
    const auto text = fields.text(name, Fields::Required::no, "base64");
    const auto key = from_base64(text);
    if (!key) fields.wrong(name, "is no base64");
    return key.value_or(Bytes{});
}

void read_side(Fields fields, Side side, media::Allocate& allocate) {
    (side == Side::a ? allocate.port_a : allocate.port_b) = fields.text("port", Fields::Required::yes, "access");
    const auto local = Endpoint::parse(fields.text("local", Fields::Required::yes, "192.0.2.2:20000"));
    const auto remote = Endpoint::parse(fields.text("remote", Fields::Required::yes, "192.0.2.9:4000"));
    if (!local || !remote) return fields.wrong("local", "local and remote are endpoints");
    (side == Side::a ? allocate.family_a : allocate.family_b) = local->address.family;
    const Endpoint rtcp{local->address, static_cast<std::uint16_t>(local->port + 1)};
    allocate.restore.push_back({0, side, *local, rtcp});
    media::LegChange leg{.stream = 0, .side = side, .remote = remote};
    if (fields.has("suite")) {
        const auto suite = srtp::suite_by_name(fields.text("suite", Fields::Required::yes, "AES_CM_128_HMAC_SHA1_80"));
        if (!suite) return fields.wrong("suite", "is not known");
        leg.keys = media::Keys{*suite, key_of(fields, "receive_key"), key_of(fields, "send_key")};
    }
    if (fields.has("map")) {
        const auto map = fields.texts("map", "8, 0");
        leg.payload_map.emplace();
        for (std::size_t i = 0; i + 1 < map.size(); i += 2)
            leg.payload_map->push_back(
                {static_cast<std::uint8_t>(std::stoi(map[i])), static_cast<std::uint8_t>(std::stoi(map[i + 1]))});
    }
    allocate.legs.push_back(std::move(leg));
    fields.finish();
}

}  // namespace

ReplayCase read_case(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    auto documents = yaml::parse(text);
    if (!documents) throw std::runtime_error(yaml::to_string(documents.error(), file));
    if (documents->size() != 1) throw std::runtime_error(file + ": one document is expected");
    yaml::Problems problems;
    ReplayCase out;
    Fields root(documents->front(), "", problems);
    root.text("about", Fields::Required::yes, "what this case shows");
    out.lcores = static_cast<std::size_t>(root.integer("lcores", 1, 2, 1));
    for (auto& port : root.list("ports", Fields::Required::yes)) read_port(port, out);
    for (auto& session : root.list("sessions", Fields::Required::no)) {
        media::Allocate allocate;
        allocate.key = {"test", session.text("name", Fields::Required::yes, "s1")};
        read_side(session.section("a"), Side::a, allocate);
        read_side(session.section("b"), Side::b, allocate);
        session.finish();
        out.sessions.push_back(std::move(allocate));
    }
    root.finish();
    std::string all;
    for (const auto& problem : problems) all += yaml::to_string(problem, file) + "\n";
    if (!all.empty()) throw std::runtime_error(all);
    return out;
}

}  // namespace sallyport::test

#include "signaling/registrar/proven_connections.h"

#include <catch2/catch.hpp>

using namespace sallyport;
using registrar::ProvenConnections;

namespace {

const IpAddress here = IpAddress::v4(192, 0, 2, 7), there = IpAddress::v4(192, 0, 2, 8);

Flow from(const IpAddress& address, std::uint64_t connection, Transport transport = Transport::tls) {
    return {
        transport, 1, {IpAddress::v4(192, 0, 2, 1), 5061}, {address, std::uint16_t(40000 + connection)}, connection};
}
Flow towards(const IpAddress& address, RealmIndex realm = 1) { return {Transport::tls, realm, {}, {address, 5061}, 0}; }

}  // namespace

TEST_CASE(
    "a connection that a trunk has proved itself on is found for what goes to its address, until it ends "
    "[SC-17.2-24]") {
    ProvenConnections proven;
    CHECK_FALSE(proven.find(towards(here), "acme"));
    proven.add(from(here, 7), "acme");
    CHECK(proven.find(towards(here), "acme") == 7);
    CHECK(proven.has(from(here, 7), "acme"));
    CHECK_FALSE(proven.find(towards(here), "other"));
    CHECK_FALSE(proven.find(towards(there), "acme"));
    CHECK_FALSE(proven.find(towards(here, 0), "acme"));
    proven.flow_closed(from(here, 7));
    CHECK_FALSE(proven.find(towards(here), "acme"));
    CHECK_FALSE(proven.has(from(here, 7), "acme"));
    CHECK(proven.size() == 0);
}

TEST_CASE("what was proven over TCP, or has no connection, is no way to a peer over TLS") {
    ProvenConnections proven;
    proven.add(from(here, 7, Transport::tcp), "acme");
    proven.add(from(here, 0, Transport::udp), "acme");
    CHECK_FALSE(proven.find(towards(here), "acme"));
    CHECK(proven.size() == 1);
}

TEST_CASE("of several the youngest is taken, and the next once it has ended") {
    ProvenConnections proven;
    for (const std::uint64_t connection : {7, 9, 8}) proven.add(from(here, connection), "acme");
    CHECK(proven.find(towards(here), "acme") == 9);
    proven.flow_closed(from(here, 9));
    CHECK(proven.find(towards(here), "acme") == 8);
}

TEST_CASE("a connection is one trunk's: the last that has proved itself on it") {
    ProvenConnections proven;
    proven.add(from(here, 7), "acme");
    proven.add(from(here, 7), "other");
    CHECK_FALSE(proven.find(towards(here), "acme"));
    CHECK(proven.find(towards(here), "other") == 7);
    CHECK(proven.size() == 1);
}

TEST_CASE("beyond so many the oldest are neither proven nor found") {
    ProvenConnections proven(2);
    for (const std::uint64_t connection : {1, 2, 3}) proven.add(from(here, connection), "acme");
    CHECK(proven.size() == 2);
    CHECK_FALSE(proven.has(from(here, 1), "acme"));
    proven.flow_closed(from(here, 3));
    proven.flow_closed(from(here, 2));
    CHECK_FALSE(proven.find(towards(here), "acme"));
}

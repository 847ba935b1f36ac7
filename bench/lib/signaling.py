"""signaling-calls and registrations: CPU time of the server per unit of work, ours and Kamailio's in turn."""
import hashlib
import os
import tempfile

from . import kamailio, measure, node, sipp

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "signaling")
KAMAILIO_PORT = 5070
BENCH_PASSWORD = "bench-secret-0001"
USERS = 500

CALLS = """kind: Trunk
name: bench
mode: static
realm: access
domain: static.sallyport.example
transports: [udp]
targets: [{host: 192.0.2.20, port: 5080, transport: udp}]
sources: [192.0.2.20/32]
numbers: [{first: "+4930100", last: "+4930199"}]
limits: {concurrent_calls: 0, calls_per_second: 0}
media: {srtp: off}
network: {unprobed: true}
---
kind: Carrier
name: core
realm: core
targets: [{host: 198.51.100.10, port: 5060, transport: udp}]
---
kind: Route
name: all
prefix: ""
carriers: [carriers/core]
"""


def scenario(name):
    return os.path.join(HERE, name)


def microseconds_per_unit(who, cpu_seconds, run, units, rate):
    before = cpu_seconds()
    outcome = run(calls=units, rate=rate)
    if outcome["failed"] or outcome["ok"] != units:
        raise RuntimeError(f"{who}: {outcome['ok']} of {units} succeeded, {outcome['failed']} failed: not a clean run")
    return round((cpu_seconds() - before) / units * 1e6, 1)


def calls(programs, rounds, quick):
    """CPU microseconds of the server per call (INVITE-100-180-200-ACK-BYE-200 over UDP), and the highest clean rate."""
    units, rate = (1000, 250) if quick else (5000, 500)
    ours, peer = [], []
    with node.running(programs, CALLS) as edge_node:
        network = edge_node.network
        uas = sipp.Uas(network.core, scenario("uas.xml"), node.UAS_ADDRESS, 5060)
        proxy = None

        def ask(address):
            return lambda calls, rate: sipp.run_uac(network.pbx, scenario("uac.xml"), address, node.UAC_ADDRESS, 5080, calls,
                                                    rate, node.CALLED)
        our_run, peer_run = ask("192.0.2.1:5060"), ask(f"192.0.2.1:{KAMAILIO_PORT}")
        try:
            proxy = kamailio.Kamailio(network.edge, "kamailio-proxy.cfg", ("192.0.2.1", "198.51.100.1"), KAMAILIO_PORT,
                                      ("WITH_TOPOH",))
            our_run(calls=200, rate=100)
            peer_run(calls=200, rate=100)
            for _ in range(rounds):
                ours.append(microseconds_per_unit("Sallyport", lambda: node.cpu_seconds(edge_node), our_run, units, rate))
                peer.append(microseconds_per_unit("Kamailio", proxy.cpu_seconds, peer_run, units, rate))
            rates = {}
            if not quick:
                rates = {"ours": sipp.highest_clean_rate(our_run, 500), "peer": sipp.highest_clean_rate(peer_run, 500)}
        finally:
            uas.stop()
            if proxy:
                proxy.stop()
    return measure.result("signaling-calls", "CPU microseconds per call", ours, peer,
                          "Kamailio, stateful proxy with dialog tracking and topology hiding",
                          {"calls_per_run": units, "calls_per_second": rate, "highest_clean_rate": rates})


def registrations(programs, rounds, quick):
    """CPU microseconds of the server per registration (REGISTER, 401, REGISTER with Digest MD5, 200 over UDP)."""
    # A port for each: PBXs that share one look like a NAT that gives it from one to the next, which is another path.
    units, rate = (1000, 250) if quick else (5000, 500)
    documents = []
    for i in range(USERS):
        ha1 = hashlib.md5(f"pbx{i}:bench.example:{BENCH_PASSWORD}".encode()).hexdigest()
        documents.append(f"kind: Trunk\nname: pbx{i}\nmode: registration\nrealm: access\ntransports: [udp]\n"
                         f"registration_aor: sip:pbx{i}@bench.example\n"
                         f"credentials: [{{username: pbx{i}, ha1_md5: {ha1}}}]\n"
                         f"numbers: [{{first: \"+4930{i:03}00\", last: \"+4930{i:03}99\"}}]\n")
    ours, peer = [], []
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as users, \
            node.running(programs, "---\n".join(documents)) as edge_node:
        users.write("SEQUENTIAL\n" + "".join(f"pbx{i};[authentication username=pbx{i} password={BENCH_PASSWORD}]\n"
                                             for i in range(USERS)))
        users.flush()
        network = edge_node.network
        registrar = kamailio.Kamailio(network.edge, "kamailio-registrar.cfg", ("192.0.2.1",), KAMAILIO_PORT)

        def ask(address):
            return lambda calls, rate: sipp.run_uac(network.pbx, scenario("register.xml"), address, "192.0.2.10", 5080, calls,
                                                    rate, inf=users.name, own_sockets=True)
        try:
            our_run, peer_run = ask("192.0.2.1:5060"), ask(f"192.0.2.1:{KAMAILIO_PORT}")
            our_run(calls=USERS, rate=100)
            peer_run(calls=USERS, rate=100)
            for _ in range(rounds):
                ours.append(microseconds_per_unit("Sallyport", lambda: node.cpu_seconds(edge_node), our_run, units, rate))
                peer.append(microseconds_per_unit("Kamailio", registrar.cpu_seconds, peer_run, units, rate))
        finally:
            registrar.stop()
    return measure.result("registrations", "CPU microseconds per registration", ours, peer,
                          "Kamailio, usrloc in memory with Digest MD5",
                          {"registrations_per_run": units, "registrations_per_second": rate, "users": USERS})

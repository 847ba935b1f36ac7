"""signaling-calls, registrations and bulk-register: CPU time of the server per unit of work, ours and Kamailio's in turn."""
import contextlib
import hashlib
import os
import tempfile

from . import kamailio, measure, node, sipp

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "signaling")
KAMAILIO_PORT = 5070
BENCH_PASSWORD = "bench-secret-0001"
USERS = 500
PARTIES = 20

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


def trunk(name, numbers):
    """In registration mode, as `sallyport apply` takes it."""
    ha1 = hashlib.md5(f"{name}:bench.example:{BENCH_PASSWORD}".encode()).hexdigest()
    return (f"kind: Trunk\nname: {name}\nmode: registration\nrealm: access\ntransports: [udp]\n"
            f"registration_aor: sip:{name}@bench.example\ncredentials: [{{username: {name}, ha1_md5: {ha1}}}]\n"
            f"numbers: [{numbers}]\n")


@contextlib.contextmanager
def users_file(names):
    """What SIPp takes its users from, one after the other."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as users:
        users.write("SEQUENTIAL\n" + "".join(f"{name};[authentication username={name} password={BENCH_PASSWORD}]\n"
                                             for name in names))
        users.flush()
        yield users


def registrations(programs, rounds, quick):
    """CPU microseconds of the server per registration (REGISTER, 401, REGISTER with Digest MD5, 200 over UDP), ours in memory
    as Kamailio's; and ours kept on the disk, as it is by default."""
    # A port for each: PBXs that share one look like a NAT that gives it from one to the next, which is another path.
    units, rate = (1000, 250) if quick else (5000, 500)
    names = [f"pbx{i}" for i in range(USERS)]
    documents = [trunk(name, f"{{first: \"+4930{i:03}00\", last: \"+4930{i:03}99\"}}") for i, name in enumerate(names)]
    provision = "---\n".join(documents)
    ours, peer, kept = [], [], []

    def register(network, address, users):
        def run(calls, rate):
            return sipp.run_uac(network.pbx, scenario("register.xml"), address, "192.0.2.10", 5080, calls, rate, inf=users.name,
                                own_sockets=True)
        run(calls=USERS, rate=100)
        return run
    with users_file(names) as users:
        with node.running(programs, provision, registrations="none") as edge_node:
            registrar = kamailio.Kamailio(edge_node.network.edge, "kamailio-registrar.cfg", ("192.0.2.1",), KAMAILIO_PORT)
            try:
                our_run = register(edge_node.network, "192.0.2.1:5060", users)
                peer_run = register(edge_node.network, f"192.0.2.1:{KAMAILIO_PORT}", users)
                for _ in range(rounds):
                    ours.append(microseconds_per_unit("Sallyport", lambda: node.cpu_seconds(edge_node), our_run, units, rate))
                    peer.append(microseconds_per_unit("Kamailio", registrar.cpu_seconds, peer_run, units, rate))
            finally:
                registrar.stop()
        with node.running(programs, provision) as edge_node:
            our_run = register(edge_node.network, "192.0.2.1:5060", users)
            for _ in range(rounds):
                kept.append(microseconds_per_unit("Sallyport", lambda: node.cpu_seconds(edge_node), our_run, units, rate))
    return measure.result("registrations", "CPU microseconds per registration", ours, peer,
                          "Kamailio, usrloc in memory with Digest MD5",
                          {"registrations_per_run": units, "registrations_per_second": rate, "users": USERS,
                           "kept": {"ours": measure.median(kept), "runs": kept}})


def bulk_register(programs, rounds, quick):
    """CPU microseconds per bulk REGISTER with its challenge: trunks with 10,000 numbers beside trunks with one."""
    units, rate = (500, 250) if quick else (3000, 300)
    many, one = ([f"{kind}{i}" for i in range(PARTIES)] for kind in ("many", "one"))
    each = 1_000 if quick else 10_000
    documents = [trunk(name, ", ".join(f"{{first: \"+4930{i:02}{n:05}\"}}" for n in range(each)))
                 for i, name in enumerate(many)]
    documents += [trunk(name, f"{{first: \"+4940{i:02}\"}}") for i, name in enumerate(one)]
    figures = {"many": [], "one": []}
    with users_file(many) as many_users, users_file(one) as one_users, \
            node.running(programs, "---\n".join(documents)) as edge_node:
        def run(users):
            return lambda calls, rate: sipp.run_uac(edge_node.network.pbx, scenario("register.xml"), "192.0.2.1:5060", "192.0.2.10",
                                                    5080, calls, rate, inf=users.name, own_sockets=True)
        kinds = {"many": run(many_users), "one": run(one_users)}
        for register in kinds.values():
            register(calls=4 * PARTIES, rate=50)
        for _ in range(rounds):
            for kind, register in kinds.items():
                figures[kind].append(microseconds_per_unit(kind, lambda: node.cpu_seconds(edge_node), register, units, rate))
    return measure.result("bulk-register", "CPU microseconds per registration", figures["many"], figures["one"],
                          "the same node, trunks with one number", {"numbers_of_a_trunk": each, "trunks": PARTIES})

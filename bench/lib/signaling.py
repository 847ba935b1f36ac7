"""registrations and bulk-register: CPU time of the server per unit of work, ours and Kamailio's in turn."""
import contextlib
import hashlib
import json
import os
import subprocess
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


def clean_run(who, run, units, rate):
    outcome = run(calls=units, rate=rate)
    if outcome["failed"] or outcome["ok"] != units:
        raise RuntimeError(f"{who}: {outcome['ok']} of {units} succeeded, {outcome['failed']} failed: not a clean run")


def microseconds_per_unit(who, cpu_seconds, run, units, rate):
    before = cpu_seconds()
    clean_run(who, run, units, rate)
    return round((cpu_seconds() - before) / units * 1e6, 1)


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


class Registrants:
    """PBXs that refresh their registration (signaling/registrants.cpp), each from a port of its own."""

    def __init__(self, programs, namespace, first_port, server_port):
        command = [os.path.join(programs, "bench", "sip_registrants"), "192.0.2.10", str(first_port), "192.0.2.1", str(server_port),
                   str(USERS), "bench.example", BENCH_PASSWORD]
        with namespace.entered():
            self._child = subprocess.Popen(measure.pinned(sipp.GENERATOR_CPU, command), stdin=subprocess.PIPE,
                                           stdout=subprocess.PIPE, text=True)

    def run(self, calls, rate, keep_nonces=False):
        self._child.stdin.write(f"{calls} {rate}{' keep' if keep_nonces else ''}\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def run_with_old_nonces(self, calls, rate):
        return self.run(calls, rate, keep_nonces=True)

    def stop(self):
        self._child.stdin.close()
        self._child.wait(10)


def registrations(programs, rounds, quick):
    """CPU microseconds of the server per refresh of a registration (REGISTER, 401, REGISTER with Digest MD5, 200 over UDP),
    ours in memory as Kamailio's; the same with the nonce of before, which needs no 401; and ours kept on the disk, as it is by
    default."""
    # A port for each: PBXs that share one look like a NAT that gives it from one to the next, which is another path.
    # About half of what either can do on one processor; to the disk goes less.
    units, rate, kept_rate = 8000 if quick else 40000, 8000, 2000
    documents = [trunk(f"pbx{i}", f"{{first: \"+4930{i:03}00\", last: \"+4930{i:03}99\"}}") for i in range(USERS)]
    provision = "---\n".join(documents)
    figures = {"ours": [], "peer": [], "ours_old_nonce": [], "peer_old_nonce": [], "kept": []}

    def add(name, cpu_seconds, run, rate=rate):
        figures[name].append(microseconds_per_unit(name, cpu_seconds, run, units, rate))

    def warm_up(crowd):
        crowd.run(USERS, 500)
        crowd.run(4 * USERS, kept_rate)
    with contextlib.ExitStack() as running:
        edge_node = running.enter_context(node.running(programs, provision, registrations="none"))
        pbxs = edge_node.network.pbx
        registrar = kamailio.Kamailio(edge_node.network.edge, "kamailio-registrar.cfg", ("192.0.2.1",), KAMAILIO_PORT)
        running.callback(registrar.stop)
        ours = Registrants(programs, pbxs, 20000, 5060)
        running.callback(ours.stop)
        peer = Registrants(programs, pbxs, 30000, KAMAILIO_PORT)
        running.callback(peer.stop)
        warm_up(ours)
        warm_up(peer)
        for _ in range(rounds):
            add("ours", lambda: node.cpu_seconds(edge_node), ours.run)
            add("peer", registrar.cpu_seconds, peer.run)
        for _ in range(rounds):
            add("ours_old_nonce", lambda: node.cpu_seconds(edge_node), ours.run_with_old_nonces)
            add("peer_old_nonce", registrar.cpu_seconds, peer.run_with_old_nonces)
    with contextlib.ExitStack() as running:
        edge_node = running.enter_context(node.running(programs, provision))
        ours = Registrants(programs, edge_node.network.pbx, 20000, 5060)
        running.callback(ours.stop)
        warm_up(ours)
        for _ in range(rounds):
            add("kept", lambda: node.cpu_seconds(edge_node), ours.run, kept_rate)
    old_nonce = {"ours": measure.median(figures["ours_old_nonce"]), "peer": measure.median(figures["peer_old_nonce"]),
                 "runs": {"ours": figures["ours_old_nonce"], "peer": figures["peer_old_nonce"]}}
    return measure.result("registrations", "CPU microseconds per registration", figures["ours"], figures["peer"],
                          "Kamailio, usrloc in memory with Digest MD5",
                          {"registrations_per_run": units, "registrations_per_second": rate, "users": USERS,
                           "with_the_nonce_of_before": old_nonce,
                           "kept": {"ours": measure.median(figures["kept"]), "runs": figures["kept"]}})


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

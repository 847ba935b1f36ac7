"""held-calls: what a call that stands and says nothing costs in memory."""
import contextlib

from lab import process

from . import measure, node, signaling, sipp

UAC_PORT, UAS_PORT, EDGE = 5080, 5060, "192.0.2.1:5060"
SETTLE_SECONDS = 60     # an answered INVITE is remembered for 32
LIMIT_BYTES = 8_000
RATE = 250
# A media port has 32,256 pairs of UDP ports an address at most, so there are two for each side. No packet is sent here:
# they need no cable.
PATHS = [("192.0.2.20", "198.51.100.10", "+49891"), ("192.0.2.10", "198.51.100.11", "+49892")]
MEDIA_PORTS = "".join(f"""  - name: {side}{number}
    device: "net_null{2 * number + index},no-rx=1"
    addresses: ["{network}.{number + 3}/24"]
    udp_ports: 1024-65535
""" for number in (1, 2) for index, (side, network) in enumerate((("access", "203.0.113"), ("core", "198.18.0"))))


def provision():
    """Calls of either PBX go to a carrier of its own, so that each pair of media ports gets half of them."""
    documents = []
    for number, (uac, uas, prefix) in enumerate(PATHS, 1):
        documents.append(f"""kind: Trunk
name: held{number}
mode: static
realm: access
domain: held{number}.sallyport.example
transports: [udp]
targets: [{{host: {uac}, port: {UAC_PORT}, transport: udp}}]
sources: [{uac}/32]
numbers: [{{first: "+49301{number}0", last: "+49301{number}9"}}]
limits: {{concurrent_calls: 0, calls_per_second: 0}}
media: {{srtp: off, inactivity_seconds: 86400, port: access{number}}}
network: {{unprobed: true}}
---
kind: Carrier
name: core{number}
realm: core
targets: [{{host: {uas}, port: {UAS_PORT}, transport: udp}}]
media: {{srtp: off, port: core{number}}}
options_interval_seconds: 3600
---
kind: Route
name: path{number}
prefix: "{prefix}"
carriers: [carriers/core{number}]
""")
    return "---\n".join(documents)


def held_calls(programs, rounds, quick):
    """Bytes of the server's memory per call that stands, media and record included: 50,000 (--quick: 5,000) in groups."""
    step = (5_000 if quick else 50_000) // rounds // 2 * 2
    ours, media = [], []
    options = {"media": MEDIA_PORTS + "limits: {max_sessions: 100000}\n", "signaling": "limits: {calls: 100000, transactions_per_source: 1000000}\n"}
    with contextlib.ExitStack() as undo:
        edge_node = undo.enter_context(node.running(programs, provision(), options=options))
        undo.callback(edge_node.kill, "signaling")  # nobody would take tens of thousands of BYEs
        for uac, uas, prefix in PATHS:
            undo.callback(sipp.Uas(edge_node.network.core, signaling.scenario("held-uas.xml"), uas, UAS_PORT).stop)
        daemons = {name: edge_node.daemons[name].pid for name in ("signaling", "media")}

        def settled(standing):
            seen = edge_node.scrape("signaling")
            return seen.get("sallyport_calls") == standing and seen.get("sallyport_sip_transactions") <= len(PATHS)

        def memory():
            return {name: process.resident_bytes(pid) for name, pid in daemons.items()}
        at_first = before = memory()
        for group in range(rounds + 1):         # the first is for what is made once
            for uac, _, prefix in PATHS:
                outcome = sipp.run_uac(edge_node.network.pbx, signaling.scenario("held-uac.xml"), EDGE, uac, UAC_PORT, step // 2,
                                       RATE, prefix + "77001")
                if outcome["failed"] or outcome["ok"] != step // 2:
                    raise RuntimeError(f"{outcome['ok']} of {step // 2} calls were answered: not a clean run")
            process.wait_until(lambda: settled((group + 1) * step), SETTLE_SECONDS, "every transaction has ended", every=0.5)
            now = memory()
            if group > 0:
                ours.append(round((now["signaling"] - before["signaling"]) / step))
                media.append(round((now["media"] - before["media"]) / step))
            before = now
    held = (rounds + 1) * step
    return measure.result("held-calls", "bytes of the signaling daemon per call that stands", ours, [], "",
                          {"calls_held": held, "with_what_is_made_once": round((before["signaling"] - at_first["signaling"]) / held),
                           "media_plane": media, "under_8_kB": measure.median(ours) < LIMIT_BYTES})

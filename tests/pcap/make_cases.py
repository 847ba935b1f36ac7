#!/usr/bin/env python3
"""Writes cases/*.yaml: frames built here, independently of the code under test. Run it after changing a case."""
import base64
import ipaddress
import pathlib
import struct

CASES = pathlib.Path(__file__).parent / "cases"
OURS_ACCESS, OURS_CORE = "02:00:00:00:00:01", "02:00:00:00:00:02"
PBX, PROXY = "02:00:00:00:00:aa", "02:00:00:00:00:bb"


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ip(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo(src, dst, protocol, length):
    if len(ip(src)) == 4:
        return ip(src) + ip(dst) + struct.pack("!BBH", 0, protocol, length)
    return ip(src) + ip(dst) + struct.pack("!IHBB", length, 0, 0, protocol)


def ethernet(src, dst, ethertype, payload, vlan=None):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return mac(dst) + mac(src) + tag + struct.pack("!H", ethertype) + payload


def ip_packet(src, dst, protocol, payload, ttl=64, flags=0x4000):
    if len(ip(src)) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 7, flags, ttl, protocol, 0) + ip(src) + ip(dst)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
    return struct.pack("!IHBB", 0x60000000, len(payload), protocol, ttl) + ip(src) + ip(dst) + payload


def ip_frame(link_src, link_dst, src, dst, protocol, payload, **options):
    vlan = options.pop("vlan", None)
    ethertype = 0x0800 if len(ip(src)) == 4 else 0x86DD
    return ethernet(link_src, link_dst, ethertype, ip_packet(src, dst, protocol, payload, **options), vlan)


def endpoint(text):
    host, port = text.rsplit(":", 1)
    return host.strip("[]"), int(port)


def udp(link_src, link_dst, src, dst, payload, bad_sum=False, **options):
    (src_ip, src_port), (dst_ip, dst_port) = endpoint(src), endpoint(dst)
    head = struct.pack("!HHHH", src_port, dst_port, 8 + len(payload), 0)
    value = checksum(pseudo(src_ip, dst_ip, 17, len(head) + len(payload)) + head + payload) or 0xFFFF
    if bad_sum:
        value ^= 1
    datagram = head[:6] + struct.pack("!H", value) + payload
    return ip_frame(link_src, link_dst, src_ip, dst_ip, 17, datagram, **options)


def rtp(sequence, ssrc=0x11223344, payload_type=8, data=bytes(range(160)), marker=False):
    second = payload_type | (0x80 if marker else 0)
    return struct.pack("!BBHII", 0x80, second, sequence, sequence * 160, ssrc) + data


def rtcp_receiver_report(ssrc):
    return struct.pack("!BBHI", 0x80, 201, 1, ssrc) + struct.pack("!BBHI", 0x81, 202, 2, ssrc) + b"\1\1x\0"


def arp(operation, link_src, link_dst, sender, target):
    target_link = b"\0" * 6 if operation == 1 else mac(link_dst)
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac(link_src) + ip(sender) + target_link + ip(target)
    return ethernet(link_src, link_dst, 0x0806, body)


def icmpv6(link_src, link_dst, src, dst, body, ttl=255):
    value = checksum(pseudo(src, dst, 58, len(body)) + body)
    return ip_frame(link_src, link_dst, src, dst, 58, body[:2] + struct.pack("!H", value) + body[4:], ttl=ttl)


def advertisement(link_src, link_dst, src, dst):
    return icmpv6(link_src, link_dst, src, dst, struct.pack("!BBHI", 136, 0, 0, 0x60000000) + ip(src) + b"\2\1" + mac(link_src))


def solicitation(link_src, src, target):
    group = ipaddress.ip_address(ip("ff02::1:ff00:0")[:13] + ip(target)[13:])
    link_dst = "33:33:" + ":".join(f"{b:02x}" for b in group.packed[12:])
    return icmpv6(link_src, link_dst, src, str(group), struct.pack("!BBHI", 135, 0, 0, 0) + ip(target) + b"\1\1" + mac(link_src))


def echo_request(link_src, link_dst, src, dst):
    if len(ip(src)) == 16:
        return icmpv6(link_src, link_dst, src, dst, struct.pack("!BBHHH", 128, 0, 0, 5, 1) + b"abcdefgh", ttl=64)
    body = struct.pack("!BBHHH", 8, 0, 0, 5, 1) + b"abcdefgh"
    return ip_frame(link_src, link_dst, src, dst, 1, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


ARP_PBX = arp(2, PBX, OURS_ACCESS, "192.0.2.1", "192.0.2.2")
ARP_PROXY = arp(2, PROXY, OURS_CORE, "198.51.100.1", "198.51.100.2")
ND_PROXY = advertisement(PROXY, OURS_CORE, "2001:db8:2::1", "2001:db8:2::2")


class Case:
    def __init__(self, name, about, access="", core="", lcores=1):
        self.name, self.about, self.sessions, self.lcores = name, about, [], lcores
        self.frames = {"access": [], "core": []}
        self.extra = {"access": access, "core": core}

    def session(self, a, b):
        self.sessions.append((a, b))
        return self

    def receive(self, port, what, frame):
        self.frames[port].append((what, frame))
        return self

    def write(self):
        fixed = {"access": (OURS_ACCESS, '192.0.2.2/24, "2001:db8:1::2/64"', '192.0.2.1, "2001:db8:1::1"'),
                 "core": (OURS_CORE, '198.51.100.2/24, "2001:db8:2::2/64"', '198.51.100.1, "2001:db8:2::1"')}
        lines = ["# Made by make_cases.py.", f'about: "{self.about}"', "ports:"]
        if self.lcores != 1:
            lines.insert(2, f"lcores: {self.lcores}")
        for port, (link, addresses, gateways) in fixed.items():
            lines += [f"  - name: {port}", f'    mac: "{link}"', f"    addresses: [{addresses}]", f"    gateways: [{gateways}]"]
            if self.extra[port]:
                lines.append(f"    {self.extra[port]}")
            if self.frames[port]:
                lines.append("    receive:")
                lines += [f'      - "{frame.hex()}"  # {what}' for what, frame in self.frames[port]]
        if self.sessions:
            lines.append("sessions:")
        for number, sides in enumerate(self.sessions, 1):
            lines.append(f"  - name: s{number}")
            for side, fields in zip("ab", sides):
                lines.append(f"    {side}: {{" + ", ".join(f"{k}: {v}" for k, v in fields.items()) + "}")
        (CASES / f"{self.name}.yaml").write_text("\n".join(lines) + "\n")


def leg(port, local, remote, **more):
    return {"port": port, "local": f'"{local}"', "remote": f'"{remote}"', **more}


def plain_case():
    a, b = "192.0.2.2:20000", "198.51.100.2:21000"
    case = Case("rtp_v4", "RTP and RTCP both ways between IPv4 peers; payload types rewritten; the PBX behind a gateway")
    case.session(leg("access", a, "203.0.113.9:4000", map="[8, 18]"), leg("core", b, "198.51.100.7:5000", map="[18, 8]"))
    case.receive("access", "the gateway's answer", ARP_PBX)
    case.receive("core", "the gateway's answer", ARP_PROXY)
    case.receive("core", "the core peer asks for us, and so becomes known", arp(1, PROXY, "ff:ff:ff:ff:ff:ff", "198.51.100.7", "198.51.100.2"))
    for n in (1, 2):
        case.receive("access", f"RTP {n} of the PBX, PCMA", udp(PBX, OURS_ACCESS, "203.0.113.9:4000", a, rtp(n)))
        case.receive("core", f"RTP {n} of the core, G.729", udp(PROXY, OURS_CORE, "198.51.100.7:5000", b, rtp(n, 0x55667788, 18, b"g" * 20)))
    case.receive("access", "RTCP of the PBX", udp(PBX, OURS_ACCESS, "203.0.113.9:4001", "192.0.2.2:20001", rtcp_receiver_report(0x11223344)))
    case.receive("core", "RTCP of the core", udp(PROXY, OURS_CORE, "198.51.100.7:5001", "198.51.100.2:21001", rtcp_receiver_report(0x55667788)))
    case.write()


def families_case():
    a, b = "192.0.2.2:20000", "[2001:db8:2::2]:21000"
    case = Case("rtp_v4_v6", "An IPv4 PBX talks to an IPv6 core: other headers, the same payload, checksums of both families")
    case.session(leg("access", a, "192.0.2.1:4000"), leg("core", b, "[2001:db8:9::7]:5000"))
    case.receive("access", "the PBX's answer", ARP_PBX)
    case.receive("core", "the gateway's answer", ND_PROXY)
    for n, size in enumerate((160, 161, 0, 1400), 1):
        data = bytes(i * 7 & 0xFF for i in range(size))
        case.receive("access", f"RTP with {size} bytes", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, rtp(n, data=data)))
        case.receive("core", f"RTP with {size} bytes", udp(PROXY, OURS_CORE, "[2001:db8:9::7]:5000", b, rtp(n, 9, data=data)))
    case.write()


def nat_case():
    a, b = "192.0.2.2:20000", "198.51.100.2:21000"
    case = Case("latching", "The PBX's NAT changed its port: answers go to the real one; a stranger is neither heard nor sent to")
    case.session(leg("access", a, "192.0.2.1:4000"), leg("core", b, "198.51.100.1:5000"))
    case.receive("access", "the PBX's answer", ARP_PBX)
    case.receive("core", "the core's answer", ARP_PROXY)
    case.receive("access", "from the signalled address, another port", udp(PBX, OURS_ACCESS, "192.0.2.1:61000", a, rtp(1)))
    case.receive("access", "a stranger", udp(PBX, OURS_ACCESS, "192.0.2.66:4000", a, rtp(2, 0xBAD)))
    case.receive("access", "the PBX again", udp(PBX, OURS_ACCESS, "192.0.2.1:61000", a, rtp(2)))
    case.receive("core", "the core's packet goes to port 61000", udp(PROXY, OURS_CORE, "198.51.100.1:5000", b, rtp(1, 5)))
    case.write()


def srtp_case():
    # libsrtp's reference vector (RFC 3711 algorithms): key, plain and protected packet published with its driver.
    key = base64.b64encode(bytes.fromhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6")).decode()
    plain = bytes.fromhex("800f1234decafbadcafebabe" + "ab" * 16)
    protected = bytes.fromhex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
    report = rtcp_receiver_report(0xCAFEBABE)
    protected_report = bytes.fromhex("80c90001cafebabe5b49a8f285d2a8a8145243ea80000001561ffea31f43134e301c")  # by libsrtp2
    a, b = "192.0.2.2:20000", "198.51.100.2:21000"
    case = Case("srtp", "SRTP at the PBX, RTP in the core: published vectors decrypted and encrypted; forged and replayed ones dropped")
    case.session(leg("access", a, "192.0.2.1:4000", suite="AES_CM_128_HMAC_SHA1_80", receive_key=f'"{key}"', send_key=f'"{key}"'),
                 leg("core", b, "198.51.100.1:5000"))
    case.receive("access", "the PBX's answer", ARP_PBX)
    case.receive("core", "the core's answer", ARP_PROXY)
    case.receive("access", "tag forged", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, protected[:-1] + b"\0"))
    case.receive("access", "the vector", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, protected))
    case.receive("access", "the vector again", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, protected))
    case.receive("access", "plain RTP into an SRTP leg", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, rtp(0x1235, 0xCAFEBABE)))
    case.receive("core", "the plain vector, to be protected", udp(PROXY, OURS_CORE, "198.51.100.1:5000", b, plain))
    case.receive("core", "a report, to be protected", udp(PROXY, OURS_CORE, "198.51.100.1:5001", "198.51.100.2:21001", report))
    case.receive("access", "that report, protected", udp(PBX, OURS_ACCESS, "192.0.2.1:4001", "192.0.2.2:20001", protected_report))
    case.write()


def link_case():
    case = Case("link", "No kernel owns the port: it answers ARP, neighbour solicitations and ping for its addresses, and nothing else")
    everybody = "ff:ff:ff:ff:ff:ff"
    case.receive("access", "who has us", arp(1, PBX, everybody, "192.0.2.1", "192.0.2.2"))
    case.receive("access", "who has somebody else", arp(1, PBX, everybody, "192.0.2.1", "192.0.2.3"))
    case.receive("access", "ping", echo_request(PBX, OURS_ACCESS, "192.0.2.1", "192.0.2.2"))
    case.receive("access", "ping to another address", echo_request(PBX, OURS_ACCESS, "192.0.2.1", "192.0.2.3"))
    case.receive("access", "solicitation", solicitation(PBX, "2001:db8:1::1", "2001:db8:1::2"))
    case.receive("access", "solicitation for another address", solicitation(PBX, "2001:db8:1::1", "2001:db8:1::7"))
    case.receive("access", "ping", echo_request(PBX, OURS_ACCESS, "2001:db8:1::1", "2001:db8:1::2"))
    case.write()


def garbage_case():
    a, b = "192.0.2.2:20000", "198.51.100.2:21000"
    case = Case("garbage", "What is no media for us is dropped with its reason, and the call goes on")
    case.session(leg("access", a, "192.0.2.1:4000"), leg("core", b, "198.51.100.1:5000"))
    case.receive("core", "the core's answer", ARP_PROXY)
    case.receive("access", "the PBX's answer", ARP_PBX)
    good = udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, rtp(1))
    case.receive("access", "UDP checksum wrong", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, rtp(1), bad_sum=True))
    case.receive("access", "IP checksum wrong", good[:24] + b"\0\0" + good[26:])
    case.receive("access", "fragment", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, rtp(1), flags=0x2000))
    case.receive("access", "cut off", good[:60])
    case.receive("access", "cut off in the IP header", good[:30])
    case.receive("access", "TCP", ip_frame(PBX, OURS_ACCESS, "192.0.2.1", "192.0.2.2", 6, bytes(20)))
    case.receive("access", "LLDP", ethernet(PBX, "01:80:c2:00:00:0e", 0x88CC, bytes(46)))
    case.receive("access", "another station's", udp(PBX, OURS_CORE, "192.0.2.1:4000", a, rtp(1)))
    case.receive("access", "another address", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", "192.0.2.3:20000", rtp(1)))
    case.receive("access", "from our own address", udp(PBX, OURS_ACCESS, "192.0.2.2:4000", a, rtp(1)))
    case.receive("access", "no session on that port", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", "192.0.2.2:20002", rtp(1)))
    case.receive("access", "outside the range", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", "192.0.2.2:53", rtp(1)))
    case.receive("access", "STUN", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, bytes.fromhex("000100002112a442") + bytes(12)))
    case.receive("access", "DTLS", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, bytes.fromhex("16fefd") + bytes(20)))
    case.receive("access", "empty", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, b""))
    case.receive("access", "text", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, b"OPTIONS sip:x SIP/2.0\r\n"))
    case.receive("access", "CSRC count beyond the packet", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, b"\x8f" + rtp(1)[1:20]))
    case.receive("access", "tagged with a VLAN that is not ours", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", a, rtp(1), vlan=9))
    case.receive("access", "and a good packet", good)
    case.write()


def hairpin_case():
    case = Case("hairpin", "Two calls of this node, joined by a core that leaves SDP alone: media crosses inside; what is thrown into a circle of calls goes round once")
    # PBX - s1 - core address - s2 - PBX: s1's core side sends to s2's and the other way round.
    case.session(leg("access", "192.0.2.2:20000", "192.0.2.1:4000"), leg("core", "198.51.100.2:21000", "198.51.100.2:21010"))
    case.session(leg("core", "198.51.100.2:21010", "198.51.100.2:21000"), leg("access", "192.0.2.2:20010", "192.0.2.1:4010"))
    # s3 and s4 send each other whatever they receive; s5 throws a packet in.
    case.session(leg("core", "198.51.100.2:22000", "198.51.100.2:22030"), leg("core", "198.51.100.2:22010", "198.51.100.2:22020"))
    case.session(leg("core", "198.51.100.2:22020", "198.51.100.2:22010"), leg("core", "198.51.100.2:22030", "198.51.100.2:22000"))
    case.session(leg("access", "192.0.2.2:20020", "192.0.2.1:4020"), leg("core", "198.51.100.2:22040", "198.51.100.2:22000"))
    case.receive("access", "the PBX's answer", ARP_PBX)
    case.receive("access", "first call", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", "192.0.2.2:20000", rtp(1)))
    case.receive("access", "second call", udp(PBX, OURS_ACCESS, "192.0.2.1:4010", "192.0.2.2:20010", rtp(1, 7)))
    case.receive("access", "into the circle", udp(PBX, OURS_ACCESS, "192.0.2.1:4020", "192.0.2.2:20020", rtp(1, 8)))
    case.write()


def two_lcores_case():
    # Each lcore owns half of each port's range, 16384 and 24576 onwards; each device has one queue, read by one lcore.
    case = Case("two_lcores", "Sessions of both lcores over the same ports: what arrives at the wrong one is handed over, and both know the neighbours", lcores=2)
    case.session(leg("access", "192.0.2.2:20000", "192.0.2.1:4000"), leg("core", "198.51.100.2:21000", "198.51.100.1:5000"))
    case.session(leg("access", "192.0.2.2:26000", "192.0.2.1:4010"), leg("core", "198.51.100.2:27000", "198.51.100.1:5010"))
    case.receive("access", "the PBX's answer", ARP_PBX)
    case.receive("core", "the core's answer", ARP_PROXY)
    # Few enough that all can wait for a next hop that the other lcore has learnt first.
    for sequence in range(1, 3):
        for pbx, ours, core, proxy in ((4000, 20000, 21000, 5000), (4010, 26000, 27000, 5010)):
            case.receive("access", f"RTP {sequence}", udp(PBX, OURS_ACCESS, f"192.0.2.1:{pbx}", f"192.0.2.2:{ours}", rtp(sequence, pbx)))
            case.receive("core", f"RTP {sequence}", udp(PROXY, OURS_CORE, f"198.51.100.1:{proxy}", f"198.51.100.2:{core}", rtp(sequence, proxy)))
            if sequence == 1:
                case.receive("access", "RTCP", udp(PBX, OURS_ACCESS, f"192.0.2.1:{pbx + 1}", f"192.0.2.2:{ours + 1}", rtcp_receiver_report(pbx)))
    case.receive("access", "a stranger", udp(PBX, OURS_ACCESS, "192.0.2.77:4010", "192.0.2.2:26000", rtp(1)))
    case.receive("access", "to a port of the other lcore that nobody has", udp(PBX, OURS_ACCESS, "192.0.2.1:4010", "192.0.2.2:30000", rtp(1)))
    case.write()


def vlan_case():
    case = Case("vlan", "A tagged access port: tagged in, tagged out, the core untagged", access="vlan: 100")
    case.session(leg("access", "192.0.2.2:20000", "192.0.2.1:4000"), leg("core", "198.51.100.2:21000", "198.51.100.1:5000"))
    tagged = ARP_PBX[:12] + struct.pack("!HH", 0x8100, 100) + ARP_PBX[12:]
    case.receive("access", "the PBX's answer, tagged", tagged)
    case.receive("core", "the core's answer", ARP_PROXY)
    case.receive("access", "tagged RTP with priority", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", "192.0.2.2:20000", rtp(1), vlan=5 << 13 | 100))
    case.receive("access", "untagged", udp(PBX, OURS_ACCESS, "192.0.2.1:4000", "192.0.2.2:20000", rtp(2)))
    case.receive("core", "RTP", udp(PROXY, OURS_CORE, "198.51.100.1:5000", "198.51.100.2:21000", rtp(1)))
    ping = echo_request(PBX, OURS_ACCESS, "192.0.2.1", "192.0.2.2")
    case.receive("access", "tagged ping", ping[:12] + struct.pack("!HH", 0x8100, 100) + ping[12:])
    case.write()


if __name__ == "__main__":
    CASES.mkdir(exist_ok=True)
    for make in (plain_case, families_case, nat_case, srtp_case, link_case, garbage_case, hairpin_case, two_lcores_case, vlan_case):
        make()

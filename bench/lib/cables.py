"""The cables of the relay benchmarks: where load comes from, the relay, and where it goes, in namespaces of their own.

    bench-media-in              bench-media-relay                    bench-media-out
    in0 192.0.2.10 ------------ access 192.0.2.2 | core 198.51.100.2 ------------ out0 198.51.100.10

Both relays stand on the same two cables, one after the other: sallyport-media takes the interfaces past the kernel,
rtpengine has the addresses on them. Every end has its offloads off (netns.veth), whoever is measured."""
import contextlib

from lab import netns

SENDER, RECEIVER = "192.0.2.10", "198.51.100.10"
RELAY_ACCESS, RELAY_CORE = "192.0.2.2", "198.51.100.2"
ACCESS_INTERFACE, CORE_INTERFACE = "access", "core"


class Cables:
    def __init__(self, name="bench-media"):
        self.sender, self.relay, self.receiver = (netns.Namespace(f"{name}-{part}") for part in ("in", "relay", "out"))

    @property
    def namespaces(self):
        return self.sender, self.relay, self.receiver

    def claim(self):
        """Refuses while somebody works in namespaces of these names; takes away what a killed run has left."""
        there = [n for n in self.namespaces if n.name in netns.existing()]
        busy = [n.name for n in there if n.processes()]
        if busy:
            raise RuntimeError(f"another run is using {', '.join(busy)}")
        for namespace in there:
            namespace.delete()

    def lay(self):
        for namespace in self.namespaces:
            namespace.create()
        netns.veth(self.sender, "in0", self.relay, ACCESS_INTERFACE)
        netns.veth(self.receiver, "out0", self.relay, CORE_INTERFACE)
        self.sender.ip("addr", "add", f"{SENDER}/24", "dev", "in0")
        self.receiver.ip("addr", "add", f"{RECEIVER}/24", "dev", "out0")

    def remove(self):
        for namespace in self.namespaces:
            namespace.delete()

    @contextlib.contextmanager
    def relay_addresses(self):
        """The relay's addresses belong to its kernel for as long as this lasts."""
        places = ((RELAY_ACCESS, ACCESS_INTERFACE), (RELAY_CORE, CORE_INTERFACE))
        for address, interface in places:
            self.relay.ip("addr", "add", f"{address}/24", "dev", interface)
        try:
            yield
        finally:
            for address, interface in places:
                self.relay.ip("addr", "del", f"{address}/24", "dev", interface)


@contextlib.contextmanager
def laid():
    cables = Cables()
    cables.claim()
    try:
        cables.lay()
        yield cables
    finally:
        cables.remove()

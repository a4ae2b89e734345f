"""
Which of several kernels have an address, by what each tells of its local table: one JSON line a change. One program reads
them all, since only so is it known what came before what.

    homes.py ADDRESS[,ADDRESS...] HOST=NAMESPACE...     ends when its standard input does

A kernel queues what it tells as it happens, so once its queue is read to the end, its table at that moment is known. The
queues are read in turn, and each end is a step. An address that a kernel had at a step, and had at a later one, without a
change in between, it had all the while; if another kernel had it at a step in between, two had it at one moment. Nothing
that moves between two readings looks like that, however long they take.
"""
import ctypes, json, os, select, socket, struct, sys, time

CLONE_NEWNET = 0x40000000
RTMGRP_LINK, RTMGRP_IPV4_ROUTE = 0x1, 0x40
RTM_DELLINK, RTM_NEWROUTE, RTM_DELROUTE = 17, 24, 25
RTN_LOCAL, RTA_DST, RTA_OIF = 2, 1, 4
SO_RCVBUFFORCE = 33
BUFFER = 1 << 20


def tell(**what):
    print(json.dumps({"at": time.monotonic() * 1000, **what}), flush=True)


def open_in(namespace):
    with open(f"/run/netns/{namespace}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
    told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
    told.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    told.bind((0, RTMGRP_LINK | RTMGRP_IPV4_ROUTE))
    return told


def local_routes(data):
    """
    (added, address, interface) of each message about a local host route of IPv4. The address is None where the interface
    went, and its routes with it: of those the kernel tells nothing (fib_flush in net/ipv4/fib_frontend.c).
    """
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        message, data = data[16:length], data[(length + 3) & ~3 :]
        if kind == RTM_DELLINK:
            yield False, None, message[4:8]
        if kind not in (RTM_NEWROUTE, RTM_DELROUTE) or message[1] != 32 or message[7] != RTN_LOCAL:
            continue
        attributes, fields = message[12:], {}
        while len(attributes) >= 4:
            size, name = struct.unpack_from("=HH", attributes)
            fields[name] = attributes[4:size]
            attributes = attributes[(size + 3) & ~3 :]
        yield kind == RTM_NEWROUTE, socket.inet_ntoa(fields[RTA_DST]), fields.get(RTA_OIF)


class Kernel:
    def __init__(self, host, namespace):
        self.host, self.told = host, open_in(namespace)
        self.places = {}  # address -> interfaces that it is on
        self.since = {}  # address -> the first step at which it was here
        self.read_at = 0

    def read_to_the_end(self, step, addresses):
        """Returns whether anything was told."""
        news = False
        while True:
            try:
                data = self.told.recv(BUFFER)
            except BlockingIOError:
                break
            for added, address, interface in local_routes(data):
                for one in addresses.intersection(self.at(interface) if address is None else [address]):
                    news = True
                    self.change(added, one, interface, step)
        self.read_at = step
        return news

    def at(self, interface):
        return [address for address, places in self.places.items() if interface in places]

    def change(self, added, address, interface, step):
        places = self.places.setdefault(address, set())
        before = len(places)
        places.add(interface) if added else places.discard(interface)
        if (before == 0) == (len(places) == 0):
            return
        if added:
            self.since[address] = step
        else:
            del self.since[address]
        tell(host=self.host, address=address, has=added)


def compare(kernel, others):
    """Just read: what it has had since before another, which has it too, was read."""
    for address, since in kernel.since.items():
        for other in others:
            if other is not kernel and address in other.since and since <= other.read_at:
                tell(both=sorted([kernel.host, other.host]), address=address)


addresses = set(sys.argv[1].split(","))
kernels = [Kernel(*word.split("=")) for word in sys.argv[2:]]
poll = select.poll()
for source in [sys.stdin.fileno(), *(kernel.told.fileno() for kernel in kernels)]:
    poll.register(source, select.POLLIN)
tell(ready=True)
step = 0
while not any(source == sys.stdin.fileno() for source, _ in poll.poll()):
    news = True
    while news:
        news = False
        for kernel in kernels:
            step += 1
            news |= kernel.read_to_the_end(step, addresses)
            compare(kernel, kernels)

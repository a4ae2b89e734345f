"""
Watches a peer from the side: prints "ready", and once COUNT of them were seen, when the first and the last came, in milliseconds of
CLOCK_MONOTONIC, or for frames of CLOCK_REALTIME.

    observe.py added|removed COUNT              IPv4 addresses, as the kernel tells
    observe.py frames COUNT DEVICE              ARP frames, as they reach a device
"""
import socket, struct, sys, time

RTMGRP_IPV4_IFADDR = 0x10
RTM = {"added": 20, "removed": 21}  # RTM_NEWADDR, RTM_DELADDR
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
ETH_P_ARP = 0x0806


def now():
    return time.monotonic() * 1000


def addresses(kind, count):
    told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    told.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    told.bind((0, RTMGRP_IPV4_IFADDR))
    print("ready", flush=True)
    first, seen = None, 0
    while seen < count:
        data = told.recv(1 << 20)
        at = now()
        while len(data) >= 16:
            length, message = struct.unpack_from("=IH", data)
            if message == RTM[kind]:
                seen += 1
                first = first or at
            data = data[(length + 3) & ~3 :]
    return first, now()


def frames(count, device):
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP))
    heard.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
    heard.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    heard.bind((device, ETH_P_ARP))
    print("ready", flush=True)
    times = [arrival(heard) for _ in range(count)]
    return times[0], times[-1]


def arrival(heard):
    """Of the next frame, as the kernel has noted it: the reader may be late."""
    [(_, _, time)] = heard.recvmsg(64, 64)[1]
    seconds, nanoseconds = struct.unpack("=qq", time)
    return seconds * 1000 + nanoseconds / 1e6


kind, count = sys.argv[1], int(sys.argv[2])
first, last = frames(count, sys.argv[3]) if kind == "frames" else addresses(kind, count)
print(f"{first} {last}", flush=True)

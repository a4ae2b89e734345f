#!/usr/bin/env python3
"""Prints recorded.h: real rtnetlink bytes for the tests of wire/. Needs root, iproute2 and strace:

    unshare -n native/test/record.py > native/test/recorded.h

Answers come from the kernel it runs on; requests are those of iproute2, as strace saw them."""
import ctypes
import fcntl
import re
import socket
import struct
import subprocess
import textwrap

SOL_NETLINK, EXT_ACK, CAP_ACK, STRICT = 270, 11, 10, 12
DUMP, ADD = 0x301, 0x605


def attribute(number, value):
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


def address(ifindex, last, prefix=32, tag=None):
    """An ifaddrmsg for 10.1.1.LAST with IFA_LOCAL, IFA_ADDRESS and IFA_PROTO."""
    text = attribute(2, bytes([10, 1, 1, last])) + attribute(1, bytes([10, 1, 1, last]))
    return struct.pack("=BBBBI", 2, prefix, 0, 0, ifindex) + text + (attribute(11, bytes([tag])) if tag else b"")


def exchange(kind, flags, payload, capped=True, protocol=0):
    """Sends one request with sequence number 7 and returns every byte of the answer."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as netlink:
        for option in (EXT_ACK, STRICT) + ((CAP_ACK,) if capped else ()):
            netlink.setsockopt(SOL_NETLINK, option, 1)
        netlink.send(struct.pack("=IHHII", 16 + len(payload), kind, flags, 7, 0) + payload)
        answer = b""
        while True:
            at, part = 0, netlink.recv(65536)
            answer += part
            while at < len(part):
                length, kind = struct.unpack_from("=IH", part, at)
                if kind in (2, 3):  # NLMSG_ERROR, NLMSG_DONE
                    return answer
                at += (length + 3) & ~3


def notices_of(*commands):
    """What the kernel tells its listeners (links, neighbours, addresses and routes of both families) while commands run."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.bind((0, 0x1 | 0x4 | 0x10 | 0x40 | 0x100 | 0x400))
        for command in commands:
            command() if callable(command) else subprocess.run(["ip", *command.split()], check=True)
        told = b""
        netlink.settimeout(0.5)
        try:
            while True:
                told += netlink.recv(65536)
        except TimeoutError:
            return told


def sockets_of(family):
    """SOCK_DIAG_BY_FAMILY: every TCP socket of a family, in whatever state."""
    return exchange(20, DUMP, struct.pack("=BBBBI48x", family, 6, 0, 0, 0xffffffff), protocol=4)


def connect(address, port, family):
    """A listener on every address, and both ends of a connection to it."""
    listener = socket.create_server(("", port), family=family, dualstack_ipv6=family == socket.AF_INET6)
    client = socket.create_connection((address, port))
    return listener, client, listener.accept()[0]


def syn_of(family, to):
    """The IP packet that begins a connection by way of hf-t, whose checksum no device is left to make."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)) as sniffer, socket.socket(family) as client:
        sniffer.bind(("hf-t", 3))
        off = ctypes.create_string_buffer(struct.pack("=II", 0x17, 0))  # ETHTOOL_STXCSUM
        fcntl.ioctl(sniffer, 0x8946, struct.pack("16sP", b"hf-t", ctypes.addressof(off)))  # SIOCETHTOOL
        client.setblocking(False)
        client.connect_ex((to, 2525))
        while True:
            packet = sniffer.recv(65536)
            if packet[9 if packet[0] >> 4 == 4 else 6] == 6:
                return packet


def request_of(command, kind=None):
    """The last message that a command of iproute2 sends, of this kind."""
    trace = subprocess.run(["strace", "-xx", "-s4096", "-ewrite=all", "-etrace=sendmsg", *command.split()],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True).stderr
    messages = []
    for offset, text in re.findall(r"^ \| ([0-9a-f]{5})  ((?:[0-9a-f]{2} +)+)", trace, re.M):
        messages += [b""] if offset == "00000" else []
        messages[-1] += bytes.fromhex(text)
    return [one for one in messages if kind in (None, *one[4:5])][-1]


def show(name, comment, data):
    print(f"\n/* {comment} */\nconstexpr std::string_view {name} =")
    print("\n".join(f'    "{line}"' for line in textwrap.wrap(data.hex(), 112)) + ";")


for step in ("link set lo up", "link add hf-a address 02:00:00:00:00:0a type veth peer name hf-b",
             "link property add dev hf-a altname hf-mail", "link set hf-a up", "address add 10.1.1.9/24 dev hf-a",
             "address add 10.1.1.10/24 dev hf-a", "address add 10.9.0.1 peer 10.9.0.2/32 dev hf-a",
             "address add 10.1.1.77/32 dev hf-a valid_lft 900 preferred_lft 900", "-6 address add fd00::1/128 dev hf-a nodad",
             "route add local 10.1.2.1/32 dev hf-a table local proto 0x68"):
    subprocess.run(["ip", *step.split()], check=True)
index = socket.if_nametoindex("hf-a")
exchange(20, ADD, address(index, 1, tag=104))

print("#pragma once\n/* Made by record.py; real bytes of a kernel and of iproute2, in hexadecimal. */\n#include <string_view>")
print("\nnamespace holdfast::recorded {")
show("kLinkDump", "RTM_GETLINK: lo, hf-b, and hf-a (veth, 02:00:00:00:00:0a, up, altname hf-mail); then NLMSG_DONE.",
     exchange(18, DUMP, struct.pack("=BBHiII", 0, 0, 0, 0, 0, 0) + attribute(29, struct.pack("=I", 8))))
show("kAddressDump4", "RTM_GETADDR, IPv4: 127.0.0.1/8; on hf-a 10.1.1.9/24, 10.1.1.10/24 (secondary), 10.9.0.1 peer 10.9.0.2,\n"
     " * 10.1.1.77/32 with a lifetime, 10.1.1.1/32 with IFA_PROTO 104.", exchange(22, DUMP, struct.pack("=BBBBi", 2, 0, 0, 0, 0)))
show("kAddressDump6", "RTM_GETADDR, IPv6: ::1/128 and, on hf-a, fd00::1/128.", exchange(22, DUMP, struct.pack("=BBBBi", 10, 0, 0, 0, 0)))
show("kRouteDump", "RTM_GETROUTE, IPv4, table local, type local: the kernel's own for each address, and 10.1.2.1 with protocol 104.",
     exchange(26, DUMP, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, 255, 0, 0, 2, 0)))
show("kAckOk", "The answer to an address that was added.", exchange(20, ADD, address(index, 5)))
show("kAckNoDevice", "... on an interface that does not exist: ENODEV and words, NETLINK_CAP_ACK.", exchange(20, ADD, address(999, 6)))
show("kAckBadPrefix", "... with a prefix of 33: EINVAL and words, without NETLINK_CAP_ACK: the request is echoed in between.",
     exchange(20, ADD, address(index, 6, 33), capped=False))
show("kAddAddress", "ip address add 10.1.1.6/32 dev hf-a", request_of("ip address add 10.1.1.6/32 dev hf-a"))
show("kRemoveAddress", "ip address del 10.1.1.6/32 dev hf-a", request_of("ip address del 10.1.1.6/32 dev hf-a"))
show("kAddRoute", "ip route add local 10.1.2.2/32 dev hf-a table local proto 0x68",
     request_of("ip route add local 10.1.2.2/32 dev hf-a table local proto 0x68"))
show("kRemoveRoute", "ip route del local 10.1.2.2/32 dev hf-a table local proto 0x68",
     request_of("ip route del local 10.1.2.2/32 dev hf-a table local proto 0x68"))
show("kAddressNotices", "10.1.1.7/32 with IFA_PROTO 104 comes to hf-a; fd00::7/128 comes; 10.1.1.10/24 goes; local route 10.1.2.7 with protocol\n"
     " * 104 comes, is replaced by one on lo, and goes.",
     notices_of(lambda: exchange(20, ADD, address(index, 7, tag=104)), "-6 address add fd00::7/128 dev hf-a nodad",
                "address del 10.1.1.10/24 dev hf-a", "route add local 10.1.2.7/32 dev hf-a table local proto 0x68",
                "route replace local 10.1.2.7/32 dev lo table local proto 0x68", "route del local 10.1.2.7/32 dev lo table local"))
show("kNeighbourNotices", "10.1.1.2 becomes known on hf-a (02:00:00:00:00:0b), then by another address (...:0c); fd00::2 does; 10.1.1.2 is deleted,\n"
     " * which is told as a new state (NUD_FAILED) first.",
     notices_of("neigh add 10.1.1.2 lladdr 02:00:00:00:00:0b dev hf-a nud stale",
                "neigh replace 10.1.1.2 lladdr 02:00:00:00:00:0c dev hf-a nud permanent",
                "neigh add fd00::2 lladdr 02:00:00:00:00:0b dev hf-a nud reachable", "neigh del 10.1.1.2 dev hf-a"))
subprocess.run(["ip", "link", "add", "hf-br", "type", "bridge"], check=True)
subprocess.run(["ip", "link", "set", "hf-b", "master", "hf-br"], check=True)
show("kLinkNotices", "hf-b (2) leaves its bridge and becomes hf-c; the bridge hf-br (4) is deleted.",
     notices_of("link set hf-b nomaster", "link set hf-b name hf-c", "link del hf-br"))

for step in ("link add hf-t type veth peer name hf-u", "link set hf-t up", "link set hf-u up", "address add 10.2.0.1/24 dev hf-t",
             "-6 address add fd02::1/64 dev hf-t nodad", "neigh add 10.2.0.2 lladdr 02:00:00:00:00:02 dev hf-t",
             "neigh add fd02::2 lladdr 02:00:00:00:00:02 dev hf-t"):
    subprocess.run(["ip", *step.split()], check=True)
show("kSyn4", "An IPv4 packet with a TCP segment, from 10.2.0.1 to 10.2.0.2 port 2525.", syn_of(socket.AF_INET, "10.2.0.2"))
show("kSyn6", "An IPv6 packet with a TCP segment, from fd02::1 to fd02::2 port 2525.", syn_of(socket.AF_INET6, "fd02::2"))

ended = connect("127.0.0.1", 2524, socket.AF_INET)
for end in ended[1], ended[2], ended[0]:
    end.close()
ipv4 = connect("10.1.1.1", 2525, socket.AF_INET)
show("kSocketDump4", "SOCK_DIAG_BY_FAMILY, TCP over IPv4: a listener on port 2525, both ends of a connection to it from and to\n"
     " * 10.1.1.1, and a TIME_WAIT of 127.0.0.1.", sockets_of(socket.AF_INET))
show("kDestroy", "ss -K of that connection's end on port 2525", request_of("ss -tK state established src 10.1.1.1:2525", kind=21))
ipv6 = connect("fd00::1", 2526, socket.AF_INET6), socket.create_connection(("10.1.1.9", 2526))
show("kSocketDump6", "... over IPv6: a listener on port 2526, both ends of a connection to it from and to fd00::1, and its end of\n"
     " * one over IPv4, from and to 10.1.1.9.", sockets_of(socket.AF_INET6))
print("\n}  // namespace holdfast::recorded")

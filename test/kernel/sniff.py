"""Prints what says or asks whose an address is, of all that arrives on an interface: ARP, and neighbour solicitations and
advertisements. Seconds on the monotonic clock, and the frame in hexadecimal. Ends when stdin does."""
import select
import socket
import sys
import time

ETH_P_ALL = 0x0003
ICMPV6, SOLICITATION, ADVERTISEMENT = 58, 135, 136


def tells(frame):
    kind = frame[12:14].hex()
    return kind == "0806" or (kind == "86dd" and frame[20] == ICMPV6 and frame[54] in (SOLICITATION, ADVERTISEMENT))


with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as wire:
    wire.bind((sys.argv[1], ETH_P_ALL))
    print("ready", flush=True)
    while sys.stdin not in select.select([wire, sys.stdin], [], [])[0]:
        frame, sender = wire.recvfrom(2048)
        if sender[2] != socket.PACKET_OUTGOING and tells(frame):
            print(f"{time.monotonic():.6f} {frame.hex()}", flush=True)

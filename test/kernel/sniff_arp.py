"""Prints every ARP frame that arrives on an interface: seconds on the monotonic clock, and the frame in hexadecimal.
Ends when stdin does."""
import select
import socket
import sys
import time

ETH_P_ARP = 0x0806
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as wire:
    wire.bind((sys.argv[1], ETH_P_ARP))
    print("ready", flush=True)
    while sys.stdin not in select.select([wire, sys.stdin], [], [])[0]:
        frame, sender = wire.recvfrom(2048)
        if sender[2] != socket.PACKET_OUTGOING:
            print(f"{time.monotonic():.6f} {frame.hex()}", flush=True)

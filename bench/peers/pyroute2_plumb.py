"""Adds consecutive IPv4 addresses from 10.1.0.1 on with pyroute2.

    pyroute2_plumb.py COUNT IFINDEX      prints milliseconds
"""
import ipaddress
import sys
import time

from pyroute2 import IPRoute

count, ifindex = int(sys.argv[1]), int(sys.argv[2])
first = int(ipaddress.IPv4Address("10.1.0.1"))
addresses = [str(ipaddress.IPv4Address(first + i)) for i in range(count)]
with IPRoute() as kernel:
    start = time.monotonic()
    for address in addresses:
        kernel.addr("add", index=ifindex, address=address, prefixlen=32)
    print((time.monotonic() - start) * 1000)

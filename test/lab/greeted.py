"""Connects to port 25 of each address at once, as a client would, and prints as JSON those that greet within two seconds."""
import json
import selectors
import socket
import sys
import time

selector = selectors.DefaultSelector()
for address in sys.argv[1].split(","):
    client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    client.setblocking(False)
    client.connect_ex((address, 25))
    selector.register(client, selectors.EVENT_READ, address)

greeted = []
end = time.monotonic() + 2
while selector.get_map() and time.monotonic() < end:
    for key, _ in selector.select(0.1):
        try:
            said = key.fileobj.recv(512)
        except OSError:
            said = b""
        if said.startswith(b"220"):
            greeted.append(key.data)
        selector.unregister(key.fileobj)
        key.fileobj.close()
print(json.dumps(sorted(greeted)))

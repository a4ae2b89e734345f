import { once } from "node:events";
import { expect, test } from "vitest";
import { connectPeer, createPeerServer } from "../../src/mail/mmove-socket.js";

test("a peer gets no session ticket, so that each connection proves the key anew", async () => {
  const key = new Uint8Array(32).fill(7);
  const server = createPeerServer(
    key,
    () => true,
    (socket) => void socket.resume(),
    () => {},
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const socket = await connectPeer({ host: "127.0.0.1", port }, "node-a", key);
  expect(socket.getProtocol()).toBe("TLSv1.2");
  expect(socket.getTLSTicket()).toBeUndefined();
  socket.destroy();
  server.close();
  await once(server, "close");
});

/** TLS between nodes that share the cluster key, and the lines that are said on it before SMTP. */
import { constants } from "node:crypto";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { LINE_MAX } from "./mmove-wire.js";

const HANDSHAKE_MS = 5_000;
const CONNECT_MS = 10_000;
const SETTINGS = {
  // Forward secrecy and a pre-shared key (RFC 5489, RFC 7905): TLS 1.2, which is the last to have these suites in Node.
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  // Each connection proves the key anew; a ticket's key would undo forward secrecy.
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/**
 * @param key 32 bytes. @param isPeer whether a name may come in. @param accept gets sockets of peers, with the name.
 * @param refused hears of everybody else.
 */
export function createPeerServer(
  key: Uint8Array,
  isPeer: (node: string) => boolean,
  accept: (socket: TLSSocket, node: string) => void,
  refused: () => void,
): Server {
  const names = new WeakMap<object, string>();
  const server = createServer(
    {
      ...SETTINGS,
      handshakeTimeout: HANDSHAKE_MS,
      pskCallback: (socket, identity) => {
        if (!isPeer(identity)) return null;
        names.set(socket, identity);
        return key;
      },
    },
    (socket) => {
      const name = names.get(socket);
      socket.on("error", () => socket.destroy());
      if (name === undefined) socket.destroy();
      else accept(socket, name);
    },
  );
  server.on("tlsClientError", (_error, socket) => {
    refused();
    socket.destroy();
  });
  return server;
}

/** Connects as `self`. Rejects with what the socket or TLS said. */
export function connectPeer(
  endpoint: { readonly host: string; readonly port: number },
  self: string,
  key: Uint8Array,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      ...SETTINGS,
      pskCallback: () => ({ psk: key, identity: self }),
      // Both sides prove that they have the key; there is no certificate.
      checkServerIdentity: () => undefined,
    });
    socket.setNoDelay(true);
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`no answer from ${endpoint.host}:${endpoint.port}`)));
    socket.once("close", () => reject(new Error(`${endpoint.host}:${endpoint.port} closed the connection`)));
    socket.on("error", reject);
    socket.once("secureConnect", () => {
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      resolve(socket);
    });
  });
}

/**
 * Reads one line and leaves what follows it in the socket. Then the socket can go to an SMTP machine at once.
 *
 * @returns the line without its end. Rejects when the line is too long, late, or the connection ends.
 */
export function readLine(socket: TLSSocket, limitMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let held = Buffer.alloc(0);
    const end = (error: Error | null, line = "") => {
      clearTimeout(timer);
      socket.off("readable", read);
      socket.off("end", cut);
      socket.off("close", cut);
      if (error === null) resolve(line);
      else reject(error);
    };
    const cut = () => end(new Error("the peer closed the connection"));
    const read = () => {
      for (let chunk: unknown = socket.read(); Buffer.isBuffer(chunk); chunk = socket.read()) {
        held = Buffer.concat([held, chunk]);
        const at = held.indexOf(10);
        if (at >= 0) {
          end(null, held.toString("utf8", 0, at).replace(/\r$/, ""));
          if (held.length > at + 1) socket.unshift(held.subarray(at + 1));
          return;
        }
        if (held.length > LINE_MAX) return end(new Error("the line is too long"));
      }
    };
    const timer = setTimeout(() => end(new Error("the peer says nothing")), limitMs);
    socket.on("readable", read);
    socket.once("end", cut);
    socket.once("close", cut);
  });
}

/**
 * TLS between nodes: a pre-shared key on both sides, so that each proves the cluster key to the other, and no
 * certificates. The identity is the node's name. TLS 1.2, because Node offers external keys for no later one; ECDHE
 * keeps recorded traffic secret if the key leaks later (RFC 7905 section 2 has the cipher suite).
 */
import { constants } from "node:crypto";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";

const COMMON = {
  ciphers: "ECDHE-PSK-CHACHA20-POLY1305",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
}

export function dialTls(to: Destination, self: string, key: Uint8Array): TLSSocket {
  return connect({
    ...COMMON,
    ...to,
    pskCallback: () => ({ psk: key, identity: self }),
    // There is no certificate to check: the key is the proof.
    checkServerIdentity: () => undefined,
  });
}

/** @param accepts whether a node of this name may connect; asked before anything is proved. */
export function tlsServer(key: Uint8Array, handshakeTimeoutMs: number, accepts: (name: string) => boolean): TlsServer {
  const names = new WeakMap<object, string>();
  const server = createServer({
    ...COMMON,
    handshakeTimeout: handshakeTimeoutMs,
    pskIdentityHint: "holdfast",
    pskCallback: (socket, identity) => {
      if (!accepts(identity)) return null;
      names.set(socket, identity);
      return key;
    },
  });
  return { server, nameOf: (socket) => names.get(socket) };
}

export interface TlsServer {
  readonly server: Server;
  /** The name under which a connection proved the key. */
  readonly nameOf: (socket: TLSSocket) => string | undefined;
}

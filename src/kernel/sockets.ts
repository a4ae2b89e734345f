/**
 * Sockets that are on an address: packed addresses (address.ts), and connections, as native/wire/diag.h has them: two addresses
 * and two ports, little-endian.
 */
import { constants } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { getSystemErrorMap } from "node:util";
import { formatMapped, MAPPED_BYTES, notAnAddress, writeMapped } from "./address.js";
import type { Connection, KillResult } from "./types.js";

const RECORD = { bytes: 36, local: 0, remote: 16, localPort: 32, remotePort: 34 } as const;

/** So many records are worked on before other events get their turn: about 3 ms. */
const SLICE = 8192;

/** @throws TypeError naming the first text that is not an address. */
export async function packIps(addresses: readonly string[]): Promise<Buffer> {
  const bytes = Buffer.alloc(addresses.length * MAPPED_BYTES);
  for (const [i, address] of addresses.entries()) {
    if (i > 0 && i % SLICE === 0) await nextTurn();
    writeIp(address, bytes, i * MAPPED_BYTES);
  }
  return bytes;
}

/** @returns its family. */
function writeIp(address: string, bytes: Buffer, at: number): 4 | 6 {
  const family = writeMapped(address, bytes, at);
  if (family === 0) throw notAnAddress(address);
  return family;
}

/** @throws TypeError naming the first that is no connection. */
export async function packConnections(connections: readonly Connection[]): Promise<Buffer> {
  const bytes = Buffer.alloc(connections.length * RECORD.bytes);
  for (const [i, connection] of connections.entries()) {
    if (i > 0 && i % SLICE === 0) await nextTurn();
    packConnection(connection, bytes, i * RECORD.bytes);
  }
  return bytes;
}

function packConnection(connection: Connection, bytes: Buffer, at: number): void {
  const { local, localPort, remote, remotePort } = connection;
  const isPort = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;
  const families = [writeIp(local, bytes, at + RECORD.local), writeIp(remote, bytes, at + RECORD.remote)];
  if (families[0] !== families[1] || !isPort(localPort) || !isPort(remotePort)) {
    throw new TypeError(
      `expected two addresses of one family with ports from 1 to 65535, not ${JSON.stringify(connection)}`,
    );
  }
  bytes.writeUInt16LE(localPort, at + RECORD.localPort);
  bytes.writeUInt16LE(remotePort, at + RECORD.remotePort);
}

export async function unpackConnections(bytes: Buffer): Promise<Connection[]> {
  const connections: Connection[] = [];
  for (let at = 0; at < bytes.length; at += RECORD.bytes) {
    if (connections.length > 0 && connections.length % SLICE === 0) await nextTurn();
    connections.push({
      local: formatMapped(bytes, at + RECORD.local),
      localPort: bytes.readUInt16LE(at + RECORD.localPort),
      remote: formatMapped(bytes, at + RECORD.remote),
      remotePort: bytes.readUInt16LE(at + RECORD.remotePort),
    });
  }
  return connections;
}

/** The kernel says so of itself, and not of a socket (sock_diag_rcv_msg() in sock_diag.c, before 4.5 and since). */
const CANNOT_CLOSE = new Set<number>([constants.errno.EOPNOTSUPP, constants.errno.EINVAL]);

/** @param failed -errno and sockets. */
export function killFailures(failed: readonly (readonly [number, number])[]): KillResult["failures"] {
  return failed.map(([status, count]) => {
    const [errno, words] = getSystemErrorMap().get(status) ?? [`${-status}`, "unknown error"];
    const remedy = CANNOT_CLOSE.has(-status)
      ? ": this kernel closes no sockets of others (CONFIG_INET_DIAG_DESTROY)"
      : "";
    return { errno, count, reason: `${words}${remedy}` };
  });
}

/** The cluster key: one secret that every node has, and the keys that are made of it. */
import { hkdfSync } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { HoldfastError } from "../errors.js";

/** Keys of 32 bytes for the uses of the cluster key; none tells anything of another. */
export interface ClusterKeys {
  /** Pre-shared key of the TLS connections between nodes. */
  readonly tls: Uint8Array;
  /** HMAC key of the heartbeat datagrams. */
  readonly heartbeat: Uint8Array;
  /** Authenticates the handshake of a queue's move. */
  readonly mmove: Uint8Array;
}

const LEAST_BYTES = 16;
const MOST_BYTES = 4096;

/**
 * Content of the key file.
 * @throws HoldfastError ERR_CLUSTER_KEY when it cannot be read, is no key, or may be read by everybody.
 */
export async function readClusterKey(path: string): Promise<Uint8Array> {
  try {
    const { mode, size } = await stat(path);
    if ((mode & 0o007) !== 0) throw new Error(`mode ${(mode & 0o777).toString(8)} is open to everybody; use 640`);
    if (size > MOST_BYTES) throw new Error(`${size} bytes are no key; ${MOST_BYTES} are the most`);
    return await readFile(path);
  } catch (cause) {
    throw new HoldfastError(
      "ERR_CLUSTER_KEY",
      `cannot use the cluster key ${path}`,
      { path },
      { cause: remedied(cause, path) },
    );
  }
}

/** What the system says of the file, and what to do about it. */
function remedied(cause: unknown, path: string): unknown {
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  switch (cause.code) {
    case "ENOENT":
      return new Error(`${cause.message}; make one, and copy it to every node (docs/OPERATING.md, "Install")`);
    case "EACCES":
      return new Error(`${cause.message}; let the daemon's group read it: chgrp holdfast ${path}, chmod 640 ${path}`);
    default:
      return cause;
  }
}

/**
 * @param material the key in any form; white space around it does not count. At least 16 bytes, best 32 random ones:
 *   HKDF (RFC 5869) spreads what randomness there is, it adds none.
 * @throws HoldfastError ERR_CLUSTER_KEY when it is shorter.
 */
export function deriveKeys(material: Uint8Array): ClusterKeys {
  const secret = trim(material);
  if (secret.length < LEAST_BYTES) {
    const facts = { bytes: secret.length, least: LEAST_BYTES };
    const message = `the cluster key has ${secret.length} bytes; it needs ${LEAST_BYTES}, best 32 random ones`;
    throw new HoldfastError("ERR_CLUSTER_KEY", message, facts);
  }
  return {
    tls: derive(secret, "holdfast group tls"),
    heartbeat: derive(secret, "holdfast heartbeat"),
    mmove: derive(secret, "holdfast mmove"),
  };
}

function derive(secret: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(0), label, 32));
}

function trim(bytes: Uint8Array): Uint8Array {
  const isSpace = (byte: number | undefined) => byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

/**
 * How values lie in the store: CRC-32 of the text (4 bytes, big-endian), then JSON in UTF-8.
 *
 * JSON and not msgpack: addresses and DSN parameters must come back exactly, and JSON keeps every string, lone
 * surrogates included; a spool can be read in an emergency with common tools; and these values are small, as bodies
 * lie elsewhere. LMDB has no checksums, so ours tells a damaged page from a message.
 */

import { checksum } from "./checksum.js";

const CRC_BYTES = 4;

export function seal(value: unknown): Buffer {
  const text = JSON.stringify(value);
  const bytes = Buffer.allocUnsafe(CRC_BYTES + Buffer.byteLength(text));
  bytes.write(text, CRC_BYTES);
  bytes.writeUInt32BE(checksum(bytes.subarray(CRC_BYTES)));
  return bytes;
}

/** @returns the value, or undefined when the bytes are not what `seal` made. */
export function unseal(bytes: Uint8Array): unknown {
  const sealed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (sealed.length <= CRC_BYTES) return undefined;
  const text = sealed.subarray(CRC_BYTES);
  if (checksum(text) !== sealed.readUInt32BE()) return undefined;
  try {
    return JSON.parse(text.toString()) as unknown;
  } catch {
    return undefined;
  }
}

/** To look into a value that came from the disk. */
export function hasFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

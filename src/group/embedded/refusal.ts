/** What a handshake that failed says of the other side: a peer that is there and refused, or nothing. */
import type { RefusalReason } from "../../core/channel/refused-peers.js";

/**
 * OpenSSL's words for a pre-shared key that differs (RFC 4279 section 2 and RFC 5246 section 7.2.2: the first record under the
 * wrong keys does not verify), and for a name that the listener does not expect. Whatever else fails, a port scanner or another
 * program can bring about.
 */
const REASONS: ReadonlyMap<string, RefusalReason> = new Map([
  ["decryption failed or bad record mac", "key"],
  ["sslv3 alert bad record mac", "key"],
  ["tlsv1 alert decrypt error", "key"],
  ["psk identity not found", "name"],
  ["tlsv1 alert unknown psk identity", "name"],
]);

/** @returns null where the error shows no peer. */
export function refusalOf(error: Error): RefusalReason | null {
  return REASONS.get("reason" in error ? String(error.reason) : "") ?? null;
}

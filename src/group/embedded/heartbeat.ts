/**
 * Heartbeat datagrams: who is alive, proved by the cluster key. The same bytes go to every peer.
 *
 *     name, incarnation, counter | HMAC-SHA-256 over these, first 16 bytes (RFC 2104 section 5 on truncation)
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { ByteReader, ByteWriter, Malformed } from "../../core/wire/bytes.js";

export interface Heartbeat {
  readonly name: string;
  readonly incarnation: number;
  /** Rises with each datagram of one run, from 1. */
  readonly counter: number;
}

const MAC_BYTES = 16;

export function sealHeartbeat(key: Uint8Array, heartbeat: Heartbeat): Uint8Array {
  const { name, incarnation, counter } = heartbeat;
  const body = new ByteWriter().string(name).uint(incarnation).uint(counter).finish();
  const sealed = new Uint8Array(body.length + MAC_BYTES);
  sealed.set(body);
  sealed.set(macOf(key, body), body.length);
  return sealed;
}

/** @returns null for anything that was not sealed with `key`. */
export function openHeartbeat(key: Uint8Array, sealed: Uint8Array): Heartbeat | null {
  if (sealed.length <= MAC_BYTES || sealed.length > 512) return null;
  const body = sealed.subarray(0, -MAC_BYTES);
  if (!timingSafeEqual(macOf(key, body), sealed.subarray(-MAC_BYTES))) return null;
  try {
    const from = new ByteReader(body);
    const heartbeat = { name: from.string(), incarnation: from.uint(), counter: from.uint() };
    from.end();
    return heartbeat;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

/**
 * Tells a recorded datagram from a new one. Only the run of a peer that this node has a connection to is followed: no
 * other one's heartbeats mean life, and a recording of an older run must not reset what is known of this one.
 */
export class ReplayGuard {
  readonly #followed = new Map<string, { readonly incarnation: number; counter: number }>();

  follow(name: string, incarnation: number): void {
    if (this.#followed.get(name)?.incarnation !== incarnation) this.#followed.set(name, { incarnation, counter: 0 });
  }

  /** @returns "stray" for a run that is not followed. */
  judge(heartbeat: Heartbeat): "fresh" | "replayed" | "stray" {
    const followed = this.#followed.get(heartbeat.name);
    if (followed?.incarnation !== heartbeat.incarnation) return "stray";
    if (heartbeat.counter <= followed.counter) return "replayed";
    followed.counter = heartbeat.counter;
    return "fresh";
  }
}

function macOf(key: Uint8Array, body: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(body).digest().subarray(0, MAC_BYTES);
}

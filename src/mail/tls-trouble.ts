/**
 * Addresses with which STARTTLS did not work, and for how long mail goes to them in the clear: docs/adr/0023. Pure: time
 * comes in, in milliseconds of any clock that never goes back. Memory is bounded; the oldest are forgotten first.
 *
 * Source: RFC 7435 section 3 (encryption where it can be had, delivery where it cannot), RFC 3207 section 6.
 */

/** How long mail goes to an address in the clear before TLS is tried again. */
export const PLAIN_MS = 300_000;
/** Handshakes that broke off count together when they are at least so long apart, and at most so long. */
export const APART_MS = 60_000;
export const TOGETHER_MS = 86_400_000;
const MAX_ADDRESSES = 1_000;

/**
 * `refused`: the other side, or the TLS library, said that it cannot be. `cut`: the connection ended or went silent on the
 * way, which anybody can bring about who can forge a RST, and which says nothing of the other side.
 */
export type TlsFailure = "refused" | "cut";

export class TlsTrouble {
  /** Address and port -> until when. */
  readonly #plain = new Map<string, number>();
  /** Address and port -> when a handshake broke off first, with none since that was completed. */
  readonly #cut = new Map<string, number>();

  isPlain(peer: string, now: number): boolean {
    const until = this.#plain.get(peer);
    if (until === undefined) return false;
    if (now < until) return true;
    this.#plain.delete(peer);
    return false;
  }

  /** @returns how long mail goes to this address in the clear from now on; 0: it does not, TLS is tried again each time. */
  failed(peer: string, failure: TlsFailure, now: number): number {
    if (failure === "cut") {
      const first = this.#cut.get(peer);
      if (first === undefined || now - first > TOGETHER_MS) {
        remember(this.#cut, peer, now);
        return 0;
      }
      if (now - first < APART_MS) return 0;
    }
    remember(this.#plain, peer, now + PLAIN_MS);
    return PLAIN_MS;
  }

  succeeded(peer: string): void {
    this.#cut.delete(peer);
    this.#plain.delete(peer);
  }
}

function remember(map: Map<string, number>, peer: string, at: number): void {
  map.delete(peer);
  map.set(peer, at);
  for (const oldest of map.keys()) {
    if (map.size <= MAX_ADDRESSES) return;
    map.delete(oldest);
  }
}

/**
 * Sockets for addresses that come and go, bound before they come: a port that is taken, or descriptors that are out, show at
 * the start and not at a failover. A socket that listens is used up by that, and another is bound once it has closed.
 */
import type { Endpoint } from "../config/types.js";
import { HoldfastError } from "../errors.js";
import type { SocketBinder } from "./types.js";

export class BoundAhead {
  /** By endpoint. */
  readonly #bound = new Map<string, number>();
  /** Why there is none, by endpoint. */
  readonly #refused = new Map<string, string>();
  /** One call at a time, so that no endpoint is bound twice. Never rejects. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(private readonly binder: SocketBinder) {}

  /** Resolves when each is bound, or has been refused: `take` says why. */
  async prepare(endpoints: readonly Endpoint[]): Promise<void> {
    const turn = this.#last.then(() => this.#bind(endpoints));
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  /** @returns a descriptor that is the caller's from here on. @throws ERR_LISTEN. */
  take(endpoint: Endpoint): number {
    const key = keyOf(endpoint);
    const fd = this.#bound.get(key);
    if (fd === undefined) throw notBound(endpoint, this.#refused.get(key) ?? "no socket is bound to it");
    this.#bound.delete(key);
    this.binder.release(fd);
    return fd;
  }

  /** Why there is none, or null. */
  refusal(endpoint: Endpoint): string | null {
    return this.#refused.get(keyOf(endpoint)) ?? null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    const fds = [...this.#bound.values()];
    this.#bound.clear();
    await this.binder.close(fds);
  }

  async #bind(endpoints: readonly Endpoint[]): Promise<void> {
    const missing = this.#closed ? [] : endpoints.filter((endpoint) => !this.#bound.has(keyOf(endpoint)));
    if (missing.length === 0) return;
    const results = await this.binder.bind(missing);
    for (const [i, endpoint] of missing.entries()) {
      const result = results[i] ?? "no answer";
      const key = keyOf(endpoint);
      this.#refused.delete(key);
      if (typeof result === "number") this.#bound.set(key, result);
      else this.#refused.set(key, result);
    }
  }
}

function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}

function notBound({ host, port }: Endpoint, reason: string): HoldfastError {
  const cause = new Error(reason);
  return new HoldfastError("ERR_LISTEN", `cannot listen on ${host}:${port}`, { host, port }, { cause });
}

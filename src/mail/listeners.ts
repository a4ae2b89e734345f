/**
 * Every listener of the node: plain ones from start to stop, those of addresses that come and go between `open` and `close`.
 * docs/adr/0011 says which of them have a socket each, and which share one.
 */
import { createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Config, Endpoint, Listen } from "../config/types.js";
import { explain } from "../errors.js";
import { BoundAhead } from "./bound-ahead.js";
import type { Desk } from "./desk.js";
import { openBound, openServer, requireAddress } from "./listen.js";
import type { Listener } from "./listener.js";
import type { Reception } from "./reception.js";
import { sharedEndpoint, SharedServer } from "./shared-server.js";
import { Turns } from "./turns.js";
import type { CrowdedAddress, ServeResult, SocketBinder } from "./types.js";

/** Addresses are opened so many at a time, and after so long it is the turn of others on this loop. */
const OPENED_AT_ONCE = 64;
const TURN_MS = 5;

export class Listeners {
  /** Those that come and go, by address. */
  readonly #ofAddress = new Map<string, Listen[]>();
  /** Of these, what needs a socket of its own; nothing for an address that needs none. */
  readonly #ownEndpoints = new Map<string, readonly Endpoint[]>();
  /** Made once: at a failover there is no time for it. */
  readonly #made = new Map<string, readonly Listener[]>();
  readonly #open = new Set<string>();
  readonly #plain: Listener[] = [];
  /** By what they listen on. */
  readonly #shared = new Map<string, SharedServer>();
  readonly #sharedOf = new Map<Listener, SharedServer>();
  readonly #ahead: BoundAhead;
  readonly #turns = new Turns();

  constructor(
    private readonly desk: Desk,
    private readonly reception: Reception,
    binder: SocketBinder,
  ) {
    this.#ahead = new BoundAhead(binder);
    for (const listen of desk.config.listens) {
      if (!listen.enabled || isPlain(listen)) continue;
      const there = this.#ofAddress.get(listen.endpoint.host);
      if (there === undefined) this.#ofAddress.set(listen.endpoint.host, [listen]);
      else there.push(listen);
    }
  }

  /** Opens the plain ones, and gets ready for the others. Rejects with ERR_LISTEN of a plain one; what was opened is left to
   * `stop`. */
  async start(): Promise<void> {
    await this.#openShared();
    for (const listen of this.desk.config.listens) {
      if (!listen.enabled || !isPlain(listen)) continue;
      const listener = this.#make(listen);
      await this.#openPlain(listener);
      this.#plain.push(listener);
    }
    for (const [address, listens] of this.#ofAddress) {
      const own = listens.map(({ endpoint }) => endpoint).filter((endpoint) => !this.#isShared(endpoint));
      if (own.length > 0) this.#ownEndpoints.set(address, own);
    }
    const addresses = [...this.#ofAddress.keys()];
    await this.#prepare(addresses);
    this.#tellRefusals(addresses);
  }

  isOpen(address: string): boolean {
    return this.#open.has(address);
  }

  /** Every listener of each address, or none of it. Again is the same. */
  async open(addresses: readonly string[]): Promise<readonly ServeResult[]> {
    await this.#prepare(addresses);
    const results: ServeResult[] = [];
    let since = performance.now();
    for (let at = 0; at < addresses.length; at += OPENED_AT_ONCE) {
      if (performance.now() - since > TURN_MS) {
        await nextTurn();
        since = performance.now();
      }
      const slice = addresses.slice(at, at + OPENED_AT_ONCE);
      results.push(...(await Promise.all(slice.map((address) => this.#tryOpen(address)))));
    }
    return results;
  }

  /** Nothing is accepted any more when this returns, unless something else was under way for an address. Resolves when the last
   * connection is gone, after at most `drainMs`. */
  async close(addresses: readonly string[], drainMs: number): Promise<void> {
    const draining = addresses.map((address) => this.#turns.take(address, () => this.#close(address, drainMs)));
    await Promise.all(draining.filter((drained) => drained !== undefined));
    // For the next time. What goes wrong shows then.
    this.#prepare(addresses).catch(() => undefined);
  }

  /** Addresses with connections, the most first. */
  crowded(most: number): CrowdedAddress[] {
    const all: CrowdedAddress[] = [];
    for (const [address, listeners] of this.#made) {
      const connections = listeners.reduce((sum, listener) => sum + listener.connections, 0);
      if (connections > 0) all.push({ address, connections });
    }
    return all.sort((a, b) => b.connections - a.connections).slice(0, most);
  }

  async stop(drainMs: number): Promise<void> {
    const listeners = [...this.#plain.splice(0), ...[...this.#made.values()].flat()];
    this.#open.clear();
    for (const shared of this.#shared.values()) shared.close();
    this.#shared.clear();
    await Promise.all([closeAll(listeners, drainMs), this.#ahead.close()]);
  }

  /** Where the socket is not to be had, since another program listens on that port, each address has one of its own. */
  async #openShared(): Promise<void> {
    for (const { endpoint, count } of crowds(this.desk.config)) {
      try {
        this.#shared.set(keyOf(endpoint), await SharedServer.open(endpoint, this.desk));
      } catch (error) {
        this.desk.emit("listen-not-shared", "warn", { ...endpoint, addresses: count, reason: explain(error) });
      }
    }
  }

  /** A shared socket would take any address: that it is this host's is asked apart. */
  async #openPlain(listener: Listener): Promise<void> {
    const { endpoint } = listener.listen;
    if (this.#isShared(endpoint)) await requireAddress(endpoint, this.desk);
    if (this.#beginShared(listener)) return;
    const server = createServer({ noDelay: true }, (socket) => listener.accept(socket));
    await openServer(server, endpoint, this.desk);
    listener.begin(() => server.close());
  }

  async #tryOpen(address: string): Promise<ServeResult> {
    try {
      await this.#turns.take(address, () => this.#openAll(address));
      return { address, error: null };
    } catch (error) {
      return { address, error: explain(error) };
    }
  }

  #openAll(address: string): Promise<void> | undefined {
    if (this.#open.has(address)) return undefined;
    const own = this.#listenersOf(address).filter((listener) => !this.#beginShared(listener));
    if (own.length > 0) return this.#openOwn(address, own);
    this.#open.add(address);
    return undefined;
  }

  async #openOwn(address: string, own: readonly Listener[]): Promise<void> {
    try {
      for (const listener of own) {
        const { endpoint } = listener.listen;
        const server = createServer({ noDelay: true }, (socket) => listener.accept(socket));
        await openBound(server, this.#ahead.take(endpoint), endpoint, this.desk);
        listener.begin(() => server.close());
      }
    } catch (error) {
      await closeAll(this.#listenersOf(address), 0);
      throw error;
    }
    this.#open.add(address);
  }

  #close(address: string, drainMs: number): Promise<void> | undefined {
    if (!this.#open.delete(address)) return undefined;
    return closeAll(this.#listenersOf(address), drainMs);
  }

  /** @returns false where it needs a socket of its own. */
  #beginShared(listener: Listener): boolean {
    const shared = this.#sharedOf.get(listener);
    if (shared === undefined) return false;
    listener.begin(shared.accept(listener.listen.endpoint.host, (socket) => listener.accept(socket)));
    return true;
  }

  #isShared(endpoint: Endpoint): boolean {
    return this.#shared.has(keyOf(sharedEndpoint(endpoint)));
  }

  /** @throws ERR_LISTEN where one of them cannot be what the configuration says. */
  #listenersOf(address: string): readonly Listener[] {
    const made = this.#made.get(address);
    if (made !== undefined) return made;
    const listeners = (this.#ofAddress.get(address) ?? []).map((listen) => this.#make(listen));
    this.#made.set(address, listeners);
    return listeners;
  }

  #make(listen: Listen): Listener {
    const listener = this.reception.listener(listen);
    const shared = this.#shared.get(keyOf(sharedEndpoint(listen.endpoint)));
    if (shared !== undefined) this.#sharedOf.set(listener, shared);
    return listener;
  }

  /** Binds what is missing for these addresses, in one go. Whether that went well, `open` tells. */
  async #prepare(addresses: readonly string[]): Promise<void> {
    if (this.#ownEndpoints.size === 0) return;
    const closed = addresses.filter((address) => !this.#open.has(address));
    await this.#ahead.prepare(closed.flatMap((address) => this.#ownEndpoints.get(address) ?? []));
  }

  /** Why an address could not be opened now, or null. */
  #refusal(address: string): string | null {
    try {
      this.#listenersOf(address);
    } catch (error) {
      return explain(error);
    }
    const refusals = this.#ownEndpoints.get(address)?.map((endpoint) => this.#ahead.refusal(endpoint));
    return refusals?.find((refusal) => refusal !== null) ?? null;
  }

  /** One event for each reason. Each is tried again when its address comes. */
  #tellRefusals(addresses: readonly string[]): void {
    const refusals = new Map<string, { readonly first: string; count: number }>();
    for (const address of addresses) {
      const reason = this.#refusal(address);
      if (reason === null) continue;
      const known = refusals.get(reason);
      if (known === undefined) refusals.set(reason, { first: address, count: 1 });
      else known.count++;
    }
    for (const [reason, { first, count }] of refusals)
      this.desk.emit("listen-not-ready", "warn", { address: first, count, reason });
  }
}

/**
 * Sockets that listen, for what the configuration names and this node may have: those of addresses that share one
 * count once.
 */
export function countOwnListens(config: Config): number {
  const listens = config.listens.filter(({ enabled }) => enabled);
  const shared = new Set(crowds(config).map(({ endpoint }) => keyOf(endpoint)));
  return shared.size + listens.filter(({ endpoint }) => !shared.has(keyOf(sharedEndpoint(endpoint)))).length;
}

/** What more than `listen_shared_min` addresses that come and go would have in common. */
function crowds({ listens, mail }: Config): { readonly endpoint: Endpoint; readonly count: number }[] {
  const least = mail.listenSharedMin;
  if (least === 0) return [];
  const counts = new Map<string, { endpoint: Endpoint; count: number }>();
  for (const listen of listens) {
    if (!listen.enabled || isPlain(listen)) continue;
    const shared = sharedEndpoint(listen.endpoint);
    const known = counts.get(keyOf(shared));
    if (known === undefined) counts.set(keyOf(shared), { endpoint: shared, count: 1 });
    else known.count++;
  }
  return [...counts.values()].filter(({ count }) => count > least);
}

/** @returns undefined when there is nothing to wait for. */
function closeAll(listeners: readonly Listener[], drainMs: number): Promise<void> | undefined {
  const draining = listeners.flatMap((listener) => listener.close(drainMs) ?? []);
  return draining.length === 0 ? undefined : Promise.all(draining).then(() => undefined);
}

function isPlain(listen: Listen): boolean {
  return !listen.duravip.enabled && listen.follow === null;
}

function keyOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}

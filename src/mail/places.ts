/**
 * What this node knows of homes: which addresses it serves now, and where the bindings of the others live. No I/O.
 *
 * Mail leaves from a DuraVIP address only between `serve` and `withdraw` of it; bindings without a VIP are at home on
 * every node.
 */
import type { Binding, Config } from "../config/types.js";
import type { BindingHome } from "./types.js";

/** Where a queue has to go. */
export interface Destination {
  readonly node: string;
  readonly epoch: number;
  readonly endpoint: { readonly host: string; readonly port: number };
}

export class Places {
  readonly #self: string;
  readonly #bindings = new Map<string, Binding>();
  readonly #byAddress = new Map<string, Binding[]>();
  readonly #served = new Set<string>();
  readonly #homes = new Map<string, BindingHome>();
  readonly #endpoints = new Map<string, Destination["endpoint"]>();

  constructor(config: Config) {
    this.#self = config.nodename;
    for (const peer of config.peers) {
      // Until a home names the endpoint of a peer, its listener is taken to be on the port that ours is on.
      this.#endpoints.set(peer.name, { host: peer.address, port: config.clusterListen.port });
    }
    for (const binding of config.bindings) {
      this.#bindings.set(binding.name, binding);
      if (binding.address === null) continue;
      const there = this.#byAddress.get(binding.address);
      if (there === undefined) this.#byAddress.set(binding.address, [binding]);
      else there.push(binding);
    }
  }

  binding(name: string): Binding | undefined {
    return this.#bindings.get(name);
  }

  /** Bindings on an address, in the order of the configuration. */
  bindingsOn(address: string): readonly Binding[] {
    return this.#byAddress.get(address) ?? [];
  }

  serve(address: string): void {
    this.#served.add(address);
  }

  withdraw(address: string): void {
    this.#served.delete(address);
  }

  serves(address: string): boolean {
    return this.#served.has(address);
  }

  /** @returns names whose home is another than before. */
  setHomes(homes: readonly BindingHome[]): readonly string[] {
    const changed: string[] = [];
    for (const home of homes) {
      if (home.node !== null && home.endpoint !== null) this.#endpoints.set(home.node, home.endpoint);
      const known = this.#homes.get(home.binding);
      this.#homes.set(home.binding, home);
      if (known?.node !== home.node || known.epoch !== home.epoch || !sameEndpoint(known.endpoint, home.endpoint)) {
        changed.push(home.binding);
      }
    }
    return changed;
  }

  /** True while mail of this binding may leave from this node. */
  mayDeliver(name: string): boolean {
    const binding = this.#bindings.get(name);
    if (binding === undefined) return false;
    return !binding.duravip.enabled || (binding.address !== null && this.#served.has(binding.address));
  }

  /** True when mail that a peer moves for this binding belongs here. */
  isHome(name: string): boolean {
    const binding = this.#bindings.get(name);
    if (binding === undefined || !binding.duravip.enabled || binding.address === null) return false;
    return this.#served.has(binding.address) || this.#homes.get(name)?.node === this.#self;
  }

  /** The node that has the binding, as far as known here. */
  owner(name: string): string | null {
    return this.#homes.get(name)?.node ?? null;
  }

  /** The peer to which the queue of this binding has to move, or null when it stays here for now. */
  destination(name: string): Destination | null {
    const binding = this.#bindings.get(name);
    if (binding === undefined || !binding.duravip.enabled || this.mayDeliver(name)) return null;
    const home = this.#homes.get(name);
    if (home === undefined || home.node === null || home.node === this.#self || home.endpoint === null) return null;
    return { node: home.node, epoch: home.epoch, endpoint: home.endpoint };
  }

  /** Where a peer takes moved mail, or null when nothing ever named it. */
  endpointOf(node: string): Destination["endpoint"] | null {
    return this.#endpoints.get(node) ?? null;
  }

  /** True when the mail of this binding waits for, or is on, its way to another node. */
  livesElsewhere(name: string): boolean {
    const home = this.#homes.get(name);
    return home !== undefined && home.node !== null && home.node !== this.#self && !this.mayDeliver(name);
  }
}

function sameEndpoint(a: BindingHome["endpoint"], b: BindingHome["endpoint"]): boolean {
  return a?.host === b?.host && a?.port === b?.port;
}

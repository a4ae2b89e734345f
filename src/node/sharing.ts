/**
 * What the nodes learn from each other besides ownership: the neighbours of each, so that whoever takes an address over can
 * tell the hosts that its last owner knew; and which addresses are in use most, so that those come first.
 */
import type { ClusterOptions } from "../config/types.js";
import { MAX_HOSTS, type Share } from "../core/wire/share.js";
import { explain } from "../errors.js";
import type { Host } from "../kernel/types.js";
import type { MailService } from "../mail/types.js";
import type { NodeEventSink } from "./node.js";
import type { Plumber } from "./plumber.js";

export interface SharingParts {
  readonly options: Pick<ClusterOptions, "arpShareMs" | "arpAllHosts">;
  readonly plumber: Pick<Plumber, "neighbours" | "tellBesides">;
  readonly mail: Pick<MailService, "activity">;
  readonly sink: NodeEventSink;
  /** Tells the other nodes. */
  say(share: Share): void;
}

export class Sharing {
  /** By Topology block, then by node. What a node said last stays when it departs: that is when it is needed. */
  readonly #neighbours = new Map<string, Map<string, readonly Host[]>>();
  /** How much each address is used, by who said so last. */
  readonly #uses = new Map<string, { readonly from: string; readonly level: number }>();
  /** Addresses that a node named last. */
  readonly #named = new Map<string, readonly string[]>();
  readonly #counters = { said: 0, heard: 0, hosts: 0 };
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly parts: SharingParts) {}

  start(): void {
    const { arpShareMs } = this.parts.options;
    if (arpShareMs === 0) return;
    this.#timer = setInterval(() => void this.#share(), arpShareMs);
    this.#timer.unref();
  }

  /** Who has just met the others again may know neighbours that they are about to need. */
  now(): void {
    if (this.#timer !== null && !this.parts.options.arpAllHosts) void this.#share();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** Shares of this node and of the others; hosts that only others may know. */
  get counters(): Readonly<Record<string, number>> {
    return this.#counters;
  }

  hear(from: string, { neighbours, busy }: Share): void {
    this.#counters.heard++;
    for (const address of this.#named.get(from) ?? [])
      if (this.#uses.get(address)?.from === from) this.#uses.delete(address);
    for (const { level, addresses } of busy) for (const address of addresses) this.#uses.set(address, { from, level });
    const named = busy.flatMap(({ addresses }) => addresses);
    this.#named.set(from, named);
    for (const { block, hosts } of neighbours) this.#meet(from, block, hosts);
  }

  /** @returns them all, those that are used most first; else as they were. */
  busiestFirst(addresses: readonly string[]): readonly string[] {
    if (this.#uses.size === 0) return addresses;
    const ranks: string[][] = [];
    for (const address of addresses) (ranks[this.#rank(address)] ??= []).push(address);
    return ranks.reduceRight<string[]>((before, some) => before.concat(some), []);
  }

  #rank(address: string): number {
    const uses = this.#uses.get(address);
    return uses === undefined ? 0 : uses.level + 1;
  }

  /** A list stands for a segment in the kernel layer, so a new one is made only where who is in it changes. */
  #meet(from: string, block: string, hosts: readonly Host[]): void {
    const nodes = this.#neighbours.get(block) ?? new Map<string, readonly Host[]>();
    this.#neighbours.set(block, nodes);
    const before = macsOf(nodes.values());
    nodes.set(from, hosts);
    const after = macsOf(nodes.values());
    if (before.size === after.size && [...after.keys()].every((mac) => before.has(mac))) return;
    this.#counters.hosts += after.size - before.size;
    this.parts.plumber.tellBesides(block, [...after.values()]);
  }

  async #share(): Promise<void> {
    try {
      const busy = await this.parts.mail.activity();
      this.parts.say({ busy, neighbours: await this.#ownNeighbours() });
      this.#counters.said++;
    } catch (error) {
      this.parts.sink({ level: "debug", code: "share-failed", facts: { reason: explain(error) } });
    }
  }

  /** Of no use to nodes that tell everybody. */
  async #ownNeighbours(): Promise<Share["neighbours"]> {
    if (this.parts.options.arpAllHosts) return [];
    const known = await this.parts.plumber.neighbours();
    return [...known].map(([block, hosts]) => ({ block, hosts: hosts.slice(0, MAX_HOSTS) }));
  }
}

/** Each host once, however many addresses it has. */
function macsOf(lists: Iterable<readonly Host[]>): Map<string, Host> {
  const hosts = new Map<string, Host>();
  for (const list of lists) for (const host of list) hosts.set(host.mac, host);
  return hosts;
}

/**
 * The network behind one interface, for the Topologies of one family on it: what this host stands on there, and which other members
 * answer. One look asks a few of them at most, and finds the routes of the kernel without sending anything.
 */
import { Ears } from "../../core/health/ears.js";
import { Footing } from "../../core/health/footing.js";
import type { Condition, Sense } from "../../core/health/condition.js";
import { MAX_ADDRESSES } from "../../core/wire/hearing.js";
import type { Kernel, Link } from "../../kernel/types.js";
import { type OwnAddresses, withoutLinkLocal } from "./own-addresses.js";
import { sourceTowards } from "./routes.js";

export interface SegmentParts {
  readonly interface: string;
  readonly family: 4 | 6;
  /** Blocks of the Topologies. */
  readonly topologies: readonly string[];
  readonly kernel: Pick<Kernel, "probe">;
  readonly own: OwnAddresses;
  readonly condition: Pick<Condition, "addressesOf">;
  /** An address of the Topologies that this node has now. */
  held(topologies: readonly string[]): string | undefined;
}

/** What stands for a client anywhere: nobody has it (RFC 5737, RFC 3849). */
const ELSEWHERE = { 4: "192.0.2.1", 6: "2001:db8::1" } as const;
const WAIT_MOST_MS = 1_000;
/** For a peer, one of its addresses. */
type Askable = ReadonlyMap<string, string>;

export class Segment {
  readonly #ears = new Ears();
  readonly #footing = new Footing();

  constructor(private readonly parts: SegmentParts) {}

  /** @returns null where there is nothing to be looked at: whether its link is up, others see. */
  async look(links: readonly Link[], everyMs: number): Promise<Pick<Sense, "troubles" | "hearing"> | null> {
    const link = links.find(({ name, altnames }) => [name, ...altnames].includes(this.parts.interface));
    if (link === undefined || !link.up || !link.carrier) return null;
    const addresses = await this.parts.own.on(link.index, this.parts.family, performance.now());
    const askable = this.#askable(link, addresses);
    const ways = await this.#ways(addresses, askable);
    await this.#ask(link, askable, addresses, everyMs);
    const reason = this.#footing.look({ addresses, ways });
    const { topologies } = this.parts;
    return {
      troubles: reason === null ? [] : topologies.map((topology) => ({ topology, reason })),
      hearing: link.mac === null ? [] : topologies.map((topology) => this.#hearing(topology, addresses, askable)),
    };
  }

  #hearing(topology: string, addresses: readonly string[], askable: Askable): Sense["hearing"][number] {
    const there = [...this.parts.condition.addressesOf(topology).keys()].filter((member) => askable.has(member));
    const heard = this.#ears.heard.filter((member) => there.includes(member));
    return { topology, addresses: addresses.slice(0, MAX_ADDRESSES), heard, asked: there.sort() };
  }

  /**
   * A question needs somebody who asks: one from nobody makes a host that is just taking its address give it up. Only where there is
   * no address of this host to ask with, IPv4 is asked for so; in IPv6 there is always one.
   */
  #askable({ mac }: Link, addresses: readonly string[]): Askable {
    const askable = new Map<string, string>();
    if (mac === null || (this.parts.family === 6 && addresses.length === 0)) return askable;
    for (const topology of this.parts.topologies)
      for (const [member, [address]] of this.parts.condition.addressesOf(topology))
        if (address !== undefined) askable.set(member, address);
    return askable;
  }

  async #ask(link: Link, askable: Askable, own: readonly string[], everyMs: number): Promise<void> {
    const members = [...askable.keys()].sort();
    const turn = this.#ears.turn(members);
    if (turn.length === 0) return;
    const wanted = turn.map((member) => askable.get(member) ?? "");
    const waitMs = Math.max(1, Math.min(WAIT_MOST_MS, 0.8 * everyMs));
    const found = await this.parts.kernel.probe(wanted, link, { waitMs, from: own.slice(0, 1) });
    const answered = new Set(found.map(({ address }) => address));
    this.#ears.hear(turn, new Set(turn.filter((member) => answered.has(askable.get(member) ?? ""))));
  }

  /** Of those that can be looked for now, whether they are there. */
  async #ways(own: readonly string[], askable: Askable): Promise<Map<string, boolean>> {
    const elsewhere = ELSEWHERE[this.parts.family];
    const held = this.parts.held(this.parts.topologies);
    const near = withoutLinkLocal([...askable.values()]).slice(0, MAX_ADDRESSES);
    const [toOthers, out, outFromVip] = await Promise.all([
      Promise.all(near.map((address) => sourceTowards(address))),
      sourceTowards(elsewhere),
      held === undefined ? undefined : sourceTowards(elsewhere, held),
    ]);
    const ways = new Map<string, boolean>();
    // By another interface, they would not come to where these addresses live.
    if (toOthers.length > 0 && own.length > 0)
      ways.set(
        "to the other nodes there",
        toOthers.some((source) => source != null && own.includes(source)),
      );
    if (out !== undefined) ways.set("to clients elsewhere", out !== null);
    if (outFromVip !== undefined) ways.set(`from its DuraVIPs to clients elsewhere`, outFromVip !== null);
    return ways;
  }
}

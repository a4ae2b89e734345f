/**
 * What a node finds out about its networks and its service, as src/node/health does it: looks a second apart, with the production
 * counters, over a model of the network of each Topology. Contract: a host is deaf or mute there without any sign of it but that
 * answers do not come; its own address is there or not; its service greets or not.
 */
import { formatIpv4, parseIpv4 } from "../core/address.js";
import { Ears } from "../core/health/ears.js";
import { Footing } from "../core/health/footing.js";
import { Greetings, SERVICE_LEAST_MS } from "../core/health/greetings.js";
import type { Sense } from "../core/health/condition.js";
import type { NodeCore } from "../core/node.js";
import type { Host } from "./host.js";

export const LOOK_EVERY_MS = 1_000;
/** Where the hosts' own addresses are in a Topology, behind all VIPs. */
const OWN_FROM = 0xff00;

interface Segment {
  readonly ears: Ears;
  readonly footing: Footing;
  readonly greetings: Greetings;
}

export class Senses {
  readonly #segments: ReadonlyMap<string, Segment>;
  #told = "";

  constructor(
    private readonly core: NodeCore,
    private readonly host: Host,
    /** All hosts there are, in an order that stays. */
    private readonly hosts: () => readonly Host[],
  ) {
    const entries = core.setup.entries;
    const topologies = new Set(entries.map(({ topology }) => topology));
    this.#segments = new Map(
      [...topologies].map((block) => {
        const places = entries
          .filter(({ topology }) => topology === block)
          .map(({ address }) => ({ address, port: 25 }));
        return [block, { ears: new Ears(), footing: new Footing(), greetings: new Greetings(places) }];
      }),
    );
  }

  /** @returns null where nothing is new. */
  look(at: number): Sense | null {
    const troubles: Sense["troubles"][number][] = [];
    const hearing: Sense["hearing"][number][] = [];
    for (const [topology, segment] of this.#segments) {
      if (!this.host.down.includes(topology)) hearing.push(this.#listen(topology, segment));
      const addresses = ownAddresses(this.#numberOf(this.host), this.host, topology);
      const lost = this.host.down.includes(topology) ? null : segment.footing.look({ addresses, ways: new Map() });
      const silent = this.#try(segment.greetings, at);
      if (lost !== null) troubles.push({ topology, reason: lost });
      else if (silent !== null) troubles.push({ topology, reason: silent, leastMs: SERVICE_LEAST_MS });
    }
    const sense = { everyMs: LOOK_EVERY_MS, troubles, hearing };
    const text = JSON.stringify(sense);
    if (text === this.#told) return null;
    this.#told = text;
    return sense;
  }

  #listen(topology: string, { ears }: Segment): Sense["hearing"][number] {
    const askable = this.core.condition.addressesOf(topology);
    const asked = [...askable.keys()].sort();
    const turn = ears.turn(asked);
    const answers = (member: string) => {
      const other = this.hosts().find(
        (one) => ownAddresses(this.#numberOf(one), one, topology)[0] === askable.get(member)?.[0],
      );
      return other !== undefined && this.host.hearsIn(topology) && other.hearsIn(topology);
    };
    ears.hear(turn, new Set(turn.filter(answers)));
    return {
      topology,
      addresses: ownAddresses(this.#numberOf(this.host), this.host, topology),
      heard: ears.heard,
      asked,
    };
  }

  #try(greetings: Greetings, at: number): string | null {
    const serves = (address: string) => this.core.hands.state(address) === "present";
    for (const place of greetings.turn(serves))
      greetings.tell({ place, failure: this.host.dumb ? "ECONNREFUSED" : null }, at);
    return greetings.trouble;
  }

  #numberOf(host: Host): number {
    return this.hosts().indexOf(host);
  }
}

function ownAddresses(number: number, host: Host, topology: string): readonly string[] {
  if (host.flushed.has(topology)) return [];
  const base = parseIpv4(topology.split("/")[0] ?? "") ?? 0;
  return [formatIpv4(base + OWN_FROM + number)];
}

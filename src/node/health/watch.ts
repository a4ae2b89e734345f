/**
 * Looks after what this node needs to serve its Topologies, besides carriers: its own addresses and routes, the other members on the
 * networks of its VIPs, and its own service. Tells the core what it finds; what follows from that, the core says.
 */
import { isIPv6 } from "node:net";
import type { Config, Topology } from "../../config/types.js";
import { topologyFinder } from "../../core/catalogue/catalogue.js";
import type { Condition, Sense } from "../../core/health/condition.js";
import type { Place } from "../../core/health/greetings.js";
import type { Hands } from "../../core/ownership/hands.js";
import { explain } from "../../errors.js";
import type { Kernel } from "../../kernel/types.js";
import type { NodeEventSink } from "../node.js";
import { OwnAddresses } from "./own-addresses.js";
import { Segment } from "./segment.js";
import { ServiceWatch } from "./service.js";

export interface HealthParts {
  readonly config: Config;
  readonly kernel: Pick<Kernel, "links" | "addresses" | "probe" | "protocol">;
  readonly condition: Pick<Condition, "addressesOf">;
  readonly hands: Pick<Hands, "state" | "held">;
  readonly sink: NodeEventSink;
  /** Whether the cluster manages an address. */
  isManaged(address: string): boolean;
  tell(sense: Sense): void;
}

/** Addresses that are looked at to find one that this node has. */
const SCANNED = 1_024;
/** Topologies whose service is tried in one look. */
const SERVICES_AT_ONCE = 4;

export class HealthWatch {
  readonly #everyMs: number;
  readonly #segments: readonly Segment[];
  readonly #services: readonly ServiceWatch[];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #topologyOf: (address: string) => Topology | undefined;
  #networks: Pick<Sense, "troubles" | "hearing"> = { troubles: [], hearing: [] };
  #next = 0;
  #told = "";
  /** Of each kind of look, why the last one failed; nothing where it did not. */
  readonly #complaints = new Map<() => Promise<void>, string>();
  #stopped = false;

  constructor(private readonly parts: HealthParts) {
    const { config } = parts;
    this.#everyMs = config.cluster.healthIntervalMs;
    this.#topologyOf = topologyFinder(config.topologies);
    this.#segments = segmentsOf(parts, (topologies) => this.#held(topologies));
    this.#services = this.#servicesOf(config);
  }

  start(): void {
    if (this.#everyMs === 0) return;
    this.#again(() => this.#lookAtNetworks());
    if (this.#services.length > 0) this.#again(() => this.#lookAtServices());
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** The next look begins so long after the end of the last one. */
  #again(look: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#once(look);
    }, this.#everyMs);
    timer.unref();
    this.#timers.add(timer);
  }

  async #once(look: () => Promise<void>): Promise<void> {
    try {
      await look();
      this.#complaints.delete(look);
    } catch (error) {
      this.#complain(look, explain(error));
    }
    if (this.#stopped) return;
    this.#tell();
    this.#again(look);
  }

  async #lookAtNetworks(): Promise<void> {
    const links = await this.parts.kernel.links();
    const seen = await Promise.all(this.#segments.map((segment) => segment.look(links, this.#everyMs)));
    this.#networks = {
      troubles: seen.flatMap((one) => one?.troubles ?? []),
      hearing: seen.flatMap((one) => one?.hearing ?? []),
    };
  }

  async #lookAtServices(): Promise<void> {
    const count = Math.min(SERVICES_AT_ONCE, this.#services.length);
    const turn = [...this.#services, ...this.#services].slice(this.#next, this.#next + count);
    this.#next = (this.#next + count) % this.#services.length;
    await Promise.all(turn.map((service) => service.look()));
  }

  #tell(): void {
    const { troubles, hearing } = this.#networks;
    const ill = new Set(troubles.map(({ topology }) => topology));
    const silent = this.#services.flatMap((service) => service.troubles).filter(({ topology }) => !ill.has(topology));
    const sense = { everyMs: this.#everyMs, troubles: [...troubles, ...silent], hearing };
    const text = JSON.stringify(sense);
    if (text === this.#told) return;
    this.#told = text;
    this.parts.tell(sense);
  }

  /** Once, as long as it stays the same. */
  #complain(look: () => Promise<void>, reason: string): void {
    if (reason === this.#complaints.get(look)) return;
    this.#complaints.set(look, reason);
    this.parts.sink({ level: "error", code: "health-check-failed", facts: { reason } });
  }

  #held(topologies: readonly string[]): string | undefined {
    let seen = 0;
    for (const [address, state] of this.parts.hands.held()) {
      if (state === "present" && topologies.includes(this.#topologyOf(address)?.block ?? "")) return address;
      if (++seen >= SCANNED) return undefined;
    }
    return undefined;
  }

  #servicesOf({ listens }: Config): ServiceWatch[] {
    const places = new Map<string, Place[]>();
    for (const { enabled, duravip, follow, endpoint } of listens) {
      const block = this.#topologyOf(endpoint.host)?.block;
      if (!enabled || block === undefined || !(duravip.enabled || follow !== null)) continue;
      const some = places.get(block);
      if (some === undefined) places.set(block, [{ address: endpoint.host, port: endpoint.port }]);
      else some.push({ address: endpoint.host, port: endpoint.port });
    }
    const serves = (address: string) => this.parts.hands.state(address) === "present";
    return [...places].map(([block, some]) => new ServiceWatch(block, some, serves));
  }
}

/** One for each interface and family. */
function segmentsOf(parts: HealthParts, held: (topologies: readonly string[]) => string | undefined): Segment[] {
  const own = new OwnAddresses(parts.kernel, (address) => parts.isManaged(address));
  const groups = new Map<string, Topology[]>();
  for (const topology of parts.config.topologies) {
    const key = `${familyOf(topology)} ${topology.interface}`;
    groups.set(key, [...(groups.get(key) ?? []), topology]);
  }
  const { kernel, condition } = parts;
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const topologies = group.map(({ block }) => block);
    return [
      new Segment({ interface: first.interface, family: familyOf(first), topologies, kernel, own, condition, held }),
    ];
  });
}

function familyOf({ block }: Topology): 4 | 6 {
  return isIPv6(block.split("/")[0] ?? "") ? 6 : 4;
}

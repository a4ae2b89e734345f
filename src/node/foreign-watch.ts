/**
 * Managed addresses that stand in this kernel and are not from this node: judged by the rule that keeps a host its own
 * (src/kernel/host-address.ts), told to the cluster, removed where that is safe, and in the way of the node's own ones
 * until then. By state and not by event: a look that finds the same says nothing.
 */
import type { ForeignGroup } from "../core/wire/foreign.js";
import { describeAddresses } from "../core/address.js";
import { explain } from "../errors.js";
import { type FoundAddress, type FoundAddresses, type Kernel, Surroundings, type VipPlace } from "../kernel/index.js";
import type { NodeEventSink } from "./node.js";
import { aloneAmong, closeSockets } from "./sockets.js";

/** What members are told changes at most so often, but for the first time: whoever adds and removes on and on floods
 * nobody. */
const SAY_EVERY_MS = 1_000;
/** One that was removed so often within this time is put back by something that will not stop: it stays, and is told.
 * */
const REMOVALS_MAX = 3;
const REMOVALS_MS = 60_000;

export interface Judged {
  readonly found: FoundAddress;
  readonly ifname: string;
  /** Why it stays, in words that go on from "it is"; null where it may be removed. */
  readonly stays: string | null;
}

type Asked = Pick<Kernel, "protocol" | "links" | "uses">;

/**
 * @param foreign managed addresses without our tag, of `all`.
 * @param places where this node would plumb the addresses that it configures.
 * @param managed all addresses of the cluster. @throws ERR_NETLINK.
 */
export async function judgeForeign(
  kernel: Asked,
  foreign: readonly FoundAddress[],
  places: ReadonlyMap<string, VipPlace>,
  all: Pick<FoundAddresses, "slices">,
  managed: Pick<ReadonlySet<string>, "has">,
): Promise<Judged[]> {
  const addresses = [...new Set(foreign.map(({ address }) => address))];
  const [links, uses] = await Promise.all([kernel.links(), kernel.uses(addresses)]);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const surroundings = new Surroundings(places, uses);
  const isInDoubt = ({ protocol, address }: FoundAddress) => protocol === kernel.protocol || managed.has(address);
  for await (const some of all.slices()) surroundings.count(some, isInDoubt);
  return foreign.map((found) => ({
    found,
    ifname: names.get(found.ifindex) ?? `interface ${found.ifindex}`,
    stays: surroundings.whyItStays(found),
  }));
}

export interface ForeignParts {
  readonly kernel: Asked & Pick<Kernel, "removeOthers" | "killSockets">;
  /** Where this node would plumb what it configures. Asked anew each time: interfaces come and go. */
  places(): ReadonlyMap<string, VipPlace>;
  /** Configured by any member. */
  isManaged(address: string): boolean;
  /** All that stand there, for the cluster. */
  say(groups: readonly ForeignGroup[]): void;
  readonly sink: NodeEventSink;
}

export class ForeignWatch {
  readonly counters = { standing: 0, removed: 0 };
  #standing = new Map<string, Judged>();
  /** By address: when it was removed lately. */
  readonly #removals = new Map<string, number[]>();
  #said = "[]";
  #saidAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | null = null;

  constructor(private readonly parts: ForeignParts) {}

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  isManaged(address: string): boolean {
    return this.parts.isManaged(address);
  }

  /** Why this node may not plumb an address now; null where nothing stands in its way. */
  obstacle(address: string): string | null {
    const judged = this.#standing.get(address);
    if (judged === undefined) return null;
    const { found, ifname, stays } = judged;
    const why = stays === null ? "" : ` (it is ${stays})`;
    return `${address}/${found.prefix} stands on ${ifname} and is not from holdfast${why}: remove it there`;
  }

  /** @param foreign managed addresses without our tag, of `all`: what a dump has found just now. Never rejects. */
  async look(foreign: readonly FoundAddress[], all: Pick<FoundAddresses, "slices">): Promise<void> {
    if (foreign.length === 0 && this.#standing.size === 0) return;
    try {
      const judged = foreign.length === 0 ? [] : await this.#judge(foreign, all);
      this.#stand(judged);
      const removable = judged.filter(({ stays }) => stays === null);
      if (removable.length > 0) this.#stand(await this.#remove(judged, removable, all));
    } catch (error) {
      this.parts.sink({ level: "error", code: "interface-check-failed", facts: { reason: explain(error) } });
    }
  }

  async #judge(foreign: readonly FoundAddress[], all: Pick<FoundAddresses, "slices">): Promise<Judged[]> {
    const { kernel } = this.parts;
    const managed = { has: (address: string) => this.parts.isManaged(address) };
    const judged = await judgeForeign(kernel, foreign, this.parts.places(), all, managed);
    return judged.map((one) =>
      one.stays === null && this.#comesBack(one.found.address) ? { ...one, stays: AGAIN } : one,
    );
  }

  /** @returns those that stand there yet. */
  async #remove(judged: readonly Judged[], removable: readonly Judged[], all: Pick<FoundAddresses, "slices">) {
    const { kernel, sink } = this.parts;
    const places = removable.map(({ found }) => found);
    await closeSockets(kernel, await aloneAmong(places, all), sink);
    const { statuses, texts } = await kernel.removeOthers(places);
    const failed = new Map<FoundAddress, string>();
    for (const [i, one] of places.entries()) {
      const status = statuses[i] ?? 0;
      if (status !== 0) failed.set(one, `not to be removed: ${texts.get(status) ?? `errno ${-status}`}`);
      else this.#removals.set(one.address, [...this.#lately(one.address), performance.now()]);
    }
    const gone = places.filter((one) => !failed.has(one));
    this.counters.removed += gone.length;
    const addresses = describeAddresses(gone.map(({ address }) => address));
    if (gone.length > 0) sink({ level: "warn", code: "foreign-removed", facts: { count: gone.length, addresses } });
    const removed = new Set(gone);
    return judged.flatMap((one) => {
      if (removed.has(one.found)) return [];
      return [{ ...one, stays: failed.get(one.found) ?? one.stays }];
    });
  }

  #stand(judged: readonly Judged[]): void {
    this.#standing = new Map(judged.map((one) => [one.found.address, one]));
    // What stays counts more than what is about to go.
    for (const one of judged) if (one.stays !== null) this.#standing.set(one.found.address, one);
    this.counters.standing = this.#standing.size;
    this.#saySoon();
  }

  #saySoon(): void {
    if (this.#timer !== null) return;
    const wait = this.#saidAt + SAY_EVERY_MS - performance.now();
    if (wait <= 0) return this.#say();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#say();
    }, wait);
    this.#timer.unref();
  }

  #say(): void {
    const groups = groupsOf(this.#standing.values());
    const key = JSON.stringify(groups);
    if (key === this.#said) return;
    this.#said = key;
    this.#saidAt = performance.now();
    this.parts.say(groups);
  }

  #comesBack(address: string): boolean {
    return this.#lately(address).length >= REMOVALS_MAX;
  }

  #lately(address: string): number[] {
    const since = performance.now() - REMOVALS_MS;
    const times = (this.#removals.get(address) ?? []).filter((at) => at > since);
    if (times.length === 0) this.#removals.delete(address);
    return times;
  }
}

const AGAIN = "put back by something each time that it is removed";

/** In the order of their addresses: what is the same gives the same groups. */
function groupsOf(standing: Iterable<Judged>): ForeignGroup[] {
  const groups = new Map<string, { where: string; stays: string; addresses: string[] }>();
  for (const { found, ifname, stays } of standing) {
    const where = found.plumbing === "route" ? `route by ${ifname}` : ifname;
    const key = `${where} ${stays ?? ""}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { where, stays: stays ?? "", addresses: [found.address] });
    else group.addresses.push(found.address);
  }
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
  for (const group of sorted) group.addresses.sort();
  return sorted;
}

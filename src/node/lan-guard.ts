/**
 * Others on the LAN who use this node's addresses: reported, defended where they are this node's by the table, given
 * up where the configuration says so, and asked for before an address is taken that its last owner may still have.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ClusterOptions } from "../config/types.js";
import { describeAddresses } from "../core/address.js";
import { ConflictWatch, type Verdict } from "../core/conflict-watch.js";
import { yieldsTo } from "../core/rivals.js";
import { explain } from "../errors.js";
import type { Kernel, Sighting } from "../kernel/types.js";
import { groupByMac, LanNews, reportsOf } from "./lan-news.js";
import type { NodeEventSink } from "./node.js";
import type { Plumber } from "./plumber.js";

export interface GuardParts {
  readonly config: { readonly cluster: Pick<ClusterOptions, "conflictAction" | "conflictLimit" | "takeoverProbeMs"> };
  readonly kernel: Pick<Kernel, "links">;
  readonly plumber: Pick<Plumber, "defend" | "hardwareAddressFor" | "hush" | "listen" | "probe">;
  readonly sink: NodeEventSink;
  /** As `NodeCore.defends`. */
  defends(address: string): boolean;
  /** Is this node in the view? */
  isMember(name: string): boolean;
  /** Tells the other nodes by which hardware addresses this host speaks. */
  say(macs: readonly string[]): void;
  /** A peer is alive and in no view with this node: a rival may be one. */
  estranged(): boolean;
  /** Ends what these addresses serve, and unplumbs them. */
  giveUp(addresses: readonly string[]): Promise<void>;
}

/** What loopback and some tunnels have. */
const NO_MAC = "00:00:00:00:00:00";
/** Where there is a reason to ask, and the configuration does not say how long. */
const USUAL_PROBE_MS = 500;
/** So many sightings are judged before other events get their turn: about 2 ms. */
const SLICE = 512;

export class LanGuard {
  readonly #watch: ConflictWatch;
  /** Given up to a rival: not taken again while somebody answers for them. */
  readonly #yielded = new Set<string>();
  /** Node by hardware address; who departed stays known. */
  readonly #nodes = new Map<string, string>();
  #said = "";
  /** Not judged yet. */
  readonly #news = new LanNews();
  #judging = false;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(private readonly parts: GuardParts) {
    const { conflictLimit, conflictAction } = parts.config.cluster;
    this.#watch = new ConflictWatch({ limit: conflictLimit, action: conflictAction });
  }

  /** @throws what `Kernel.openLan` throws. */
  async start(): Promise<void> {
    await this.parts.plumber.listen((sightings) => {
      this.#news.add(sightings);
      if (!this.#judging) void this.#judgeAll();
    });
  }

  /** What others know this host by may have changed. */
  async lookAtLinks(): Promise<void> {
    const macs = [...(await this.#own())].sort();
    if (this.#stopped || macs.join() === this.#said) return;
    this.#said = macs.join();
    this.parts.say(macs);
  }

  /** Another node speaks by these hardware addresses. */
  learn(node: string, macs: readonly string[]): void {
    for (const [mac, known] of this.#nodes) if (known === node) this.#nodes.delete(mac);
    for (const mac of macs) this.#nodes.set(mac, node);
  }

  /**
   * While it is in question whose the addresses are, nothing is repeated; and what was heard before does not count
   * behind it.
   */
  hush(on: boolean): void {
    if (on) this.#watch.clear();
    this.parts.plumber.hush(on);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** They are being unplumbed. */
  forget(addresses: readonly string[]): void {
    this.#watch.forget(addresses);
  }

  /**
   * Before addresses are taken.
   *
   * @param fenced those of them that their last owner may still have, for all that the cluster knows.
   * @param estranged somebody is there who may: those are asked for, whatever the configuration says.
   * @returns those that somebody answers for, and the hardware address of who does. Where nobody can be asked, that is told,
   *   and nobody is taken to answer: an address that nobody has is worse than one that two may have.
   */
  async stillAnswered(
    addresses: readonly string[],
    fenced: readonly string[],
    estranged: boolean,
  ): Promise<Map<string, string>> {
    const { takeoverProbeMs } = this.parts.config.cluster;
    const suspects = new Set(takeoverProbeMs > 0 || estranged ? fenced : []);
    for (const address of addresses) if (this.#yielded.has(address)) suspects.add(address);
    if (suspects.size === 0) return new Map();
    try {
      const found = await this.parts.plumber.probe([...suspects], takeoverProbeMs || USUAL_PROBE_MS);
      const answered = new Map(found.map(({ address, mac }) => [address, mac]));
      for (const address of suspects) if (!answered.has(address)) this.#yielded.delete(address);
      for (const [mac, some] of groupByMac(found)) {
        this.#log("warn", "vip-answered", { mac, addresses: describeAddresses(some.map(({ address }) => address)) });
      }
      return answered;
    } catch (error) {
      this.#log("error", "probe-failed", { addresses: describeAddresses([...suspects]), reason: explain(error) });
      return new Map();
    }
  }

  /** One part at a time: what comes meanwhile waits, merged, however long the kernel takes to list the links. */
  async #judgeAll(): Promise<void> {
    this.#judging = true;
    while (this.#news.size > 0 && !this.#stopped) {
      await this.#judge(this.#news.take(SLICE));
      if (this.#news.size > 0) await nextTurn();
    }
    this.#judging = false;
  }

  async #judge(sightings: readonly Sighting[]): Promise<void> {
    try {
      const foreign = await this.#foreign(sightings);
      if (this.#stopped) return;
      const isMember = (mac: string) => this.parts.isMember(this.#nodes.get(mac) ?? "");
      const defended = foreign.filter(({ address }) => this.parts.defends(address));
      const lost = this.#lostToRefused(defended.filter(({ mac }) => !isMember(mac)));
      this.#watch.forget([...lost]);
      const rivals = defended.filter(({ address }) => !lost.has(address));
      const verdict = this.#watch.hear(
        rivals.map(({ kind, address, mac }) => ({ kind, address, mac, member: isMember(mac) })),
        performance.now(),
      );
      verdict.give.push(...lost);
      for (const kind of ["rival", "prober"] as const) this.#report(kind, foreign);
      this.#carryOut(verdict);
    } catch (error) {
      this.#log("error", "conflict-watch-failed", { reason: explain(error) });
    }
  }

  /** To have an address twice is no use to anybody: the side with the lower hardware address keeps it. */
  #lostToRefused(sightings: readonly Sighting[]): ReadonlySet<string> {
    if (!this.parts.estranged()) return new Set();
    const isLost = ({ kind, address, mac }: Sighting) => {
      const own = this.parts.plumber.hardwareAddressFor(address);
      return kind === "rival" && own !== null && yieldsTo(own, mac);
    };
    return new Set(sightings.filter(isLost).map(({ address }) => address));
  }

  /** A bond may speak with the hardware address of any of its ports, and a bridge may bring back what this host sent by another. */
  async #foreign(sightings: readonly Sighting[]): Promise<readonly Sighting[]> {
    const own = await this.#own();
    return sightings.filter(({ mac }) => !own.has(mac));
  }

  async #own(): Promise<Set<string>> {
    const macs = (await this.parts.kernel.links()).flatMap(({ mac }) => (mac === null || mac === NO_MAC ? [] : [mac]));
    return new Set(macs);
  }

  #report(kind: Sighting["kind"], sightings: readonly Sighting[]): void {
    const some = sightings.filter((sighting) => sighting.kind === kind);
    for (const { addresses, ...facts } of reportsOf(some, (mac) => this.#nodes.get(mac))) {
      const told = { ...facts, addresses: describeAddresses(addresses) };
      if (kind === "prober") this.#log("info", "vip-probed", told);
      else {
        const defences = Math.max(...addresses.map((address) => this.#watch.defences(address)));
        this.#log("warn", "vip-rival", { ...told, defences });
      }
    }
  }

  #carryOut({ defend, give }: Verdict): void {
    const still = defend.filter((address) => this.parts.defends(address));
    if (still.length > 0) this.parts.plumber.defend(still);
    this.#arm();
    if (give.length === 0) return;
    for (const address of give) this.#yielded.add(address);
    this.#log("error", "vip-yielded", { addresses: describeAddresses(give) });
    this.parts
      .giveUp(give)
      .catch((error: unknown) => this.#log("error", "conflict-watch-failed", { reason: explain(error) }));
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const wait = this.#watch.wait(performance.now());
    if (wait === Number.POSITIVE_INFINITY || this.#stopped) return;
    this.#timer = setTimeout(() => this.#carryOut(this.#watch.due(performance.now())), wait);
    this.#timer.unref();
  }

  #log(level: "info" | "warn" | "error", code: string, facts: Record<string, string | number>): void {
    this.parts.sink({ level, code, facts });
  }
}

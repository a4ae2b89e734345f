/**
 * Whole runs from seeds, in two phases: trouble for a while, in which nothing bad may happen; then a part of the hosts is
 * whole for good, and something good has to happen there, while the others may stay dead, cut off or stopped for ever.
 */
import type { Member } from "../core/ownership/ownership.js";
import { plan } from "../core/ownership/plan.js";
import { emptyRow, heirOf } from "../core/ownership/table.js";
import type { NodeSetup } from "../core/node.js";
import { isQuorate } from "../core/quorum.js";
import { Cluster, SimulationFailure } from "./cluster.js";
import { CLOG_MAX_MS, FAULTS, Faults, type Fault } from "./faults.js";
import type { Branch } from "./branches.js";
import type { Counts } from "./counts.js";
import type { Daemon } from "./daemon.js";
import { drawFailbacks, drawLayout, drawPolicies, drawTraits, nodeNames } from "./layout.js";
import { discord, homesOf, illness, shortcoming, unrest } from "./liveness.js";
import type { AddressMeasure } from "./measures.js";
import { USUAL } from "./options.js";
import { Random } from "./random.js";

export { SimulationFailure };

export interface SimulationRequest {
  readonly seed: number;
  readonly nodes: number;
  readonly vips: number;
  readonly engine?: "model" | "channel";
  /** Default: all of them. */
  readonly faults?: readonly Fault[];
  /** Gets each event as a line of text. */
  readonly trace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  /** Virtual time of the whole run, and from the end of the faults until nothing was missing any more. */
  readonly tookMs: number;
  readonly healedMs: number;
  readonly addresses: readonly AddressMeasure[];
  /** How often each fault struck, and how often the run came to each rare place. */
  readonly faults: Counts<Fault>;
  readonly branches: Counts<Branch>;
  /** How often each input and message was seen, each event told, each run of a daemon ended. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Waits between tries to plumb double up to a minute, and a balance round may have to wait for the one before. */
const HEALED_MS = 240_000;
const LOOK_EVERY_MS = 250;
const WEIGHTS = [1, 50, 150, 1000];
/** By then a leader that has only just begun to lead has said which pins are over. */
const UNPINNED_MS = 2_000;
/** By then what was on its way when the faults ended has arrived, and whoever was given up for it is missed. */
const LAST_WORDS_MS = CLOG_MAX_MS + 1_000;

/** @throws SimulationFailure at the first invariant that does not hold. */
export function runSeed(request: SimulationRequest): SimulationResult {
  const { seed } = request;
  const cluster = drawCluster(request);
  const random = cluster.random.stream("run");
  const faults = new Faults(cluster, new Set(request.faults ?? FAULTS));
  const names = [...cluster.hosts.keys()];
  cluster.start(...(random.chance(0.5) ? names : random.some(names, 0.7)));
  if (random.chance(0.5)) cluster.run(random.between(0, 5_000));
  faults.run(random.between(2_000, 30_000), Math.round(10 ** random.between(0.5, 2)));
  faults.stop();
  const core = new Core(cluster, random, request.faults ?? FAULTS);
  const healedMs = core.heal(faults.pinnedUntil);
  loseOne(cluster, core, random);
  const { schedule, measures, branches } = cluster;
  return {
    seed,
    tookMs: schedule.now,
    healedMs,
    addresses: measures.addresses(schedule.now),
    faults: faults.counts,
    branches: branches.counts,
    counts: measures.counts,
  };
}

function drawCluster({ seed, nodes, vips, engine, trace }: SimulationRequest): Cluster {
  const random = new Random(seed).stream("cluster");
  const layout = new Random(seed).stream("layout");
  const names = nodeNames(nodes);
  const loss = random.chance(0.5) ? random.between(0, 0.3) : 0;
  const lanLoss = random.chance(0.5) ? random.between(0, 0.3) : 0;
  return new Cluster({
    ...USUAL,
    seed,
    engine: engine ?? "model",
    layout: drawFailbacks(
      drawPolicies(drawLayout(names, vips, drawTraits(layout), layout), new Random(seed).stream("policies")),
      new Random(seed).stream("failbacks"),
    ),
    ...drawLeases(names, new Random(seed).stream("leases")),
    network: { delayMs: 10 ** random.between(-1, 1), jitterMs: 10 ** random.between(-1, 1.5), loss },
    host: {
      batchMs: 10 ** random.between(-0.5, 2),
      addressMs: 10 ** random.between(-3, 0),
      drainMs: 10 ** random.between(0, 3.3),
    },
    // Whoever takes an address while it is cut off, and goes before it is back, leaves neighbours misled: only the
    // owner's repetition brings them back. So it is part of every run, with a shorter period than the usual minute.
    lan: { ...USUAL.lan, loss: lanLoss, refreshMs: 4_000, askMs: 1_000 },
    viewMatureTimeMs: random.between(1_000, 3_000),
    viewBalanceIntervalMs: random.between(1_000, 5_000),
    balanceSetSize: random.chance(0.5) ? 0 : 1 + random.below(10),
    flapHalfLifeMs: drawHalfLife(new Random(seed).stream("flaps")),
    lifelines: new Set(random.some(names, 0.5)),
    setups: drawSetups(names, random),
    print: trace ?? null,
  });
}

/** Some hosts have the next version already, or an option that the others have not. */
function drawSetups(names: readonly string[], random: Random): Map<string, Partial<NodeSetup>> {
  const drawn = (): Partial<NodeSetup> => {
    if (random.chance(0.3)) return { version: "0.2.0", drainRate: 10 };
    return random.chance(0.5) ? { balanceSetSize: 1 + random.below(10) } : { weight: random.pick(WEIGHTS) ?? 100 };
  };
  return new Map(random.some(names, 0.3).map((name) => [name, drawn()]));
}

/** Short, so that a run sees members that are calm again. */
function drawHalfLife(random: Random): number {
  return random.chance(0.5) ? 0 : random.between(1_000, 10_000);
}

function drawLeases(names: readonly string[], random: Random) {
  const clockDriftMax = random.chance(0.5) ? 0.01 : random.between(0, 0.1);
  const start = () => ({ rate: 1 + random.between(-1, 1) * clockDriftMax, originMs: random.between(0, 1e9) });
  return {
    // A proof takes some trips, each of which may have to wait for a segment that is sent again.
    leaseMs: Math.round(random.between(1_500, 5_000)),
    clockDriftMax,
    clocks: new Map(names.map((name) => [name, start()])),
  };
}

/** The hosts that are whole after the faults; they have to become a cluster without the others. */
class Core {
  readonly #names: readonly string[];

  constructor(
    private readonly cluster: Cluster,
    random: Random,
    faults: readonly Fault[],
  ) {
    const all = [...cluster.hosts.keys()];
    const ways = faults.filter((fault) => fault === "power" || fault === "cut" || fault === "pause");
    const way = random.chance(0.4) ? random.pick(ways) : undefined;
    const lost = way === undefined ? [] : random.some(all, 0.4).slice(0, all.length - 1);
    this.#names = all.filter((name) => !lost.includes(name));
    if (way === "cut" && lost.length > 0) cluster.cut(lost, this.#names);
    for (const name of lost) {
      if (way === "power" || (way === "pause" && !cluster.daemons.has(name))) cluster.retire(name);
      else if (way === "pause") cluster.pause(name);
    }
  }

  /** Balance may have as many rounds as it takes to move every address, so many at once. */
  get limitMs(): number {
    const { layout, viewBalanceIntervalMs } = this.cluster.options;
    const vips = Math.max(...[...layout.values()].map(({ length }) => length));
    return HEALED_MS + (vips / this.#smallestRound) * 2 * viewBalanceIntervalMs;
  }

  get #smallestRound(): number {
    const { balanceSetSize, setups } = this.cluster.options;
    const sizes = [balanceSetSize, ...[...setups.values()].map((setup) => setup.balanceSetSize ?? 0)];
    return Math.min(10, ...sizes.filter((size) => size > 0));
  }

  daemons(): Daemon[] {
    return this.cluster.live().filter(({ name }) => this.#names.includes(name));
  }

  /**
   * Waits until nothing is missing.
   *
   * @param pinnedUntil until then what a move has put somewhere for a time may go back.
   * @returns how long that took, of virtual time.
   */
  heal(pinnedUntil: number): number {
    const { cluster } = this;
    const since = cluster.schedule.now;
    cluster.run(LAST_WORDS_MS);
    const missing = () => {
      cluster.start(...this.#names); // Whoever was about to leave has gone by now.
      return this.missing();
    };
    cluster.run(Math.max(0, pinnedUntil - cluster.schedule.now));
    cluster.runUntil(missing, this.limitMs, LOOK_EVERY_MS);
    if (pinnedUntil > 0) {
      cluster.run(UNPINNED_MS);
      cluster.runUntil(missing, this.limitMs, LOOK_EVERY_MS);
    }
    const healedMs = cluster.schedule.now - since;
    this.#tellNeighbours();
    return healedMs;
  }

  /** Those without whom the others have a quorum yet. */
  dispensable(): Daemon[] {
    const daemons = this.daemons();
    const peers = [...this.cluster.hosts.keys()];
    return daemons.filter((one) => {
      const others = daemons.filter((other) => other !== one).map(({ name }) => name);
      return isQuorate(others, peers);
    });
  }

  missing(): string | null {
    const daemons = this.daemons();
    const { chronicle } = this.cluster;
    const wrong = unrest(daemons) ?? illness(daemons) ?? shortcoming(daemons) ?? discord(daemons);
    return wrong ?? chronicle.lack(daemons);
  }

  /** Waits until all are in one view that has a table: before the first round of balance in it. */
  regroup(): void {
    const names = () => this.daemons().map(({ name }) => name);
    const apart = ({ core }: Daemon) =>
      !core.ownership.settled || core.ownership.view?.members.join() !== names().sort().join();
    const waits = () => this.daemons().find(apart);
    this.cluster.runUntil(() => (waits() === undefined ? null : `${waits()?.name} has no new table`), this.limitMs);
  }

  /** L3. Hosts outside the core may have an address too, and say so; then neighbours may believe them. */
  #tellNeighbours(): void {
    const { cluster } = this;
    if (this.#names.length < cluster.hosts.size) return;
    const { lan } = cluster;
    cluster.run(lan.settleMs);
    if (cluster.options.lan.loss > 0) {
      cluster.runUntil(() => lan.misled(homesOf(this.daemons())), this.limitMs, LOOK_EVERY_MS);
      return;
    }
    const misled = lan.misled(homesOf(this.daemons()));
    if (misled !== null) cluster.fail(misled);
  }
}

/** Once healed, the cluster stays as it is; and when one more node goes, only what it had moves. */
function loseOne(cluster: Cluster, core: Core, random: Random): void {
  const homes = homesOf(core.daemons());
  cluster.run(3 * cluster.options.viewBalanceIntervalMs);
  const later = homesOf(core.daemons());
  const restless = [...homes].find(([address, home]) => later.get(address) !== home);
  if (restless !== undefined) cluster.fail(`L2: ${restless[0]} went from ${restless[1]} for no reason`);
  const victim = random.pick(core.dispensable());
  if (victim === undefined) return;
  const before = units(core, victim.name);
  const planned = plannedHomes(core, victim.name);
  cluster.die(victim.name, random.chance(0.5) ? "killed" : "power");
  const count = (code: string) => cluster.measures.counts[`event ${code}`] ?? 0;
  const [lapsed, refused] = [count("lease-lapsed"), count("vip-refused")];
  core.regroup();
  const after = units(core, victim.name);
  for (const [lead, { owner, terms }] of before) {
    if (count("lease-lapsed") > lapsed) break; // A short lease may be over before the others have found out who died.
    const now = after.get(lead);
    if (owner === victim.name || now === undefined || now.terms !== terms || now.owner === owner) continue;
    cluster.fail(`L2: ${lead} went from ${owner} to ${now.owner} because ${victim.name} died`);
  }
  cluster.runUntil(() => core.missing(), core.limitMs, LOOK_EVERY_MS);
  const found = homesOf(core.daemons());
  // A host whose daemon was killed may answer for its addresses yet, and whoever asks leaves them alone: no plan knows that.
  const isUnforeseen = count("lease-lapsed") > lapsed || count("vip-refused") > refused;
  for (const [address, home] of isUnforeseen ? [] : planned) {
    if (home !== (found.get(address) ?? null))
      cluster.fail(`plan: ${address} was to be at ${home} without ${victim.name}, and is at ${found.get(address)}`);
  }
}

/**
 * Where a survivor says that each address will be once this one is dead. Of none while a member is doubtful, damped or not
 * well: what it is given next, time brings about, and no plan can know of.
 */
function plannedHomes(core: Core, victim: string): Map<string, string | null> {
  const survivor = core.daemons().find(({ name }) => name !== victim);
  if (survivor === undefined) return new Map();
  const { ownership } = survivor.core;
  const waits = ([name, { damped, health }]: [string, Member]) =>
    damped || health.down.length > 0 || ownership.doubts.of(name).size > 0;
  if ([...ownership.members].some(waits)) return new Map();
  const { moves } = plan(ownership, { kind: "die", node: victim });
  return new Map([...homesOf(core.daemons()), ...moves.map(({ address, to }) => [address, to] as const)]);
}

/** Who has each unit or will have it, and what decides about that, whether `without` is there or not. */
function units(core: Core, without: string): Map<string, { owner: string | null; terms: string }> {
  const ownership = core.daemons()[0]?.core.ownership;
  return new Map(
    [...(ownership?.definitions.units ?? [])].map(([lead, unit]) => {
      const { conflict, broken, preferences, failback } = unit.lead;
      const electorate = unit.electorate.filter((member) => member !== without);
      const followers = unit.followers.map(({ address }) => address);
      const terms = [conflict, broken, preferences, failback, electorate, followers].join("; ");
      return [lead, { owner: heirOf(ownership?.rows.get(lead) ?? emptyRow()), terms }];
    }),
  );
}

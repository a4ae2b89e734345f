/** Whole runs from seeds: trouble for a while, then peace, then the questions. */
import { plan } from "../core/ownership/plan.js";
import { Clock } from "./clock.js";
import { Cluster, USUAL } from "./cluster.js";
import { FAULTS, Faults, type Fault } from "./faults.js";
import { drawLayout, drawPolicies, drawTraits, nodeNames } from "./layout.js";
import { discord, shortcoming, unrest } from "./liveness.js";
import type { AddressMeasure } from "./measures.js";
import { Random } from "./random.js";

export interface SimulationRequest {
  /** First seed. */
  readonly seed: number;
  /** How many seeds, counted up from the first. Default 1. */
  readonly seeds?: number;
  readonly nodes: number;
  readonly vips: number;
  readonly engine?: "model" | "channel";
  /** `drawn`: Topologies of every `partition_policy`, and clocks that drift. Default. */
  readonly partitions?: "available" | "drawn";
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
  /** How often each fault struck, each input and message was seen, each event told. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Waits between tries to plumb double up to a minute, and a balance round may have to wait for the one before. */
const HEALED_LIMIT_MS = 300_000;
const LOOK_EVERY_MS = 250;
/** By then what was on its way when the faults ended has arrived. */
const LAST_WORDS_MS = 1_000;

/** @throws SimulationFailure at the first invariant that does not hold. */
export function runSimulation(request: SimulationRequest): SimulationResult[] {
  return Array.from({ length: request.seeds ?? 1 }, (_, i) => runSeed(request.seed + i, request));
}

function runSeed(seed: number, request: SimulationRequest): SimulationResult {
  const random = new Random(seed);
  const cluster = drawCluster(seed, request, random);
  const names = [...cluster.hosts.keys()];
  const faults = new Faults(cluster, new Set(request.faults ?? FAULTS));
  cluster.start(...(random.chance(0.5) ? names : random.some(names, 0.7)));
  if (random.chance(0.5)) cluster.run(random.between(0, 5_000));
  faults.run(random.between(2_000, 30_000), Math.round(10 ** random.between(0.5, 2)));
  faults.stop();
  const stopped = cluster.schedule.now;
  cluster.run(LAST_WORDS_MS);
  const missing = () => unrest(cluster.live()) ?? shortcoming(cluster.live()) ?? discord(cluster.live());
  const missingOfAll = () => {
    cluster.start(...names); // Whoever was about to leave has gone by now.
    return missing();
  };
  cluster.runUntil(missingOfAll, HEALED_LIMIT_MS, LOOK_EVERY_MS);
  const healedMs = cluster.schedule.now - stopped;
  loseOne(cluster, random, missing);
  const { schedule, measures } = cluster;
  return { seed, tookMs: schedule.now, healedMs, addresses: measures.addresses(schedule.now), counts: measures.counts };
}

function drawCluster(
  seed: number,
  { nodes, vips, engine, trace, partitions }: SimulationRequest,
  random: Random,
): Cluster {
  const names = nodeNames(nodes);
  const traits = drawTraits(random);
  const layout = drawLayout(names, vips, traits, random);
  // Drawn apart, so that a seed is the same run with and without.
  const apart = new Random(~seed);
  const leases = partitions === "available" ? null : drawLeases(names, apart);
  return new Cluster({
    ...USUAL,
    ...leases,
    seed,
    engine: engine ?? "model",
    layout: leases === null ? layout : drawPolicies(layout, apart),
    network: {
      delayMs: 10 ** random.between(-1, 1),
      jitterMs: 10 ** random.between(-1, 1.5),
      loss: random.chance(0.5) ? random.between(0, 0.2) : 0,
    },
    host: {
      batchMs: 10 ** random.between(-0.5, 2),
      addressMs: 10 ** random.between(-3, 0),
      drainMs: 10 ** random.between(0, 3.3),
    },
    viewMatureTimeMs: random.between(1_000, 3_000),
    viewBalanceIntervalMs: random.between(1_000, 5_000),
    balanceSetSize: random.chance(0.5) ? 0 : 1 + random.below(10),
    weights: drawWeights(names, random),
    lifelines: new Set(random.some(names, 0.5)),
    print: trace ?? null,
  });
}

/** Mostly all the same. */
function drawWeights(names: readonly string[], random: Random): Map<string, number> {
  return new Map(random.chance(0.7) ? [] : names.map((name) => [name, random.pick([1, 50, 100, 150, 1000]) ?? 100]));
}

function drawLeases(names: readonly string[], random: Random) {
  const clockDriftMax = random.chance(0.5) ? 0.01 : random.between(0, 0.1);
  const clock = () => new Clock(1 + random.between(-clockDriftMax, clockDriftMax), random.between(0, 1e9));
  return {
    // Shorter ones are over before a departure is found out; the configuration warns of them.
    leaseMs: Math.round(random.between(2, 8) * USUAL.channel.failureTimeoutMs),
    clockDriftMax,
    clocks: new Map(names.map((name) => [name, clock()])),
  };
}

/** Once healed, the cluster stays as it is; and when one more node goes, only what it had moves. */
function loseOne(cluster: Cluster, random: Random, missing: () => string | null): void {
  const homes = cluster.homes();
  cluster.run(3 * cluster.options.viewBalanceIntervalMs);
  const later = cluster.homes();
  const restless = Object.keys(homes).find((address) => later[address] !== homes[address]);
  if (restless !== undefined) cluster.fail(`L2: ${restless} went from ${homes[restless]} for no reason`);
  const victim = random.pick(cluster.live());
  if (victim === undefined || cluster.hosts.size === 1) return;
  const before = units(cluster, victim.name);
  const planned = plannedHomes(cluster, victim.name);
  cluster.die(victim.name, random.chance(0.5) ? "killed" : "power");
  cluster.runUntil(() => unrest(cluster.live()) ?? discord(cluster.live()), HEALED_LIMIT_MS);
  const after = units(cluster, victim.name);
  for (const [lead, { owner, terms }] of before) {
    const now = after.get(lead);
    if (owner === victim.name || now === undefined || now.terms !== terms || now.owner === owner) continue;
    cluster.fail(`L2: ${lead} went from ${owner} to ${now.owner} because ${victim.name} died`);
  }
  cluster.runUntil(missing, HEALED_LIMIT_MS, LOOK_EVERY_MS);
  const found = cluster.homes();
  for (const [address, home] of Object.entries(planned)) {
    if (home !== (found[address] ?? null))
      cluster.fail(`plan: ${address} was to be at ${home} without ${victim.name}, and is at ${found[address]}`);
  }
}

/** Where a survivor says that each address will be once this one is dead. */
function plannedHomes(cluster: Cluster, victim: string): Record<string, string | null> {
  const survivor = cluster.live().find(({ name }) => name !== victim);
  if (survivor === undefined) return {};
  const { moves } = plan(survivor.core.ownership, { kind: "die", node: victim });
  return { ...cluster.homes(), ...Object.fromEntries(moves.map(({ address, to }) => [address, to])) };
}

/** Each unit's owner, and what decides about it, whether `without` is there or not. */
function units(cluster: Cluster, without: string): Map<string, { owner: string | null; terms: string }> {
  const ownership = cluster.live()[0]?.core.ownership;
  return new Map(
    [...(ownership?.definitions.units ?? [])].map(([lead, unit]) => {
      const { conflict, broken, preference } = unit.lead;
      const electorate = unit.electorate.filter((member) => member !== without);
      const followers = unit.followers.map(({ address }) => address);
      const terms = [conflict, broken, preference, electorate, followers].join("; ");
      return [lead, { owner: ownership?.rows.get(lead)?.owner ?? null, terms }];
    }),
  );
}

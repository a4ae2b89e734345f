/**
 * Chaos: draws faults by seed, lets them last, takes them back, and after each looks whether every address is alive at one owner
 * again, and answers a client that has its old ARP entries. Mail flows all the while, and none of it may be lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../sim/random.js";
import { checkMail, checkServed, doubles } from "../checks.js";
import { monotonicMs } from "../clock.js";
import { Homes } from "../homes.js";
import type { Lab, Probing } from "../lab.js";
import type { Violation } from "../records.js";
import { type Episode, type Fault, FAULTS, type Stage } from "./faults.js";
import type { ChaosPlan } from "./plan.js";

export interface ChaosOptions {
  readonly seed: number;
  /** New faults are begun for this long. */
  readonly forMs: number;
}

export interface Strike {
  readonly faults: readonly string[];
  readonly what: readonly string[];
  /** From the end of the last fault until every address was served again. */
  readonly servedMs: number;
  /** The same, until every node had its share again, too: one that cannot take addresses is not well. */
  readonly balancedMs: number;
}

export interface ChaosReport {
  readonly seed: number;
  readonly strikes: readonly Strike[];
  readonly mail: { readonly accepted: number; readonly delivered: number; readonly twiceInDoubt: number };
  /** Of the last strike, and of the mail. Empty when all held. */
  readonly violations: readonly Violation[];
}

/** Two hundred connections a second while all is well. */
export const CHAOS_PROBING: Probing = { idleMs: 1_000, fastMs: 50, connectMs: 1_000, greetMs: 3_000 };
/** Generous: on a machine whose cores all have other work a node may take its time. */
const HEAL_LIMIT_MS = 120_000;
const SECOND_FAULT = 0.3;
/** The kernel's share of a lease: a daemon that comes later than that has not run, and could not let go in time. */
const LATE_MS = 500;

/** Plays until the time is over or something does not become well. `tell` gets a line for each thing that happens. */
export async function playChaos(
  lab: Lab,
  plan: ChaosPlan,
  { seed, forMs }: ChaosOptions,
  tell: (line: string) => void,
): Promise<ChaosReport> {
  const random = new Random(seed);
  const strict = plan.topologies.flatMap(({ policy, vips }) => (policy === "strict" ? vips : []));
  const homes = await Homes.watch(
    lab.network,
    plan.nodes,
    strict.map(({ address }) => address),
  );
  const strikes: Strike[] = [];
  let violations: readonly Violation[] = [];
  try {
    for (const node of plan.nodes) lab.cluster.start(node);
    violations = (await lab.settle(plan.nodes, { check: checkServed, limitMs: HEAL_LIMIT_MS })).violations;
    lab.startMail();
    const end = monotonicMs() + forMs;
    while (violations.length === 0 && monotonicMs() < end) {
      const { strike, violations: found } = await strikeOnce(lab, plan, random, homes, tell);
      strikes.push(strike);
      violations = found;
    }
  } finally {
    await homes.close();
  }
  const { record, left } = await lab.drain();
  const stuck = left === 0 ? [] : [violation("queues-empty", "mailq", "0 messages", `${left}`)];
  return {
    seed,
    strikes,
    mail: {
      accepted: record.accepted.length,
      delivered: record.delivered.length,
      twiceInDoubt: doubles(record).filter(({ excused }) => excused).length,
    },
    violations: [...violations, ...checkMail(record), ...stuck],
  };
}

async function strikeOnce(
  lab: Lab,
  plan: ChaosPlan,
  random: Random,
  homes: Homes,
  tell: (line: string) => void,
): Promise<{ readonly strike: Strike; readonly violations: readonly Violation[] }> {
  const faults = drawFaults(random);
  const lateBefore = new Map(plan.nodes.map((node) => [node, timesLate(lab, node)]));
  const nodes = shuffled(plan.nodes, random);
  const episodes: Episode[] = [];
  for (const [i, fault] of faults.entries())
    episodes.push(await begin(fault, { lab, random, node: nodes[i] ?? "n1" }, tell));
  await sleep(random.between(200, 6_000));
  for (const episode of episodes.toReversed()) await episode.end();
  const endedAt = monotonicMs();
  const served = await lab.settle(plan.nodes, { check: checkServed, limitMs: HEAL_LIMIT_MS });
  const servedMs = monotonicMs() - endedAt;
  const balanced = served.violations.length > 0 ? served : await lab.settle(plan.nodes, { limitMs: HEAL_LIMIT_MS });
  const balancedMs = monotonicMs() - endedAt;
  tell(verdict(served.violations, balanced.violations, servedMs, balancedMs));
  const starved = (node: string) => timesLate(lab, node) > (lateBefore.get(node) ?? 0);
  const overlaps = homes.overlaps.splice(0).filter(({ both }) => !both.some(starved));
  const excused = faults.some(({ doubles: mayDouble }) => mayDouble === true);
  return {
    strike: { faults: faults.map(({ name }) => name), what: episodes.map(({ what }) => what), servedMs, balancedMs },
    violations: [
      ...balanced.violations,
      ...(excused ? [] : overlaps).map(({ address, both }) =>
        violation("strict-has-one-home", address, "one kernel at any moment", both.join(" and ")),
      ),
    ],
  };
}

function verdict(
  unserved: readonly Violation[],
  unbalanced: readonly Violation[],
  servedMs: number,
  balancedMs: number,
): string {
  if (unserved.length > 0) return `  NOT SERVED after ${Math.round(servedMs)} ms`;
  const served = `  served after ${Math.round(servedMs)} ms`;
  return unbalanced.length > 0 ? `${served}, NEVER AT REST` : `${served}, at rest after ${Math.round(balancedMs)} ms`;
}

async function begin(fault: Fault, stage: Stage, tell: (line: string) => void): Promise<Episode> {
  const episode = await fault.begin(stage);
  tell(`${fault.name}: ${episode.what}`);
  return episode;
}

/** How often a daemon ran again only after its lease was over, on a host that had no time for it. */
function timesLate(lab: Lab, node: string): number {
  return lab.cluster.events(node, "lease-lapsed").filter(({ lateMs }) => Number(lateMs) > LATE_MS).length;
}

function drawFaults(random: Random): readonly Fault[] {
  const count = random.chance(SECOND_FAULT) ? 2 : 1;
  return Array.from({ length: count }, () => random.pick(FAULTS)).filter((fault) => fault !== undefined);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.unit() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function violation(check: string, subject: string, expected: string, seen: string): Violation {
  return { check, subject, expected, seen };
}

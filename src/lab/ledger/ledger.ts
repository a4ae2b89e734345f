/**
 * The ledger: hostile and plain mail into a cluster whose daemons are killed and stopped and whose addresses move,
 * drawn by seed; afterwards every 250 is held against what arrived.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../sim/random.js";
import { type Fault, FAULTS } from "../chaos/faults.js";
import { type ChaosPlan, planOf, topology } from "../chaos/plan.js";
import { checkServed } from "../checks.js";
import { monotonicMs } from "../clock.js";
import type { Lab } from "../lab.js";
import { SINK, SMTP_PORT } from "../plan.js";
import type { LabProcess } from "../process.js";
import type { Violation } from "../records.js";
import { checkLedger } from "./checks.js";
import type { InjectOptions } from "./inject-main.js";
import type { Kind } from "./messages.js";
import type { Arrival, ArrivedNotice, LedgerEntry, LedgerRecord, Stranger } from "./records.js";

export interface LedgerOptions {
  readonly seed: number;
  /** Mail and faults go on for this long. */
  readonly forMs: number;
  readonly kinds: readonly Kind[];
}

export interface LedgerReport {
  readonly seed: number;
  readonly record: LedgerRecord;
  /** How often each fault was drawn. */
  readonly faults: Readonly<Record<string, number>>;
  /** Empty when all held. */
  readonly violations: readonly Violation[];
}

const NODES = ["n1", "n2", "n3"] as const;
/** Beside the sink of the story, which takes everything. */
const PORT = 2526;
/** Drawn from: a SIGKILL is what leaves most open. */
const STRUCK = ["kill", "kill", "kill", "pause", "move", "move", "terminate"];
/** Longer than a daemon is stopped, so that its 250 is heard. */
const INJECTION = { port: SMTP_PORT, rate: 25, lanes: 12, answerMs: 20_000 };
/** Generous: on a machine whose cores all have other work a node may take its time. */
const SETTLE_LIMIT_MS = 120_000;

/** A dozen addresses on each uplink, of which one is plumbed by aliases and one by local routes. */
export function ledgerPlan(): ChaosPlan {
  const terms = { lifeline: true, policy: "available" } as const;
  const topologies = [
    topology(NODES, "10.1.1", 12, { interface: "eth1", plumbing: "address", ...terms }),
    topology(NODES, "10.2.1", 12, { interface: "eth2", plumbing: "route", ...terms }),
  ];
  return planOf(NODES, topologies, PORT);
}

/** `tell` gets a line for each thing that happens. */
export async function playLedger(
  lab: Lab,
  { seed, forMs, kinds }: LedgerOptions,
  tell: (line: string) => void,
): Promise<LedgerReport> {
  const sink = await startSink(lab);
  for (const node of NODES) lab.cluster.start(node);
  const { violations: unserved } = await lab.settle(NODES, { check: checkServed, limitMs: SETTLE_LIMIT_MS });
  const listeners = lab.plan.vips.map(({ address }) => address);
  const injector = startInjector(lab, { ...INJECTION, seed, kinds, listeners });
  const faults = await strike(lab, new Random(seed).stream("faults"), monotonicMs() + forMs, tell);
  await injector.stop();
  const settled = await lab.settle(NODES, { check: checkServed, limitMs: SETTLE_LIMIT_MS });
  const { left } = await lab.drain();
  const record = { entries: injector.entries, ...sink, doubts: lab.cluster.doubts() };
  const stuck = { check: "queues-empty", subject: "mailq", expected: "0 messages", seen: `${left}` };
  const violations = [...unserved, ...settled.violations, ...checkLedger(record), ...(left === 0 ? [] : [stuck])];
  return { seed, record, faults, violations };
}

/** Two hands, so that what happens to one node overlaps with what happens to another. */
async function strike(
  lab: Lab,
  random: Random,
  until: number,
  tell: (line: string) => void,
): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  const faults = STRUCK.flatMap((name) => FAULTS.filter((fault) => fault.name === name));
  const busy = new Set<string>();
  const hand = async (mine: Random) => {
    while (monotonicMs() < until) {
      await sleep(mine.between(100, 1_500));
      const fault = mine.pick(faults);
      const node = mine.pick(NODES.filter((one) => !busy.has(one)));
      if (fault === undefined || node === undefined) continue;
      busy.add(node);
      try {
        await strikeOnce(lab, fault, node, mine, tell);
      } finally {
        busy.delete(node);
      }
      counts[fault.name] = (counts[fault.name] ?? 0) + 1;
    }
  };
  await Promise.all(["left", "right"].map((name) => hand(random.stream(name))));
  return counts;
}

async function strikeOnce(lab: Lab, fault: Fault, node: string, random: Random, tell: (line: string) => void) {
  const episode = await fault.begin({ lab, random, node });
  tell(episode.what);
  await sleep(random.between(50, 4_000));
  await episode.end();
}

async function startSink(lab: Lab): Promise<Pick<LedgerRecord, "arrivals" | "notices" | "strangers">> {
  const record = { arrivals: [] as Arrival[], notices: [] as ArrivedNotice[], strangers: [] as Stranger[] };
  let listening = () => {};
  const ready = new Promise<void>((resolve) => (listening = resolve));
  lab.network.start("sink", {
    script: "lab/ledger/sink-main.js",
    args: [SINK.address, String(PORT)],
    logFile: join(lab.network.directory, "ledger-sink.log"),
    onLine: (line: Arrival | ArrivedNotice | Stranger | { readonly event: "listening" }) => {
      if (line.event === "listening") listening();
      else if (line.event === "arrival") record.arrivals.push(line);
      else if (line.event === "notice") record.notices.push(line);
      else record.strangers.push(line);
    },
  });
  await ready;
  return record;
}

function startInjector(lab: Lab, options: InjectOptions) {
  const entries: LedgerEntry[] = [];
  const process: LabProcess = lab.network.start("client", {
    script: "lab/ledger/inject-main.js",
    args: [JSON.stringify(options)],
    logFile: join(lab.network.directory, "ledger-injector.log"),
    onLine: (entry: LedgerEntry) => void entries.push(entry),
  });
  const stop = async () => {
    process.endInput();
    await process.exited;
  };
  return { entries, stop };
}

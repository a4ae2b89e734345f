/**
 * The story: a cluster forms, serves mail, loses a daemon and gets it back, loses a host and gets it back, moves an
 * address by hand, lets a daemon go in good order, and keeps every promise all the while.
 */
import { checkMail, doubles, ownerOf } from "./checks.js";
import { monotonicMs } from "./clock.js";
import type { InjectorCounts } from "./injector.js";
import type { Lab } from "./lab.js";
import { type Outage, outages } from "./outages.js";
import { FOLLOWER, NODES, VIPS } from "./plan.js";
import type { Snapshot, Violation } from "./records.js";

export interface PhaseReport {
  readonly name: string;
  /** What was done, as a sentence. */
  readonly what: string;
  /** Until the cluster had settled, which is asked a few times a second. */
  readonly settledMs: number;
  /** VIPs by owner, once it had settled. */
  readonly owned: Readonly<Record<string, readonly string[]>>;
  /** Addresses that had to change their home. */
  readonly moved: readonly Outage[];
  /** Addresses that kept their home, and were away all the same. */
  readonly disturbed: readonly Outage[];
  readonly violations: readonly Violation[];
}

export interface MailReport {
  readonly accepted: number;
  readonly delivered: number;
  /** Messages that got no 250, by reason: nobody promised anything about them. */
  readonly refused: InjectorCounts["refused"];
  /** Messages that went from a node to another. */
  readonly movedBetweenNodes: number;
  /** Came twice, having been logged as in doubt. */
  readonly twiceInDoubt: number;
  readonly violations: readonly Violation[];
}

export interface StoryReport {
  readonly ok: boolean;
  /** From the start of the first daemon to the first VIP that answered `220`, and to the last. */
  readonly firstAnswerMs: number;
  readonly lastAnswerMs: number;
  readonly phases: readonly PhaseReport[];
  readonly mail: MailReport;
}

interface Step {
  readonly name: string;
  readonly what: string;
  /** Nodes that are members once it has settled. */
  readonly members: readonly string[];
  /** A fault: the node whose addresses are gone from the moment that `act` begins. */
  readonly hits?: string;
  act(lab: Lab): unknown;
}

const [N1, N2, N3] = NODES;

const SCRIPT: readonly Step[] = [
  {
    name: "crash",
    what: `SIGKILL of ${N1}'s daemon`,
    members: [N2, N3],
    hits: N1,
    act: (lab) => lab.cluster.kill(N1),
  },
  {
    name: "return",
    what: `${N1}'s daemon starts again`,
    members: NODES,
    act: (lab) => lab.cluster.start(N1),
  },
  {
    name: "cut-off",
    what: `${N2} is cut off from every network`,
    members: [N1, N3],
    hits: N2,
    act: (lab) => lab.network.cut(N2),
  },
  {
    name: "rejoin",
    what: `${N2} is connected again`,
    members: NODES,
    act: (lab) => lab.network.heal(N2),
  },
  {
    name: "move",
    what: `${FOLLOWER.leader} is moved by hand, and ${FOLLOWER.address} follows`,
    members: NODES,
    act: moveByHand,
  },
  {
    name: "leave",
    what: `SIGTERM of ${N3}'s daemon`,
    members: [N1, N2],
    act: leave,
  },
  {
    name: "back",
    what: `${N3}'s daemon starts again`,
    members: NODES,
    act: (lab) => lab.cluster.start(N3),
  },
];

/** Messages that get their 250 between two steps, so that each step finds mail everywhere. */
const MAIL_BETWEEN = 60;
/** How long the addresses that a fault hits are watched closely at most. */
const WATCH_MS = 5_000;

/** Plays it all. `tell` gets a line for each thing that happens. Throws only where the lab itself fails. */
export async function playStory(lab: Lab, tell: (line: string) => void): Promise<StoryReport> {
  const startedAt = monotonicMs();
  const form = {
    name: "form",
    what: `${NODES.join(", ")} start`,
    members: NODES,
    act: () => NODES.forEach((node) => lab.cluster.start(node)),
  };
  const phases: PhaseReport[] = [];
  let { snapshot, report } = await play(lab, form, null, tell);
  phases.push(report);
  const answeredAt = firstAnswers(lab);
  lab.startMail();
  const starved: Violation[] = [];
  for (const step of SCRIPT) {
    if (!(await lab.moreMail(MAIL_BETWEEN))) starved.push(noMail(step));
    ({ snapshot, report } = await play(lab, step, snapshot, tell));
    phases.push(report);
    // What comes after an unsettled phase would only tell the same again.
    if (report.violations.length > 0) break;
  }
  await lab.moreMail(MAIL_BETWEEN);
  tell("draining: no new mail, every queue runs empty");
  const mail = await drain(lab, starved);
  return {
    ok: mail.violations.length === 0 && phases.every((phase) => phase.violations.length === 0),
    firstAnswerMs: Math.min(...answeredAt) - startedAt,
    lastAnswerMs: Math.max(...answeredAt) - startedAt,
    phases,
    mail,
  };
}

async function play(
  lab: Lab,
  step: Step,
  before: Snapshot | null,
  tell: (line: string) => void,
): Promise<{ readonly snapshot: Snapshot; readonly report: PhaseReport }> {
  const homes = new Map(VIPS.map(({ address }) => [address, before === null ? null : ownerOf(before, address)]));
  const addresses = VIPS.map((vip) => vip.address);
  const hit = addresses.filter((address) => step.hits !== undefined && homes.get(address) === step.hits);
  const firstEvent = lab.prober.events.length;
  lab.prober.watch(hit, WATCH_MS);
  tell(`${step.name}: ${step.what}`);
  const at = monotonicMs();
  await step.act(lab);
  const { snapshot, violations } = await lab.settle(step.members);
  const settledMs = monotonicMs() - at;
  const away = outages(lab.prober.events.slice(firstEvent), homes, { at, addresses: hit });
  const isMoved = ({ address }: Outage) => ownerOf(snapshot, address) !== homes.get(address);
  const report: PhaseReport = {
    name: step.name,
    what: step.what,
    settledMs,
    owned: Object.fromEntries(step.members.map((node) => [node, ownedBy(snapshot, node)])),
    moved: away.filter(isMoved),
    disturbed: away.filter((outage) => !isMoved(outage)),
    violations,
  };
  tell(`${step.name}: ${violations.length === 0 ? "settled" : "NOT SETTLED"} after ${Math.round(settledMs)} ms`);
  return { snapshot, report };
}

/** Moves the followed binding to the next node, by a console that is neither its old nor its new owner's. */
async function moveByHand(lab: Lab): Promise<void> {
  const vips = await lab.cluster.duravips(N1);
  const owner = vips.find((vip) => vip.address === FOLLOWER.leader)?.owner;
  const [target = N1, via = N1] = NODES.filter((node) => node !== owner);
  await lab.cluster.move(via, FOLLOWER.leader, target);
}

async function leave(lab: Lab): Promise<void> {
  await lab.cluster.stop(N3);
}

function noMail({ name }: Step): Violation {
  return { check: "mail-flows", subject: `before ${name}`, expected: `${MAIL_BETWEEN} more 250s`, seen: "fewer" };
}

async function drain(lab: Lab, starved: readonly Violation[]): Promise<MailReport> {
  const { record, counts, left } = await lab.drain();
  const violations = [...starved, ...checkMail(record)];
  const twice = doubles(record);
  return {
    accepted: record.accepted.length,
    delivered: record.delivered.length,
    refused: counts.refused,
    movedBetweenNodes: await lab.movedBetweenNodes(),
    twiceInDoubt: twice.filter((one) => one.excused).length,
    violations:
      left === 0
        ? violations
        : [...violations, { check: "queues-empty", subject: "mailq", expected: "0 messages", seen: `${left}` }],
  };
}

/** When each address answered first. */
function firstAnswers(lab: Lab): readonly number[] {
  const first = new Map<string, number>();
  for (const event of lab.prober.events) {
    if (event.event === "good" && !first.has(event.address)) first.set(event.address, event.at);
  }
  return [...first.values()];
}

function ownedBy(snapshot: Snapshot, node: string): readonly string[] {
  return snapshot.vips.map(({ address }) => address).filter((address) => ownerOf(snapshot, address) === node);
}

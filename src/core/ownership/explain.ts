/**
 * Why an address is where it is: the rule that puts it there, every member that could have it beside what keeps it from
 * it, and what would change the matter. For people, and as data.
 *
 * Source: docs/PROTOCOL.md, "Placement".
 */
import { reasonIn } from "../health/reasons.js";
import { preferencesOf, unitOf, type Unit } from "./definitions.js";
import { IMMEDIATE, inWords } from "./failback.js";
import type { Damping } from "../leader.js";
import type { Ownership } from "./ownership.js";
import { isWithheld } from "./policy.js";
import { place } from "./placement.js";
import { heirOf, type Row } from "./table.js";

const DAMPED = "has failed too often lately";
const DOUBTFUL = "could not plumb what it was given in this Topology, and is tried with one address at a time";

export type Rule = "broken" | "pinned" | "preferred" | "stays" | "nobody";

export interface Explanation {
  readonly address: string;
  /** The address that leads its unit. */
  readonly lead: string;
  /** Who has it, or will when everything under way is done. */
  readonly home: string | null;
  readonly phase: Row["phase"];
  readonly rule: Rule;
  readonly because: string;
  /** Every member of the view, in its order. */
  readonly candidates: readonly Candidate[];
  /** What would give it another home, in sentences. */
  readonly otherwise: readonly string[];
}

export interface Candidate {
  readonly node: string;
  /** Units in the Topology of the address, and in all. */
  readonly within: number;
  readonly total: number;
  readonly weight: number;
  /** It has failed too often lately: it is given only what nobody else can have. */
  readonly damped: boolean;
  /** How long yet, as far as this node knows; null where it is not damped. */
  readonly damping: Damping | null;
  /** It refused units of this Topology, and has taken none since: it is given only what nobody else can have. */
  readonly doubtful: boolean;
  /** Why it may not have the address; null where it may. */
  readonly out: string | null;
}

/**
 * @param damping of a member that is damped.
 * @returns null for an address that no member configures.
 */
export function explain(
  ownership: Ownership,
  address: string,
  damping: (member: string) => Damping,
): Explanation | null {
  const { definitions, rows } = ownership;
  const vip = definitions.vips.get(address);
  if (vip === undefined) return null;
  const unit = unitOf(definitions, address);
  const row = unit && rows.get(unit.lead.address);
  if (unit === undefined || row === undefined || unit.lead.broken) return broken(ownership, address, unit);
  const home = heirOf(row);
  const candidates = candidatesOf(ownership, unit, row, damping);
  const rule = ruleOf(unit, row, home);
  return {
    address,
    lead: unit.lead.address,
    home,
    phase: row.phase,
    rule,
    because: because(rule, unit, home, candidates),
    candidates,
    otherwise: otherwise(ownership, unit, row, home, candidates),
  };
}

function broken({ rows }: Ownership, address: string, unit: Unit | undefined): Explanation {
  return {
    address,
    lead: unit?.lead.address ?? address,
    home: null,
    phase: rows.get(unit?.lead.address ?? "")?.phase ?? "idle",
    rule: "broken",
    because: "BROKEN: names and addresses of bindings differ between members, so nobody may have it",
    candidates: [],
    otherwise: ["Once the members configure the same names for it, it is placed."],
  };
}

function candidatesOf(ownership: Ownership, unit: Unit, row: Row, damping: (member: string) => Damping): Candidate[] {
  const { members, loads } = ownership;
  return [...members.keys()].map((node) => {
    let total = 0;
    for (const topology of loads.topologies) total += loads.within(node, topology);
    const within = loads.within(node, unit.lead.topology);
    return {
      node,
      within,
      total,
      weight: ownership.weight(node),
      damped: members.get(node)?.damped === true,
      damping: members.get(node)?.damped === true ? damping(node) : null,
      doubtful: ownership.doubts.get(node, unit.lead.topology) !== null,
      out: out(ownership, unit, row, node),
    };
  });
}

/** What keeps a member from the unit. */
export function out(ownership: Ownership, unit: Unit, row: Row, node: string): string | null {
  const { members, view } = ownership;
  const { lead, followers, electorate } = unit;
  const member = members.get(node);
  if (isWithheld(unit, view?.quorate === true)) return "is in a part of the cluster without a quorum";
  if (!lead.participants.has(node)) return `does not configure ${lead.address}`;
  if (!electorate.includes(node)) return `does not configure all that follows ${lead.address}`;
  if (member?.leaving === true) return "is leaving";
  if (member?.mature !== true) return "is not mature yet";
  if (row.refusedBy.has(node)) return "could not plumb it, and tries again later";
  const down = [lead, ...followers].find(({ topology }) => member.health.down.includes(topology));
  if (down !== undefined) return `${reasonIn(member.health, down.topology)} in ${down.topology}`;
  if (member.health.draining) return "is drained";
  return null;
}

function ruleOf(unit: Unit, row: Row, home: string | null): Rule {
  if (home === null) return "nobody";
  if (row.pin === home) return "pinned";
  return preferencesOf(unit).includes(home) ? "preferred" : "stays";
}

function because(rule: Rule, unit: Unit, home: string | null, candidates: readonly Candidate[]): string {
  const preferred = preferencesOf(unit);
  const passed = preferred
    .slice(0, home !== null && preferred.includes(home) ? preferred.indexOf(home) : undefined)
    .map((node) => `; the preferred ${node} ${outOf(unit, candidates, node)}`)
    .join("");
  switch (rule) {
    case "pinned":
      return `a move pinned it to ${home}`;
    case "preferred":
      return `${home} is its preferred node${preferred[0] === home ? "" : `, number ${preferred.indexOf(home ?? "") + 1}`}${passed}`;
    case "stays":
      return `${home} got it by load, and nothing calls it away${passed}`;
    default:
      return `no member may have it${passed}`;
  }
}

function outOf({ lead }: Unit, candidates: readonly Candidate[], node: string): string {
  const candidate = candidates.find((some) => some.node === node);
  if (candidate === undefined) return "is no member";
  const { damped, doubtful } = candidate;
  return candidate.out ?? (damped ? DAMPED : doubtful ? DOUBTFUL : `gets it back ${inWords(lead.failback)}`);
}

function otherwise(
  ownership: Ownership,
  unit: Unit,
  row: Row,
  home: string | null,
  candidates: readonly Candidate[],
): string[] {
  const { address, conflict, failback } = unit.lead;
  const sentences: string[] = [];
  const all = preferencesOf(unit);
  const better = all.slice(0, home !== null && all.includes(home) ? all.indexOf(home) : undefined);
  if (conflict) sentences.push("Its preferences are ignored as long as members name different ones.");
  if (better.length > 0 && row.pin !== home) {
    const when = failback === IMMEDIATE ? "" : `, ${inWords(failback)}`;
    sentences.push(`Once ${better.join(" or ")} can have it, it goes there${when}.`);
  }
  if (row.pin !== null)
    sentences.push(
      `The pin ends when ${row.pin} departs, another move names a different node, or by "cluster duravip unpin ${address}".`,
    );
  for (const candidate of candidates) if (candidate.damping !== null) sentences.push(...calming(candidate, unit));
  if (home !== null) sentences.push(`Without ${home} it would go to ${heirWithout(ownership, address, home)}.`);
  const others = candidates.filter(({ node, out: reason }) => node !== home && reason === null);
  for (const { node } of others) sentences.push(`"cluster duravip move ${address} to ${node}" would pin it there.`);
  return sentences;
}

function calming({ node, damping }: Candidate, unit: Unit): string[] {
  const { calmMs, regainsMs } = damping ?? { calmMs: 0, regainsMs: 0 };
  const sentences = [
    `${node} is damped, for it failed too often lately, until in about ${inTime(calmMs)}; "cluster calm ${node}" lifts that.`,
  ];
  const isPreferred = preferencesOf(unit).includes(node);
  if (isPreferred && regainsMs < calmMs)
    sentences.push(`What prefers ${node} may go there once it has stayed up, in about ${inTime(regainsMs)}.`);
  return sentences;
}

function inTime(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}

/** If this unit alone had to be placed: what its owner's departure would do to all of them, `plan` says. */
function heirWithout(ownership: Ownership, lead: string, home: string): string {
  const input = ownership.placement();
  const able = new Map([...input.able].filter(([name]) => name !== home));
  const [moved] = place({ ...input, able }, [lead]);
  return moved?.home ?? "nobody";
}

/**
 * What would move if something happened, found by letting it happen: to a copy of the state, by the very functions that
 * every node runs, until nothing is under way and balance has nothing to move. Every address is taken to be plumbed by
 * whoever is to have it.
 */
import type { Entry } from "../catalogue/catalogue.js";
import type { Announcement, Claim } from "../wire/messages.js";
import { addressesFor, unitOf } from "./definitions.js";
import type { Ownership } from "./ownership.js";
import { isEverDue } from "./failback.js";
import { DAMPED_FROM } from "./flaps.js";
import { heirOf } from "./table.js";
import { sameEntries } from "./voices.js";

export type Event =
  | { readonly kind: "die" | "drain"; readonly node: string }
  /** Comes with this catalogue. */
  | { readonly kind: "join"; readonly node: string; readonly entries: readonly Entry[] }
  /** Every member that configures the same as this one loads these entries. */
  | { readonly kind: "config"; readonly node: string; readonly entries: readonly Entry[] };

export interface Plan {
  /** By address, in order. `null`: nobody has it. */
  readonly moves: readonly PlannedMove[];
  /** Units of each member that is there before or after. */
  readonly loads: readonly { readonly node: string; readonly before: number; readonly after: number }[];
  /** Rounds of balance that it takes. */
  readonly rounds: number;
}

export interface PlannedMove {
  readonly address: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** @param ownership settled; it is left as it is. What goes back to a preferred node in time, by `failback`, has gone. */
export function plan(ownership: Ownership, event: Event): Plan {
  const copy = ownership.fork();
  finishMoves(copy);
  happen(copy, event);
  finishMoves(copy);
  let rounds = 0;
  const next = () => copy.balanceRound(isEverDue);
  for (let moves = next(); moves.length > 0; moves = next()) {
    copy.deliver(copy.view?.leader ?? "", { kind: "balance", moves });
    finishMoves(copy);
    rounds++;
  }
  return { moves: movesBetween(ownership, copy), loads: loadsOf(ownership, copy), rounds };
}

function happen(copy: Ownership, event: Event): void {
  const { view, members } = copy;
  if (view === null) return;
  const { node } = event;
  switch (event.kind) {
    case "die":
      depart(copy, node);
      break;
    case "drain":
      copy.deliver(node, { kind: "health", draining: true, paced: false, down: members.get(node)?.health.down ?? [] });
      break;
    case "join":
      settleAnew(copy, new Map([[node, event.entries]]));
      break;
    case "config": {
      const present = members.get(node)?.announcement.entries ?? [];
      const alike = [...members].filter(([, { announcement }]) => sameEntries(announcement.entries, present));
      settleAnew(copy, new Map(alike.map(([name]) => [name, event.entries])));
    }
  }
}

function depart(copy: Ownership, node: string): void {
  const { view, members } = copy;
  if (view === null) return;
  const stayed = view.members.filter((member) => member !== node);
  copy.enter({ ...view, seq: view.seq + 1, members: stayed, leader: stayed[0] ?? "", stayed });
  if (copy.settled) return;
  copy.members = new Map([...members].filter(([name]) => name !== node));
  settleAnew(copy, new Map());
}

/** A view of all members and those given; each announces what it has, and these entries where they are given. */
function settleAnew(copy: Ownership, entries: ReadonlyMap<string, readonly Entry[]>): void {
  const { view, members } = copy;
  if (view === null) return;
  const claims = claimsOf(copy);
  const names = [...new Set([...members.keys(), ...entries.keys()])].sort();
  const leader = names[0] ?? "";
  const { doubts } = copy;
  copy.enter({ ...view, seq: view.seq + 1, members: names, leader, stayed: [] });
  for (const name of names) {
    const member = members.get(name);
    const known = member && {
      ...member.announcement,
      mature: member.mature,
      leaving: member.leaving,
      health: member.health,
      flaps: member.damped ? [{ member: name, penalty: DAMPED_FROM }] : [],
      doubts: [...doubts.of(name).keys()],
    };
    const announcement = { ...(known ?? NEWCOMER), claims: claims.get(name) ?? [] };
    copy.deliver(name, { kind: "announce", ...announcement, entries: entries.get(name) ?? announcement.entries });
  }
  copy.deliver(leader, { kind: "mature", members: names });
  const regaining = names.filter((name) => members.get(name)?.regains === true);
  if (regaining.length > 0) copy.deliver(leader, { kind: "calm", members: [], regaining });
}

const NEWCOMER: Announcement = {
  incarnation: 0,
  version: "",
  endpoint: { host: "", port: 0 },
  mature: false,
  leaving: false,
  balanceSetSize: 0,
  weight: 100,
  leaseMs: 0,
  fenceMs: 0,
  health: { draining: false, paced: false, down: [] },
  flaps: [],
  entries: [],
  claims: [],
  doubts: [],
};

function claimsOf({ definitions, rows }: Ownership): Map<string, Claim[]> {
  const claims = new Map<string, Claim[]>();
  for (const [lead, { owner, epoch, pin }] of rows) {
    const unit = definitions.units.get(lead);
    if (owner === null || unit === undefined) continue;
    const own = claims.get(owner) ?? [];
    claims.set(owner, own);
    const pinned = pin === owner;
    for (const address of addressesFor(unit, owner))
      own.push({ address, epoch, releasing: false, pinned, pinnedMs: 0 });
  }
  return claims;
}

/** Whoever has to let go does, and then whoever is to have it has it. */
function finishMoves(copy: Ownership): void {
  while (copy.loads.moving.size > 0 || hasHolders(copy)) {
    const [released, owned] = [new Reports(), new Reports()];
    for (const [lead, { owner, phase, target, holders }] of copy.rows) {
      for (const holder of holders) released.add(holder, lead);
      if (phase === "releasing" && owner !== null) released.add(owner, lead);
      else if (phase === "acquiring" && target !== null && holders.size === 0) owned.add(target, lead);
    }
    released.deliver(copy, "released");
    owned.deliver(copy, "owned");
  }
}

function hasHolders({ rows }: Ownership): boolean {
  for (const { holders } of rows.values()) if (holders.size > 0) return true;
  return false;
}

class Reports {
  readonly #leads = new Map<string, string[]>();

  add(member: string, lead: string): void {
    const leads = this.#leads.get(member);
    if (leads === undefined) this.#leads.set(member, [lead]);
    else leads.push(lead);
  }

  deliver(copy: Ownership, kind: "released" | "owned"): void {
    for (const [member, leads] of this.#leads) copy.deliver(member, { kind, leads });
  }
}

function movesBetween(before: Ownership, after: Ownership): PlannedMove[] {
  const moves: PlannedMove[] = [];
  for (const address of before.definitions.vips.keys()) {
    const [from, to] = [homeIn(before, address), homeIn(after, address)];
    if (from !== to) moves.push({ address, from, to });
  }
  for (const address of after.definitions.vips.keys()) {
    const to = homeIn(after, address);
    if (to !== null && !before.definitions.vips.has(address)) moves.push({ address, from: null, to });
  }
  return moves;
}

/** Only a member that configures the address has it. */
function homeIn({ definitions, rows }: Ownership, address: string): string | null {
  const unit = unitOf(definitions, address);
  const row = unit && rows.get(unit.lead.address);
  const heir = row === undefined ? null : heirOf(row);
  return heir !== null && definitions.vips.get(address)?.participants.has(heir) === true ? heir : null;
}

function loadsOf(before: Ownership, after: Ownership): Plan["loads"] {
  const names = [...new Set([...before.members.keys(), ...after.members.keys()])].sort();
  return names.map((node) => ({ node, before: unitsOf(before, node), after: unitsOf(after, node) }));
}

function unitsOf({ loads }: Ownership, node: string): number {
  let units = 0;
  for (const topology of loads.topologies) units += loads.within(node, topology);
  return units;
}

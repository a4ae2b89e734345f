/**
 * What must come about once faults have stopped and every host is back (docs/PROTOCOL.md): each check says what is still
 * missing, in words, or nothing.
 */
import { addressesFor, preferencesOf, type Unit } from "../core/ownership/definitions.js";
import { policyOf } from "../core/ownership/policy.js";
import { emptyRow, type Row } from "../core/ownership/table.js";
import type { Daemon } from "./daemon.js";
import { digestOf } from "./table-digest.js";

/** One view of all daemons, all of them mature, and nothing under way in any of them. */
export function unrest(daemons: readonly Daemon[]): string | null {
  const [first] = daemons;
  if (first === undefined) return "no daemon runs";
  const names = daemons.map(({ name }) => name).sort();
  for (const daemon of daemons) {
    const { view, settled, members } = daemon.core.ownership;
    if (daemon.state !== "running") return `${daemon.name} is ${daemon.state}`;
    if (daemon.core.leaving) return `${daemon.name} leaves`;
    if (view?.members.join() !== names.join()) return `the view of ${daemon.name} is ${view?.members.join(" ")}`;
    if (!settled) return `${daemon.name} waits for announcements`;
    const immature = [...members].find(([, { mature }]) => !mature);
    const damped = [...members].find(([, member]) => member.damped);
    if (damped !== undefined) return `${damped[0]} is damped at ${daemon.name}`;
    if (immature !== undefined) return `${immature[0]} is not mature at ${daemon.name}`;
    if (daemon.jobs > 0) return `the kernel of ${daemon.name} is at work`;
    const moving = underWay(daemon);
    if (moving !== null) return moving;
  }
  return null;
}

/** Where nothing ails a host any more, everybody takes it for well. Only when there is no unrest. */
export function illness(daemons: readonly Daemon[]): string | null {
  for (const { name, core } of daemons)
    for (const [member, { health }] of core.ownership.members)
      if (health.down.length > 0) return `L1: ${member} counts as down in ${health.down.join(" ")} at ${name}`;
  return null;
}

/** Each table from its first row to its last. Only when there is no unrest. */
export function discord(daemons: readonly Daemon[]): string | null {
  const [first] = daemons;
  if (first === undefined) return null;
  const digest = digestOf(first.core.ownership);
  const other = daemons.find(({ core }) => digestOf(core.ownership) !== digest);
  return other === undefined ? null : `${other.name} and ${first.name} have different tables`;
}

function underWay({ name, core }: Daemon): string | null {
  for (const [lead, { phase }] of core.ownership.rows) if (phase !== "idle") return `${lead} is ${phase} at ${name}`;
  return null;
}

/** L1, L2 and L5, in the table and in the kernels. Only when there is no unrest. */
export function shortcoming(daemons: readonly Daemon[]): string | null {
  const [first] = daemons;
  if (first === undefined) return "no daemon runs";
  const { definitions, rows, view } = first.core.ownership;
  const wanted = new Map<string, string>();
  for (const [lead, unit] of definitions.units) {
    const row = rows.get(lead);
    if (row === undefined) return `${lead} has no row`;
    if (view?.quorate !== true && policyOf(unit) !== "available") {
      if (row.owner !== null) return `L1: ${row.owner} owns ${lead} without a quorum`;
      continue;
    }
    const wrong = homeless(unit, row) ?? awayFromPreferred(unit, row);
    if (wrong !== null) return wrong;
    if (row.owner !== null) for (const address of addressesFor(unit, row.owner)) wanted.set(address, row.owner);
  }
  return misplaced(daemons, wanted) ?? untold(daemons) ?? unbalanced(definitions.units, rows, daemons);
}

/** Which of them has each address plumbed and served. */
export function homesOf(daemons: readonly Daemon[]): Map<string, string> {
  const homes = new Map<string, string>();
  for (const { name, host } of daemons)
    for (const address of host.plumbed()) if (host.serves(address)) homes.set(address, name);
  return homes;
}

function homeless(unit: Unit, { owner, refusedBy }: Row): string | null {
  const { address } = unit.lead;
  if (refusedBy.size > 0) return `${address} is still refused by ${[...refusedBy].join(" ")}`;
  if (unit.electorate.length === 0) return owner === null ? null : `${address} has no electorate, and ${owner} has it`;
  if (owner === null) return `L1: nobody owns ${address}`;
  return unit.electorate.includes(owner) ? null : `L1: ${owner} owns ${address} and does not configure all of it`;
}

function awayFromPreferred(unit: Unit, { owner, pin }: Row): string | null {
  const { address } = unit.lead;
  const wanted = pin === null ? preferencesOf(unit) : [pin];
  const home = wanted.find((member) => unit.electorate.includes(member));
  if (home === undefined || home === owner) return null;
  // Who has it may keep it, as long as the leader does not say otherwise.
  if (pin === null && !/^(immediate|\d+)$/.test(unit.lead.failback)) return null;
  return `L5: ${address} is at ${owner}, not at ${home}`;
}

/** The kernels have what the table says, and serve it, and have nothing else. */
function misplaced(daemons: readonly Daemon[], wanted: ReadonlyMap<string, string>): string | null {
  for (const { name, host } of daemons) {
    for (const address of host.plumbed()) {
      if (wanted.get(address) !== name) return `L1: ${name} has ${address}, which is ${wanted.get(address)}'s`;
      if (!host.serves(address)) return `L1: ${name} does not serve ${address}`;
    }
  }
  const hosts = new Map(daemons.map(({ name, host }) => [name, host]));
  for (const [address, owner] of wanted) {
    const host = hosts.get(owner);
    if (host?.plumbed().has(address) !== true) return `L1: ${owner} has to have ${address}, and has not`;
  }
  return null;
}

/** L6: what others have put into a kernel is removed where that is safe, and all know of all that stands there, and of
 * no more. */
export function untold(daemons: readonly Daemon[]): string | null {
  for (const { name, host, core } of daemons) {
    const configured = new Set(core.setup.entries.map(({ address }) => address));
    const { vips } = core.ownership.definitions;
    const managed = [...host.foreign].filter(([address]) => configured.has(address) || vips.has(address));
    const left = managed.find(([address, fate]) => fate === "removable" && configured.has(address));
    if (left !== undefined) return `L6: ${name} has not removed ${left[0]}`;
    for (const { name: by, core: other } of daemons) {
      if (other.foreign.count(name) > managed.length)
        return `L6: ${by} believes ${name} to have more than stands there`;
      const unknown = managed.find(([address]) => other.foreign.of(name, address) === undefined);
      if (unknown !== undefined) return `L6: ${by} does not know that ${name} has ${unknown[0]}`;
    }
  }
  return null;
}

/** L2: no unit that load alone keeps where it is has a member in its electorate that would bear less with it. */
function unbalanced(
  units: ReadonlyMap<string, Unit>,
  rows: ReadonlyMap<string, Row>,
  daemons: readonly Daemon[],
): string | null {
  const weights = new Map(daemons.map(({ name, core }) => [name, core.setup.weight]));
  const bears = (member: string, count: number) => count / (weights.get(member) ?? 0);
  const topologies = new Map<string, Map<string, number>>();
  for (const [lead, unit] of units) {
    const owner = rows.get(lead)?.owner;
    if (owner == null) continue;
    const { topology } = unit.lead;
    const loads = topologies.get(topology) ?? new Map<string, number>();
    topologies.set(topology, loads.set(owner, (loads.get(owner) ?? 0) + 1));
  }
  for (const [lead, unit] of units) {
    const { topology } = unit.lead;
    const { owner, pin } = rows.get(lead) ?? emptyRow();
    const held = pin !== null || preferencesOf(unit).some((member) => weights.has(member));
    const loads = topologies.get(topology);
    if (owner === null || held || loads === undefined) continue;
    const load = loads.get(owner) ?? 0;
    const lighter = unit.electorate.find((member) => bears(member, (loads.get(member) ?? 0) + 1) < bears(owner, load));
    if (lighter !== undefined)
      return `L2: ${lead} is at ${owner} with ${load} units, and ${lighter} has ${loads.get(lighter) ?? 0}`;
  }
  return null;
}

/** What the nodes of a simulated cluster configure: one catalogue for all, or catalogues that contradict each other. */
import { formatIpv4, parseIpv4 } from "../core/address.js";
import type { Entry } from "../core/catalogue/catalogue.js";
import { POLICIES } from "../core/ownership/policy.js";
import type { Random } from "./random.js";

export const TOPOLOGIES = ["10.1.0.0/16", "10.2.0.0/16"] as const;

export function nodeNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => (count <= 26 ? String.fromCharCode(97 + i) : `n${i + 1}`));
}

/** One binding with a name of its own on each address, half of them in either Topology. */
export function plainEntries(count: number): Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const topology = TOPOLOGIES[i < count / 2 ? 0 : 1];
    const base = parseIpv4(topology.split("/")[0] ?? "") ?? 0;
    const address = formatIpv4(base + i + 1);
    return {
      address,
      names: [`v${i + 1}`],
      services: ["multivip"],
      preferences: [],
      follows: null,
      topology,
      policy: "available",
      failback: "immediate",
    };
  });
}

/** How much of a layout is out of the ordinary: each 0 to 1, the share of addresses. */
export interface LayoutTraits {
  readonly preferred: number;
  readonly following: number;
  /** Configured by some of the nodes only. */
  readonly partial: number;
  /** The nodes differ on preference, services, leader or name. */
  readonly disputed: number;
}

export function drawTraits(random: Random): LayoutTraits {
  const share = (most: number) => (random.chance(0.5) ? random.between(0, most) : 0);
  return { preferred: share(0.6), following: share(0.4), partial: share(0.3), disputed: share(0.15) };
}

/** @returns the entries of each node, sorted by address. */
export function drawLayout(
  nodes: readonly string[],
  vips: number,
  traits: LayoutTraits,
  random: Random,
): Map<string, Entry[]> {
  const more = random.stream("choices");
  const layout = new Map(nodes.map((name): [string, Entry[]] => [name, []]));
  const leaders = new Map<string, string[]>();
  for (const plain of plainEntries(vips)) {
    const leads = leaders.get(plain.topology) ?? [];
    leaders.set(plain.topology, leads);
    const follows = random.chance(traits.following) ? (random.pick(leads) ?? null) : null;
    if (follows === null) leads.push(plain.address);
    const preferences = withOthers(random.chance(traits.preferred) ? random.pick(nodes) : undefined, nodes, more);
    const entry: Entry = { ...plain, follows, preferences: follows === null ? preferences : [] };
    const owners = random.chance(traits.partial) ? random.some(nodes, 0.6) : nodes;
    const dissident = random.chance(traits.disputed) ? random.pick(owners) : undefined;
    for (const name of owners) {
      layout.get(name)?.push(name === dissident ? contradict(entry, nodes, leads, vips, random) : entry);
    }
  }
  return layout;
}

/** The given one, and now and then others after it. */
export function withOthers(first: string | undefined, nodes: readonly string[], more: Random): readonly string[] {
  if (first === undefined) return [];
  return more.chance(0.6) ? [first] : [first, ...more.some(nodes, 0.5).filter((node) => node !== first)];
}

/** Each Topology under some policy, and now and then a node that has it under another. */
export function drawPolicies(layout: ReadonlyMap<string, readonly Entry[]>, random: Random): Map<string, Entry[]> {
  const policies = new Map(TOPOLOGIES.map((topology) => [topology as string, random.pick(POLICIES)]));
  const dissident = random.chance(0.2) ? random.pick([...layout.keys()]) : undefined;
  const other = random.pick(POLICIES);
  return new Map(
    [...layout].map(([name, entries]) => {
      const policyOf = ({ topology }: Entry) => (name === dissident ? other : policies.get(topology)) ?? "available";
      return [name, entries.map((entry) => ({ ...entry, policy: policyOf(entry) }))];
    }),
  );
}

const FAILBACKS = ["immediate", "immediate", "1", "2", "never"] as const;

/** Each Topology with some `failback`, and now and then a node that has it otherwise. */
export function drawFailbacks(layout: ReadonlyMap<string, readonly Entry[]>, random: Random): Map<string, Entry[]> {
  const failbacks = new Map(TOPOLOGIES.map((topology) => [topology as string, random.pick(FAILBACKS)]));
  const dissident = random.chance(0.1) ? random.pick([...layout.keys()]) : undefined;
  return new Map(
    [...layout].map(([name, entries]) => {
      const failbackOf = ({ topology }: Entry) => (name === dissident ? "never" : failbacks.get(topology));
      return [name, entries.map((entry) => ({ ...entry, failback: failbackOf(entry) ?? "immediate" }))];
    }),
  );
}

function contradict(
  entry: Entry,
  nodes: readonly string[],
  leads: readonly string[],
  vips: number,
  random: Random,
): Entry {
  switch (random.below(5)) {
    case 0:
      return { ...entry, preferences: [random.pick(nodes) ?? []].flat() };
    case 1:
      return { ...entry, services: ["ESMTP:25", ...entry.services] };
    case 2:
      return { ...entry, follows: entry.follows === null ? (leads[0] ?? null) : null };
    case 3:
      return { ...entry, names: [`w${entry.address}`] };
    default:
      return { ...entry, names: [`v${1 + random.below(vips)}`] };
  }
}

/** What an operator should read in the log of what the members have announced: where they differ, and who failed too often. */
import type { PartitionPolicy } from "../config/types.js";
import { describeAddresses, describeRanges, type AddressRange } from "./address.js";
import type { ForeignChange } from "./foreign.js";
import type { Facts, NodeEventCode, NodeOutput, OwnerChange } from "./io.js";
import type { Definitions } from "./ownership/definitions.js";
import type { Marks } from "./ownership/marks.js";
import type { Member } from "./ownership/ownership.js";
import { strictest } from "./ownership/policy.js";
import { SLICE, type Slices } from "./slices.js";

export type Report = readonly [code: NodeEventCode, facts: Facts];

/** The table was made of announcements. */
export function* reportMembers(members: ReadonlyMap<string, Member>): Slices<Report[]> {
  return [...damped(members), ...balanceSetSizes(members), ...(yield* policies(members))];
}

/** So many ranges of addresses are a line that one can read; an audit has all of them. */
const RANGES_MAX = 32;
/** Ranges in one output for the audit: their texts take well under a millisecond. */
const AUDIT_CHUNK = 512;

/** @param audit all of it is put out, too. */
export function reportOwners(change: OwnerChange, audit: boolean): NodeOutput[] {
  const { ranges, count, from, to, reason, epoch, gapMs } = change;
  const leftOut = countOf(ranges.slice(RANGES_MAX));
  const facts = {
    addresses: describeRanges(ranges.slice(0, RANGES_MAX)),
    ...(leftOut > 0 && { leftOut }),
    count,
    from,
    to,
    reason,
    epoch,
    ...(gapMs !== null && { gapMs: Math.round(gapMs) }),
  };
  const outputs: NodeOutput[] = [{ kind: "event", code: "owner", facts }];
  if (!audit) return outputs;
  for (let i = 0; i < ranges.length; i += AUDIT_CHUNK) {
    const some = ranges.slice(i, i + AUDIT_CHUNK);
    outputs.push({ kind: "owners", change: { ...change, ranges: some, count: countOf(some) } });
  }
  return outputs;
}

function countOf(ranges: readonly AddressRange[]): number {
  return ranges.reduce((sum, { count }) => sum + count, 0);
}

/** Marks that have come or gone since the last time. */
export function reportMarks(marks: Marks, definitions: Definitions): Report[] {
  const { conflict, unsafe, broken, agreed } = marks.update(definitions);
  const all: [NodeEventCode, readonly string[]][] = [
    ["vip-conflict", conflict],
    ["vip-unsafe", unsafe],
    ["vip-broken", broken],
    ["vip-agreed", agreed],
  ];
  return all.flatMap(([code, addresses]): Report[] =>
    addresses.length === 0 ? [] : [[code, { addresses: describeAddresses(addresses) }]],
  );
}

/** Managed addresses that came to a member's kernel, or went, and not by the cluster. */
export function reportForeign(node: string, { came, gone }: ForeignChange): Report[] {
  const reports = came.map(({ where, stays, addresses }): Report => {
    const facts = { node, addresses: describeAddresses(addresses), where, removed: stays === "" };
    return ["vip-foreign", stays === "" ? facts : { ...facts, reason: `it is ${stays}` }];
  });
  if (gone.length > 0) reports.push(["vip-foreign-gone", { node, addresses: describeAddresses(gone) }]);
  return reports;
}

function damped(members: ReadonlyMap<string, Member>): Report[] {
  return [...members].flatMap(([node, member]): Report[] => (member.damped ? [["node-damped", { node }]] : []));
}

function balanceSetSizes(members: ReadonlyMap<string, Member>): Report[] {
  const sizes = new Set([...members.values()].map(({ announcement }) => announcement.balanceSetSize));
  if (sizes.size < 2) return [];
  return [["balance-set-size-differs", { sizes: [...sizes].sort((a, b) => a - b).join(" ") }]];
}

function* policies(members: ReadonlyMap<string, Member>): Slices<Report[]> {
  const said = new Map<string, Set<PartitionPolicy>>();
  // Members that configure the same share one list.
  for (const entries of new Set([...members.values()].map(({ announcement }) => announcement.entries))) {
    let last: (typeof entries)[number] | undefined;
    let seen = 0;
    for (const entry of entries) {
      if (++seen % SLICE === 0) yield;
      const { topology, policy } = entry;
      if (topology === last?.topology && policy === last.policy) continue;
      last = entry;
      const some = said.get(topology);
      if (some === undefined) said.set(topology, new Set([policy]));
      else some.add(policy);
    }
  }
  return [...said]
    .filter(([, some]) => some.size > 1)
    .map(([topology, some]) => {
      return [
        "partition-policy-differs",
        { topology, policies: [...some].sort().join(" "), holds: strictest(some) },
      ] as const;
    });
}

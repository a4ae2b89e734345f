/** The replicated state of small clusters, without nodes around it: what is asked of a member, it has done at once. */
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { unitOf } from "../../../src/core/ownership/definitions.js";
import { Ownership } from "../../../src/core/ownership/ownership.js";
import type { Announcement } from "../../../src/core/wire/messages.js";

export function entry(address: string, different: Partial<Entry> = {}): Entry {
  const plain = {
    services: ["multivip"],
    preferences: [],
    follows: null,
    policy: "available" as const,
    failback: "immediate",
    topology: "10.0.0.0/24",
  };
  return { address, names: [`at ${address}`], ...plain, ...different };
}

export function announcement(entries: readonly Entry[], different: Partial<Announcement> = {}): Announcement {
  return {
    incarnation: 1,
    version: "0",
    endpoint: { host: "192.0.2.1", port: 4802 },
    mature: true,
    leaving: false,
    balanceSetSize: 0,
    weight: 100,
    leaseMs: 2_000,
    fenceMs: 0,
    flaps: [],
    health: { draining: false, paced: false, down: [] },
    entries,
    claims: [],
    doubts: [],
    ...different,
  };
}

/** Its first view, in which all have announced themselves. */
export function cluster(said: ReadonlyMap<string, Announcement>): { ownership: Ownership } {
  const ownership = new Ownership();
  const members = [...said.keys()].sort();
  ownership.enter({ seq: 1, leader: members[0] ?? "", members, stayed: [], quorate: true });
  for (const [name, one] of said) ownership.deliver(name, { kind: "announce", ...one });
  return { ownership };
}

/** Everybody does what the table wants, and the leader balances, until there is nothing to do. */
export function rest(ownership: Ownership): void {
  for (;;) {
    for (const [lead, { owner, phase, target, holders }] of ownership.rows) {
      for (const holder of holders) ownership.deliver(holder, { kind: "released", leads: [lead] });
      if (phase === "releasing") ownership.deliver(owner ?? "", { kind: "released", leads: [lead] });
      if (phase === "acquiring") ownership.deliver(target ?? "", { kind: "owned", leads: [lead] });
    }
    if (ownership.loads.moving.size > 0) continue;
    const moves = ownership.balanceRound(() => true);
    if (moves.length === 0) return;
    ownership.deliver(ownership.view?.leader ?? "", { kind: "balance", moves });
  }
}

/** Who has each address. */
export function homes({ definitions, rows }: Ownership): Record<string, string | null> {
  const all = [...definitions.vips.values()].map(({ address, participants }): [string, string | null] => {
    const owner = rows.get(unitOf(definitions, address)?.lead.address ?? "")?.owner ?? null;
    return [address, owner !== null && participants.has(owner) ? owner : null];
  });
  return Object.fromEntries(all);
}

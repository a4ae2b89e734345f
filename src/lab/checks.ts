/** PURE: decides from what was recorded whether the promises were kept. One function a promise. */
import type { AcceptedMessage, DeliveredMessage, MailRecord, Snapshot, Violation } from "./records.js";

/** Everything that must hold of a cluster that has settled. */
export function checkSnapshot(snapshot: Snapshot): readonly Violation[] {
  return [...checkServed(snapshot), ...checkPreferences(snapshot), ...checkBalance(snapshot)];
}

/** One view, and every address alive at one owner that a client reaches with the ARP entries that it has. */
export function checkServed(snapshot: Snapshot): readonly Violation[] {
  return [
    ...checkMembership(snapshot),
    ...checkAgreement(snapshot),
    ...checkHomes(snapshot),
    ...checkAnswers(snapshot),
    ...checkNeighbours(snapshot),
  ];
}

/** Each member tells these members, and no others. */
function checkMembership({ members, memberships }: Snapshot): Violation[] {
  const expected = list(members.toSorted());
  return members.flatMap((member) => {
    const told = list((memberships.get(member) ?? []).toSorted());
    return told === expected ? [] : [violation("one-view", member, expected, told)];
  });
}

/** Members tell the same owner of each address, and it is one of them. */
function checkAgreement({ vips, members, owners }: Snapshot): Violation[] {
  return vips.flatMap(({ address }) => {
    const told = members.map((member) => `${member} says ${owners.get(member)?.get(address) ?? "nobody"}`);
    const names = new Set(members.map((member) => owners.get(member)?.get(address) ?? null));
    const [owner] = names;
    if (names.size === 1 && typeof owner === "string" && members.includes(owner)) return [];
    return [violation("one-owner", address, "one owner, told by every member", told.join(", "))];
  });
}

/** Each address is in the kernel of its owner, and of no other member. */
function checkHomes(snapshot: Snapshot): Violation[] {
  return snapshot.vips.flatMap(({ address }) => {
    const homes = snapshot.members.filter((member) => snapshot.plumbed.get(member)?.has(address) === true);
    const owner = ownerOf(snapshot, address);
    if (homes.length === 1 && homes[0] === owner) return [];
    return [violation("one-home", address, `plumbed by ${owner ?? "one member"} alone`, list(homes))];
  });
}

/** A client is greeted on each address by its owner. */
function checkAnswers(snapshot: Snapshot): Violation[] {
  return snapshot.vips.flatMap(({ address }) => {
    const owner = ownerOf(snapshot, address);
    const answer = snapshot.answers[address] ?? null;
    if (answer !== null && answer === owner) return [];
    return [violation("answers-220", address, `220 from ${owner ?? "its owner"}`, answer ?? "no answer")];
  });
}

/** No bystander holds another hardware address for a VIP than its owner's. */
function checkNeighbours(snapshot: Snapshot): Violation[] {
  const vips = new Map(snapshot.vips.map((vip) => [vip.address, vip]));
  return [...snapshot.neighbours].flatMap(([host, entries]) =>
    entries.flatMap((entry) => {
      const vip = vips.get(entry.address);
      if (vip === undefined || vip.interface !== entry.interface) return [];
      const owner = ownerOf(snapshot, entry.address);
      const mac = owner === null ? undefined : snapshot.macs.get(owner)?.get(vip.interface);
      if (mac === entry.mac) return [];
      const expected = `${mac ?? "no entry"} (${owner ?? "nobody"}) in the ARP table of ${host}`;
      return [violation("arp-current", entry.address, expected, entry.mac)];
    }),
  );
}

/** An address whose preferred node is a member lives there. */
function checkPreferences(snapshot: Snapshot): Violation[] {
  return snapshot.vips.flatMap(({ address, preference }) => {
    const owner = ownerOf(snapshot, address);
    if (preference === null || !snapshot.members.includes(preference) || owner === preference) return [];
    return [violation("preferred-home", address, preference, owner ?? "nobody")];
  });
}

/** No member has more than one address of a Topology more than another, not counting those that follow. Holds where
 * preferences are even, as the lab's are. */
function checkBalance(snapshot: Snapshot): Violation[] {
  return [...new Set(snapshot.vips.map((vip) => vip.topology))].flatMap((topology) => {
    const vips = snapshot.vips.filter((vip) => vip.topology === topology && vip.follows === null);
    const counts = snapshot.members.map(
      (member) => vips.filter(({ address }) => ownerOf(snapshot, address) === member).length,
    );
    if (Math.max(...counts) - Math.min(...counts) <= 1) return [];
    const seen = snapshot.members.map((member, index) => `${member} has ${counts[index]}`).join(", ");
    return [violation("balanced", topology, "as many addresses on each member, give or take one", seen)];
  });
}

/** Every message that got a 250 reached the sink, once, from its binding's address. */
export function checkMail({ accepted, delivered, inDoubt }: MailRecord): readonly Violation[] {
  const arrivals = arrivalsByToken(delivered);
  const lost = accepted.filter(({ token }) => !arrivals.has(token));
  return [
    ...lost.map((one) => violation("not-lost", one.token, "at the sink", `nowhere (${one.listener}: ${one.reply})`)),
    ...accepted.flatMap((one) => checkSources(one, arrivals.get(one.token) ?? [])),
    ...doubles({ delivered, inDoubt })
      .filter(({ excused }) => !excused)
      .map(({ token, times }) => violation("not-twice", token, "once", `${times} times`)),
  ];
}

function checkSources({ token, sources, listener }: AcceptedMessage, seen: readonly DeliveredMessage[]): Violation[] {
  const wrong = seen.map((one) => one.source).filter((source) => !sources.includes(source));
  if (wrong.length === 0) return [];
  return [violation("right-source", token, `from ${sources.join(" or ")}, taken by ${listener}`, list(wrong))];
}

/**
 * Messages that came more than once. Excused are those that a node had told of: cut off between the final dot
 * and its answer, which is as much as SMTP allows.
 */
export function doubles({ delivered, inDoubt }: Pick<MailRecord, "delivered" | "inDoubt">): readonly Double[] {
  return [...arrivalsByToken(delivered)].flatMap(([token, arrivals]) => {
    const excused = arrivals.every(({ id }) => inDoubt.includes(id));
    return arrivals.length < 2 ? [] : [{ token, times: arrivals.length, excused }];
  });
}

export interface Double {
  readonly token: string;
  readonly times: number;
  readonly excused: boolean;
}

function arrivalsByToken(delivered: MailRecord["delivered"]): ReadonlyMap<string, readonly DeliveredMessage[]> {
  const byToken = new Map<string, DeliveredMessage[]>();
  for (const one of delivered) {
    const arrivals = byToken.get(one.token);
    if (arrivals === undefined) byToken.set(one.token, [one]);
    else arrivals.push(one);
  }
  return byToken;
}

/** Owner of an address as the first member tells it. */
export function ownerOf({ members, owners }: Snapshot, address: string): string | null {
  return owners.get(members[0] ?? "")?.get(address) ?? null;
}

function violation(check: string, subject: string, expected: string, seen: string): Violation {
  return { check, subject, expected, seen };
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "nobody" : names.join(", ");
}

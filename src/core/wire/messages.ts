/**
 * What nodes tell each other about ownership, as bytes. The first byte is the kind; sets of addresses are ranges.
 * Whatever does not decode is null to the caller, who counts and drops it: a peer can be newer, or broken.
 *
 * Source: docs/PROTOCOL.md, "Messages".
 */
import type { PartitionPolicy } from "../../config/types.js";
import { type AddressRange, formatAddress, fromRanges, parseAddress, toRanges } from "../address.js";
import type { Entry } from "../catalogue/catalogue.js";
import type { Beacon } from "../ownership/lease.js";
import { POLICIES } from "../ownership/policy.js";
import { ByteReader, ByteWriter, Malformed } from "./bytes.js";

/** An address that a member has, or is about to have, when it announces itself. */
export interface Claim {
  readonly address: string;
  readonly epoch: number;
  /** It has begun to let go. */
  readonly releasing: boolean;
  readonly pinned: boolean;
}

export interface Announcement {
  readonly incarnation: number;
  readonly version: string;
  /** The ECCluster listener, for message moves. */
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly mature: boolean;
  /** It is about to leave, and gives its addresses away. */
  readonly leaving: boolean;
  /** `duravip_balance_set_size`; 0 is auto. */
  readonly balanceSetSize: number;
  /** Its share of the load, beside those of others: 1 to 1000. */
  readonly weight: number;
  /** Length of its leases. */
  readonly leaseMs: number;
  /** How long, by its clock, somebody that it has parted from may have a lease yet. */
  readonly fenceMs: number;
  readonly entries: readonly Entry[];
  readonly claims: readonly Claim[];
}

export type OwnershipMessage =
  | ({ readonly kind: "announce" } & Announcement)
  /** From the leader: these members have been here long enough to be given addresses. */
  | { readonly kind: "mature"; readonly members: readonly string[] }
  /** From the leader: one balance round. */
  | { readonly kind: "balance"; readonly moves: readonly { readonly to: string; readonly leads: readonly string[] }[] }
  | { readonly kind: "released" | "owned" | "ready"; readonly leads: readonly string[] }
  | { readonly kind: "refused"; readonly leads: readonly string[]; readonly reason: string }
  | { readonly kind: "move"; readonly command: number; readonly lead: string; readonly to: string }
  /** The sender is about to leave. */
  | { readonly kind: "drain" }
  /** The sender lives, and has heard others: what leases are made of. */
  | ({ readonly kind: "beacon" } & Beacon)
  /** The sender's lease was over: it has let go of all that it had under it. */
  | { readonly kind: "lapsed" };

const KINDS = [
  "announce",
  "mature",
  "balance",
  "released",
  "owned",
  "ready",
  "refused",
  "move",
  "drain",
  "beacon",
  "lapsed",
] as const;

export function encodeMessage(message: OwnershipMessage): Uint8Array {
  const out = new ByteWriter().byte(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case "announce":
      writeAnnouncement(out, message);
      break;
    case "mature":
      out.list(message.members, (member) => out.string(member));
      break;
    case "balance":
      out.list(message.moves, ({ to, leads }) => writeSet(out.string(to), leads));
      break;
    case "released":
    case "owned":
    case "ready":
      writeSet(out, message.leads);
      break;
    case "refused":
      writeSet(out.string(message.reason.slice(0, 200)), message.leads);
      break;
    case "move":
      writeAddress(out.uint(message.command).string(message.to), message.lead);
      break;
    case "beacon":
      out.uint(message.view).uint(message.number);
      out.list(message.heard, ({ member, number }) => out.string(member).uint(number));
      break;
    case "drain":
    case "lapsed":
      break;
  }
  return out.finish();
}

/** @returns null for anything that is not exactly one message. Never throws. */
export function decodeMessage(bytes: Uint8Array): OwnershipMessage | null {
  try {
    const source = new ByteReader(bytes);
    const kind = KINDS[source.byte()];
    const message = kind === undefined ? null : readBody(kind, source);
    source.end();
    return message;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function readBody(kind: (typeof KINDS)[number], source: ByteReader): OwnershipMessage {
  switch (kind) {
    case "announce":
      return { kind, ...readAnnouncement(source) };
    case "mature":
      return { kind, members: source.list(() => source.string()) };
    case "balance":
      return { kind, moves: source.list(() => ({ to: source.string(), leads: readSet(source) })) };
    case "released":
    case "owned":
    case "ready":
      return { kind, leads: readSet(source) };
    case "refused": {
      const reason = source.string(800);
      return { kind, reason, leads: readSet(source) };
    }
    case "move": {
      const command = source.uint();
      const to = source.string();
      return { kind, command, to, lead: readAddress(source) };
    }
    case "beacon": {
      const view = source.uint();
      const number = source.uint();
      return { kind, view, number, heard: source.list(() => ({ member: source.string(), number: source.uint() })) };
    }
    case "drain":
    case "lapsed":
      return { kind };
  }
}

function writeAnnouncement(out: ByteWriter, announcement: Announcement): void {
  const { incarnation, version, endpoint, mature, leaving, balanceSetSize, weight, entries, claims } = announcement;
  const { leaseMs, fenceMs } = announcement;
  out.uint(incarnation).string(version).string(endpoint.host).uint(endpoint.port);
  out.byte(Number(mature)).byte(Number(leaving)).uint(balanceSetSize).uint(weight);
  out.uint(leaseMs).uint(Math.ceil(fenceMs));
  // Names of nodes, services and networks repeat in thousands of entries: each goes once, and then by number.
  const words = [
    ...new Set(entries.flatMap(({ services, preference, topology }) => [...services, preference ?? "", topology])),
  ];
  const numbers = new Map(words.map((word, i) => [word, i]));
  const word = (text: string) => out.uint(numbers.get(text) ?? 0);
  out.list(words, (text) => out.string(text));
  out.list(entries, (entry) => {
    writeAddress(out, entry.address);
    out.list(entry.names, (name) => out.string(name));
    out.list(entry.services, word);
    word(entry.preference ?? "");
    out.byte(entry.follows === null ? 0 : 1);
    if (entry.follows !== null) writeAddress(out, entry.follows);
    word(entry.topology);
    out.byte(POLICIES.indexOf(entry.policy));
  });
  out.list(claims, ({ address, epoch, releasing, pinned }) => {
    writeAddress(out, address);
    out.uint(epoch).byte(Number(releasing) | (Number(pinned) << 1));
  });
}

function readAnnouncement(source: ByteReader): Announcement {
  const head = {
    incarnation: source.uint(),
    version: source.string(),
    endpoint: { host: source.string(), port: source.uint(65535) },
    mature: source.flag(),
    leaving: source.flag(),
    balanceSetSize: source.uint(),
    weight: readWeight(source),
    leaseMs: source.uint(),
    fenceMs: source.uint(),
  };
  const words = source.list(() => source.string());
  const word = () => {
    const text = words[source.uint()];
    if (text === undefined) throw new Malformed("no such word");
    return text;
  };
  const entries = source.list(() => ({
    address: readAddress(source),
    names: source.list(() => source.string()),
    services: source.list(word),
    preference: word() || null,
    follows: source.flag() ? readAddress(source) : null,
    topology: word(),
    policy: readPolicy(source),
  }));
  const claims = source.list(() => {
    const address = readAddress(source);
    const epoch = source.uint();
    const flags = source.byte();
    return { address, epoch, releasing: (flags & 1) === 1, pinned: (flags & 2) === 2 };
  });
  return { ...head, entries, claims };
}

/** Loads are divided by it. */
function readWeight(source: ByteReader): number {
  const weight = source.uint(1000);
  if (weight === 0) throw new Malformed("no weight");
  return weight;
}

function readPolicy(source: ByteReader): PartitionPolicy {
  const policy = POLICIES[source.byte()];
  if (policy === undefined) throw new Malformed("no such policy");
  return policy;
}

function writeAddress(out: ByteWriter, address: string): void {
  const { block, offset } = parseAddress(address) ?? { block: "", offset: 0 };
  writeBlock(out, block);
  out.uint(offset);
}

function readAddress(source: ByteReader): string {
  const block = readBlock(source);
  return formatAddress({ block, offset: source.uint(MAX_OFFSET) });
}

/** Of IPv4 no byte, of IPv6 the upper twelve. */
function writeBlock(out: ByteWriter, block: string): void {
  out.bytes(
    Uint8Array.from({ length: block.length / 2 }, (_, i) => Number.parseInt(block.slice(2 * i, 2 * i + 2), 16)),
  );
}

function readBlock(source: ByteReader): string {
  const bytes = source.bytes(12);
  if (bytes.length !== 0 && bytes.length !== 12) throw new Malformed(`${bytes.length} bytes are no block of addresses`);
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const MAX_OFFSET = 2 ** 32 - 1;

function writeSet(out: ByteWriter, addresses: readonly string[]): void {
  const blocks = new Map<string, AddressRange[]>();
  for (const range of toRanges(addresses)) {
    const ranges = blocks.get(range.block);
    if (ranges === undefined) blocks.set(range.block, [range]);
    else ranges.push(range);
  }
  out.list([...blocks], ([block, ranges]) => {
    writeBlock(out, block);
    let end = 0;
    out.list(ranges, ({ start, count }) => {
      out.uint(start - end).uint(count);
      end = start + count;
    });
  });
}

/** A set has no more addresses than the largest table (2^20), so that a few bytes cannot stand for gigabytes. */
function readSet(source: ByteReader): string[] {
  let left = 2 ** 20;
  const ranges = source.list(() => {
    const block = readBlock(source);
    let end = 0;
    return source.list(() => {
      const start = end + source.uint(MAX_OFFSET);
      const count = source.uint(left);
      end = start + count;
      left -= count;
      if (end > 2 ** 32) throw new Malformed("beyond the last address");
      return { block, start, count };
    });
  });
  return fromRanges(ranges.flat());
}

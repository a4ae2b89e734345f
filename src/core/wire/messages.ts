/**
 * What nodes tell each other about ownership, as bytes. The first byte is the kind. A peer can be newer, or broken:
 * kinds and fields that only it knows are skipped, and whatever does not decode is null to the caller, who counts it.
 *
 * Source: docs/PROTOCOL.md, "Messages".
 */
import type { Entry } from "../catalogue/catalogue.js";
import type { Flaps } from "../ownership/flaps.js";
import type { Beacon } from "../ownership/lease.js";
import { ByteReader, ByteWriter, Malformed } from "./bytes.js";
import { readClaims, writeClaims, type Claim } from "./claims.js";
import { type ForeignGroup, readForeign, writeForeign } from "./foreign.js";
import type { Part } from "./parts.js";
import type { VersionRange } from "./versions.js";
import { type Hearing, readHearing, writeHearing } from "./hearing.js";
import { readAddress, readSet, writeAddress, writeSet } from "./sets.js";
import { readMacs, readShare, type Share, writeMacs, writeShare } from "./share.js";

export type { Claim } from "./claims.js";

/** What keeps a member from being given addresses, though it stays. */
export interface Health {
  /** An operator wants it empty. */
  readonly draining: boolean;
  /** It gives away what it has by and by, as it says itself; false: all at once. */
  readonly paced: boolean;
  /** Blocks of the Topologies whose addresses it cannot serve. */
  readonly down: readonly string[];
  /** Why, as far as it says so. Not in an announcement. */
  readonly reasons?: readonly Reason[];
}

/** In words that go behind the name of the node: "has no carrier". */
export interface Reason {
  /** Its block. */
  readonly topology: string;
  readonly reason: string;
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
  readonly health: Health;
  /** Members that have gone without leaving, lately. */
  readonly flaps: readonly Flaps[];
  readonly entries: readonly Entry[];
  readonly claims: readonly Claim[];
  /** Blocks of the Topologies in which the sender was doubtful in its table before. */
  readonly doubts: readonly string[];
}

/** An announcement as it goes over the wire: entries stand behind their digest. */
export interface Introduction extends Omit<Announcement, "entries"> {
  readonly speaks: VersionRange;
  /** Digest of the sender's table when it entered the view; 0 where it had none. */
  readonly table: number;
  /** Digest of what it configures. */
  readonly catalogue: string;
  /** Digests of all catalogues that it knows, its own among them. */
  readonly known: readonly string[];
}

/** What the replicated state is made of. */
export type OwnershipMessage =
  | ({ readonly kind: "announce" } & Announcement)
  /** From the leader: these members have been here long enough to be given addresses. */
  | { readonly kind: "mature"; readonly members: readonly string[] }
  /** From the leader: one balance round. */
  | { readonly kind: "balance"; readonly moves: readonly { readonly to: string; readonly leads: readonly string[] }[] }
  | { readonly kind: "released" | "owned" | "ready"; readonly leads: readonly string[] }
  | { readonly kind: "refused"; readonly leads: readonly string[]; readonly reason: string }
  /** `forMs`: how long it is pinned there; 0: without an end. */
  | {
      readonly kind: "move";
      readonly command: number;
      readonly lead: string;
      readonly to: string;
      readonly forMs: number;
    }
  /** Of what the sender has, the next that it wants to be rid of, while it drains by and by. */
  | { readonly kind: "give"; readonly leads: readonly string[] }
  /** The sender is doubtful in these Topologies, by their blocks, and wants a unit to show that it can. */
  | { readonly kind: "try"; readonly topologies: readonly string[] }
  /** From the leader: the time of these pins is over. */
  | { readonly kind: "unpin"; readonly leads: readonly string[] }
  /**
   * From the leader: `members` have not failed for long enough, or an operator says so: what is counted against them is
   * forgotten. `regaining`: these are damped yet, and are given what prefers them again.
   */
  | { readonly kind: "calm"; readonly members: readonly string[]; readonly regaining: readonly string[] }
  /** The sender is about to leave. */
  | { readonly kind: "drain" }
  /** The sender lives, and has heard others: what leases are made of. */
  | ({ readonly kind: "beacon" } & Beacon)
  /** The sender's lease was over: it has let go of all that it had under it. */
  | { readonly kind: "lapsed" }
  /** The sender's health from now on. */
  | ({ readonly kind: "health" } & Health);

/** What goes over the wire. */
export type WireMessage =
  | Exclude<OwnershipMessage, { readonly kind: "announce" }>
  | ({ readonly kind: "announce" } & Introduction)
  /** What some members configure, for those that do not know it. */
  | { readonly kind: "catalogue"; readonly bytes: Uint8Array }
  /** An operator asks the leader to say CALM of these nodes, and UNPIN of these units. */
  | { readonly kind: "request"; readonly calm: readonly string[]; readonly unpin: readonly string[] }
  /** From the leader: look at your table now. */
  | { readonly kind: "check" }
  /** From the leader: what it saw then. */
  | { readonly kind: "digest"; readonly table: number }
  /** The sender saw something else. */
  | { readonly kind: "diverged" }
  /** Whom the sender hears on the networks of its Topologies, all of it, to those that do not know it. */
  | { readonly kind: "hearing"; readonly hearing: readonly Hearing[] }
  /** For others to use as they see fit. */
  | ({ readonly kind: "share" } & Share)
  /** By which hardware addresses the sender speaks on its LANs, as "02:00:00:00:00:01". */
  | { readonly kind: "hardware"; readonly macs: readonly string[] }
  /** Managed addresses in the sender's kernel that the cluster did not put there: all of them, each time. */
  | { readonly kind: "foreign"; readonly groups: readonly ForeignGroup[] }
  /** Of a message that is too long to go at once. */
  | ({ readonly kind: "part" } & Part);

/** By their numbers; null: no kind of this version. */
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
  "catalogue",
  "part",
  "check",
  "digest",
  "diverged",
  "health",
  "share",
  "unpin",
  "calm",
  "give",
  "foreign",
  null, // 22 is not of this version.
  "request",
  "try",
  "hearing",
  "hardware",
] as const;
type Kind = NonNullable<(typeof KINDS)[number]>;

export function encodeMessage(message: WireMessage): Uint8Array {
  const out = new ByteWriter().byte(KINDS.indexOf(message.kind));
  switch (message.kind) {
    case "announce":
      writeIntroduction(out, message);
      break;
    case "mature":
      out.list(message.members, (member) => out.string(member));
      break;
    case "calm":
      out.list(message.members, (member) => out.string(member));
      out.list(message.regaining, (member) => out.string(member));
      break;
    case "request":
      out.list(message.calm, (node) => out.string(node));
      writeSet(out, message.unpin);
      break;
    case "try":
      out.list(message.topologies, (block) => out.string(block));
      break;
    case "balance":
      out.list(message.moves, ({ to, leads }) => writeSet(out.string(to), leads));
      break;
    case "released":
    case "owned":
    case "ready":
    case "unpin":
    case "give":
      writeSet(out, message.leads);
      break;
    case "refused":
      writeSet(out.string(message.reason.slice(0, 200)), message.leads);
      break;
    case "move":
      writeAddress(out.uint(message.command).string(message.to), message.lead);
      out.uint(message.forMs);
      break;
    case "beacon":
      out.uint(message.view).uint(message.number);
      out.list(message.heard, ({ member, number }) => out.string(member).uint(number));
      break;
    case "catalogue":
      out.bytes(message.bytes);
      break;
    case "part":
      out.uint(message.number).uint(message.index).byte(Number(message.last)).bytes(message.bytes);
      break;
    case "digest":
      out.uint(message.table);
      break;
    case "drain":
    case "lapsed":
    case "check":
    case "diverged":
      break;
    case "health":
      writeHealth(out, message);
      out.list(message.reasons ?? [], ({ topology, reason }) => out.string(topology).string(reason.slice(0, 200)));
      break;
    case "hearing":
      writeHearing(out, message.hearing);
      break;
    case "share":
      writeShare(out, message);
      break;
    case "hardware":
      writeMacs(out, message.macs);
      break;
    case "foreign":
      writeForeign(out, message.groups);
      break;
  }
  return out.finish();
}

/**
 * @returns null for what is no message, and "unknown" for a kind of a newer version. What comes behind the last field that
 *   this version knows is left alone. Never throws.
 */
export function decodeMessage(bytes: Uint8Array): WireMessage | "unknown" | null {
  try {
    const source = new ByteReader(bytes);
    const kind = KINDS[source.byte()];
    return kind == null ? "unknown" : readBody(kind, source);
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function readBody(kind: Kind, source: ByteReader): WireMessage {
  switch (kind) {
    case "announce":
      return { kind, ...readIntroduction(source) };
    case "mature":
      return { kind, members: source.list(() => source.string()) };
    case "calm": {
      const members = source.list(() => source.string());
      // What a member says that does not know of the second list ends here.
      return { kind, members, regaining: source.left === 0 ? [] : source.list(() => source.string()) };
    }
    case "request":
      return { kind, calm: source.list(() => source.string(), 1024), unpin: readSet(source) };
    case "try":
      return { kind, topologies: source.list(() => source.string(), 1024) };
    case "balance":
      return { kind, moves: source.list(() => ({ to: source.string(), leads: readSet(source) })) };
    case "released":
    case "owned":
    case "ready":
    case "unpin":
    case "give":
      return { kind, leads: readSet(source) };
    case "refused": {
      const reason = source.string(800);
      return { kind, reason, leads: readSet(source) };
    }
    case "move": {
      const command = source.uint();
      const to = source.string();
      return { kind, command, to, lead: readAddress(source), forMs: source.uint() };
    }
    case "beacon": {
      const view = source.uint();
      const number = source.uint();
      return { kind, view, number, heard: source.list(() => ({ member: source.string(), number: source.uint() })) };
    }
    case "catalogue":
      return { kind, bytes: source.bytes() };
    case "part": {
      const [number, index, last] = [source.uint(), source.uint(), source.flag()];
      return { kind, number, index, last, bytes: source.bytes() };
    }
    case "digest":
      return { kind, table: source.uint(0xffffffff) };
    case "drain":
    case "lapsed":
    case "check":
    case "diverged":
      return { kind };
    case "health":
      return { kind, ...readHealth(source), reasons: readReasons(source) };
    case "hearing":
      return { kind, hearing: readHearing(source) };
    case "share":
      return { kind, ...readShare(source) };
    case "hardware":
      return { kind, macs: readMacs(source) };
    case "foreign":
      return { kind, groups: readForeign(source) };
  }
}

function writeIntroduction(out: ByteWriter, said: Introduction): void {
  const { incarnation, version, endpoint, mature, leaving, balanceSetSize, weight, leaseMs, fenceMs } = said;
  out.uint(said.speaks.least).uint(said.speaks.most);
  out.uint(incarnation).string(version).string(endpoint.host).uint(endpoint.port);
  out.byte(Number(mature)).byte(Number(leaving)).uint(balanceSetSize).uint(weight);
  out.uint(leaseMs).uint(Math.ceil(fenceMs));
  writeHealth(out, said.health);
  out.list(said.flaps, ({ member, penalty }) => out.string(member).uint(penalty));
  out
    .uint(said.table)
    .string(said.catalogue)
    .list(said.known, (digest) => out.string(digest));
  writeClaims(out, said.claims);
  out.list(said.doubts, (block) => out.string(block));
}

function readIntroduction(source: ByteReader): Introduction {
  return {
    speaks: { least: source.uint(), most: source.uint() },
    incarnation: source.uint(),
    version: source.string(),
    endpoint: { host: source.string(), port: source.uint(65535) },
    mature: source.flag(),
    leaving: source.flag(),
    balanceSetSize: source.uint(),
    weight: readWeight(source),
    leaseMs: source.uint(),
    fenceMs: source.uint(),
    health: readHealth(source),
    flaps: source.list(() => ({ member: source.string(), penalty: source.uint() }), 1024),
    table: source.uint(),
    catalogue: source.string(64),
    known: source.list(() => source.string(64), 1024),
    claims: readClaims(source),
    doubts: source.list(() => source.string(), 1024),
  };
}

function writeHealth(out: ByteWriter, { draining, paced, down }: Health): void {
  out.byte(Number(draining) | (Number(paced) << 1)).list(down, (block) => out.string(block));
}

function readHealth(source: ByteReader): Health {
  const flags = source.byte();
  return { draining: (flags & 1) === 1, paced: (flags & 2) === 2, down: source.list(() => source.string()) };
}

/** Behind the health of those that say so. */
function readReasons(source: ByteReader): Reason[] {
  if (source.left === 0) return [];
  return source.list(() => ({ topology: source.string(), reason: source.string(800) }), 1024);
}

/** Loads are divided by it. */
function readWeight(source: ByteReader): number {
  const weight = source.uint(1000);
  if (weight === 0) throw new Malformed("no weight");
  return weight;
}

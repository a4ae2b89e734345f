/**
 * The frames that travel over a link, and their bytes. A frame starts with the byte of its kind; integers are varints,
 * names are UTF-8 of at most 255 bytes. Whatever is not exactly a frame decodes to null.
 */
import { ByteReader, ByteWriter, Malformed } from "../wire/bytes.js";
import type { RoundId } from "./round.js";

/** Largest payload of one multicast. Frames are not split, so this also bounds how long one holds up a link. */
export const MAX_PAYLOAD_BYTES = 8 * 1024 * 1024;
/** Longest frame: a payload and what stands around it. */
export const MAX_FRAME_BYTES = MAX_PAYLOAD_BYTES + 64 * 1024;
/** Bounds every list of names in a frame. */
export const MAX_NODES = 256;
/** A node that answers more rounds than this in a row, and sees none end, forgets the first. */
export const MAX_PASSED = 16;
/** As many views as may follow each other before a member has come to the first of them. */
export const MAX_PAST = 4;

/** What one node says of itself; the others pass it on to those that do not hear it. Higher versions replace lower. */
export interface Row {
  readonly name: string;
  readonly incarnation: number;
  readonly version: number;
  /** Peers that the node has a link to, and to which run of each. */
  readonly reach: ReadonlyMap<string, number>;
  readonly view: RoundId;
  /** The highest round the node has answered; above `view` while the node waits for that round to end. */
  readonly promised: RoundId;
  /** Rounds answered after `view` and before `promised`, the last `MAX_PASSED`: others may be in the views of these. */
  readonly passed: readonly RoundId[];
  /** The views that it was in before `view`, the last `MAX_PAST`. */
  readonly past: readonly RoundId[];
}

/** A multicast in the order of its view. `number` counts the sender's own multicasts in this view from 1. */
export interface Message {
  /** Place in the view's order, from 1; 0 while it has none. */
  readonly seq: number;
  readonly from: string;
  readonly number: number;
  readonly payload: Uint8Array;
}

export type Frame =
  | { readonly kind: "status"; readonly rows: readonly Row[] }
  /** `stable`: what every member has delivered, as far as the sender knows; the sequencer's word counts. */
  | { readonly kind: "ack"; readonly view: RoundId; readonly delivered: number; readonly stable: number }
  | { readonly kind: "submit"; readonly view: RoundId; readonly number: number; readonly payload: Uint8Array }
  | { readonly kind: "ordered"; readonly view: RoundId; readonly stable: number; readonly message: Message }
  | {
      readonly kind: "propose";
      readonly round: RoundId;
      readonly members: readonly string[];
      /** What the coordinator itself has delivered, and in which view, so that nobody sends it again. */
      readonly view: RoundId;
      readonly delivered: number;
    }
  /** One message that the receiver may lack: towards the coordinator before a flush, from it before an install. */
  | { readonly kind: "carry"; readonly round: RoundId; readonly message: Message }
  /** The promise: the sender delivers nothing more in `view` until a round ends. */
  | { readonly kind: "flush"; readonly round: RoundId; readonly view: RoundId; readonly delivered: number }
  | { readonly kind: "install"; readonly round: RoundId; readonly members: readonly Origin[] }
  | { readonly kind: "leave" };

export type FrameOf<K extends Frame["kind"]> = Extract<Frame, { kind: K }>;

/** A member of a new view and the view it comes from. */
export interface Origin {
  readonly name: string;
  readonly view: RoundId;
}

/** The index is the byte on the wire. */
const KINDS = ["status", "ack", "submit", "ordered", "propose", "carry", "flush", "install", "leave"] as const;

export function encodeFrame(frame: Frame): Uint8Array {
  const to = new ByteWriter().byte(KINDS.indexOf(frame.kind));
  switch (frame.kind) {
    case "status":
      to.list(frame.rows, (row) => writeRow(to, row));
      break;
    case "ack":
      writeRound(to, frame.view).uint(frame.delivered).uint(frame.stable);
      break;
    case "submit":
      writeRound(to, frame.view).uint(frame.number).bytes(frame.payload);
      break;
    case "ordered":
      writeMessage(writeRound(to, frame.view).uint(frame.stable), frame.message);
      break;
    case "carry":
      writeMessage(writeRound(to, frame.round), frame.message);
      break;
    case "propose":
      writeRound(to, frame.round).list(frame.members, (name) => to.string(name));
      writeRound(to, frame.view).uint(frame.delivered);
      break;
    case "flush":
      writeRound(writeRound(to, frame.round), frame.view).uint(frame.delivered);
      break;
    case "install":
      writeRound(to, frame.round).list(frame.members, (member) => writeRound(to.string(member.name), member.view));
      break;
    case "leave":
      break;
  }
  return to.finish();
}

/** @returns null for bytes that are no frame. Payloads are views of `bytes`, not copies. */
export function decodeFrame(bytes: Uint8Array): Frame | null {
  try {
    const from = new ByteReader(bytes);
    const frame = readFrame(from);
    from.end();
    return frame;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

function readFrame(from: ByteReader): Frame {
  const kind = KINDS[from.byte()];
  switch (kind) {
    case "status":
      return { kind, rows: from.list(() => readRow(from), MAX_NODES) };
    case "ack":
      return { kind, view: readRound(from), delivered: from.uint(), stable: from.uint() };
    case "submit":
      return { kind, view: readRound(from), number: from.uint(), payload: from.bytes(MAX_PAYLOAD_BYTES) };
    case "ordered":
      return { kind, view: readRound(from), stable: from.uint(), message: readMessage(from) };
    case "carry":
      return { kind, round: readRound(from), message: readMessage(from) };
    case "propose": {
      const [round, members] = [readRound(from), readNames(from)];
      return { kind, round, members, view: readRound(from), delivered: from.uint() };
    }
    case "flush":
      return { kind, round: readRound(from), view: readRound(from), delivered: from.uint() };
    case "install":
      return { kind, round: readRound(from), members: from.list(() => readOrigin(from), MAX_NODES) };
    case "leave":
      return { kind };
    default:
      throw new Malformed("unknown kind");
  }
}

function writeRound(to: ByteWriter, round: RoundId): ByteWriter {
  return to.uint(round.counter).string(round.coordinator).uint(round.incarnation);
}

function readRound(from: ByteReader): RoundId {
  return { counter: from.uint(), coordinator: from.string(), incarnation: from.uint() };
}

function writeMessage(to: ByteWriter, message: Message): void {
  to.uint(message.seq).string(message.from).uint(message.number).bytes(message.payload);
}

function readMessage(from: ByteReader): Message {
  return { seq: from.uint(), from: from.string(), number: from.uint(), payload: from.bytes(MAX_PAYLOAD_BYTES) };
}

function writeRow(to: ByteWriter, row: Row): void {
  to.string(row.name).uint(row.incarnation).uint(row.version);
  writeRound(writeRound(to, row.view), row.promised)
    .list([...row.reach], ([name, incarnation]) => to.string(name).uint(incarnation))
    .list(row.passed, (round) => writeRound(to, round))
    .list(row.past, (round) => writeRound(to, round));
}

function readRow(from: ByteReader): Row {
  return {
    name: from.string(),
    incarnation: from.uint(),
    version: from.uint(),
    view: readRound(from),
    promised: readRound(from),
    reach: new Map(from.list(() => [from.string(), from.uint()], MAX_NODES)),
    passed: from.list(() => readRound(from), MAX_PASSED),
    past: from.list(() => readRound(from), MAX_PAST),
  };
}

function readNames(from: ByteReader): string[] {
  return from.list(() => from.string(), MAX_NODES);
}

function readOrigin(from: ByteReader): Origin {
  return { name: from.string(), view: readRound(from) };
}

/**
 * Message ids: 22 digits of base 32hex (RFC 4648 section 7, lower case, so that they sort as their numbers do and are
 * safe as file names, as SMTP parameters and in logs).
 *
 *   0          10        19   22
 *   incarnation| counter | node
 *
 * The incarnation grows with each run of a node and the counter within one, so ids of one node sort by time of
 * acceptance. The last three digits, from the node's name, part the ids of two nodes started in the same instant.
 */
import { createHash } from "node:crypto";
import type { MessageId } from "./types.js";

const SHAPE = /^[0-9a-v]{22}$/;

/** Largest incarnation: 48 bits, which ten digits hold. */
export const INCARNATION_MAX = 2 ** 48 - 1;

/** Ids come from peers as well, and become keys and file names. */
export function isMessageId(text: string): boolean {
  return SHAPE.test(text);
}

export function idSource(incarnation: number, nodename: string): () => MessageId {
  const head = digits(incarnation, 10);
  const tail = digits(createHash("sha256").update(nodename).digest().readUInt16BE(0) & 0x7fff, 3);
  let counter = 0;
  return () => head + digits(counter++, 9) + tail;
}

function digits(value: number, width: number): string {
  return value.toString(32).padStart(width, "0");
}

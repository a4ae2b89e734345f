/**
 * A look at a spool that changes nothing: what is damaged, or does not fit together. It may lie on the disk of a dead
 * node, or be in use: then what changes meanwhile may be reported, and a second look tells.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { explain, HoldfastError } from "../../errors.js";
import { Bodies } from "./bodies.js";
import { checksum, isRecorded } from "./checksum.js";
import { unseal } from "./codec.js";
import { domainKeys, keepsDomains } from "./domain-index.js";
import { type MessageRecord, readRecord, standing } from "./record.js";
import { openStore, type Store } from "./store.js";
import type { MessageId } from "./types.js";

export interface SpoolProblem {
  readonly id: MessageId;
  readonly reason: string;
}

/** Reads everything once, bodies too; memory stays bounded. Throws ERR_SPOOL when there is no spool that opens. */
export async function* checkSpool(directory: string): AsyncGenerator<SpoolProblem> {
  if (!existsSync(join(directory, "records.mdb")))
    throw new HoldfastError("ERR_SPOOL", `there is no spool in ${directory}`, { directory });
  const store = openStore(directory, true);
  const bodies = new Bodies(directory, 0, 0, () => 0);
  const byDomain = keepsDomains(store) ? store.domains : null;
  let inDomains = 0;
  try {
    for (const { key: id, value } of store.messages.getRange()) {
      const record = readRecord(unseal(value), id);
      if (record === null) {
        yield { id, reason: "the record is damaged" };
        continue;
      }
      for (const reason of indexProblems(store, record)) yield { id, reason };
      const keys = byDomain === null ? [] : keysInDomains(record);
      const found = keys.filter((key) => byDomain?.doesExist(key)).length;
      if (found < keys.length) yield { id, reason: "it is not in the queue of each of its domains" };
      inDomains += found;
      const reason = await bodyProblem(store, bodies, record);
      if (reason !== null) yield { id, reason };
    }
    yield* strays(store);
    // Each entry costs a record, which may be long: they are looked at one by one only when there are too many.
    if (byDomain !== null && byDomain.getKeysCount() > inDomains) yield* domainStrays(store, byDomain);
  } finally {
    await store.close();
  }
}

function* indexProblems(store: Store, { message }: MessageRecord): Generator<string> {
  const { due, doubt } = standing(message);
  if (due !== null) {
    const entry = store.due.getBinary([message.binding, due.atMs, message.id]);
    if (entry === undefined) yield "it is not in the queue of its binding";
    else if (!isDeepStrictEqual(unseal(entry), due.rows)) yield "its entry in the queue of its binding is wrong";
  }
  if (doubt.length === 0) return;
  const entry = store.doubt.getBinary(message.id);
  if (entry === undefined) yield "it is being delivered or moved, and not among those that are";
  else if (!isDeepStrictEqual(unseal(entry), { binding: message.binding, rows: doubt }))
    yield "its entry among those being delivered or moved is wrong";
}

async function bodyProblem(store: Store, bodies: Bodies, { message, body }: MessageRecord): Promise<string | null> {
  if (body.file === null) {
    const bytes = store.bodies.getBinary(message.id);
    if (bytes === undefined) return "the body is missing";
    return bytes.length === message.bodyBytes && isRecorded(checksum(bytes), body.crc) ? null : "the body is damaged";
  }
  try {
    for await (const _ of bodies.read(body.file, message.bodyBytes, body.crc));
    return null;
  } catch (error) {
    return explain(error);
  }
}

/** Index entries and tombstones that no message, or the wrong one, belongs to. */
function* strays(store: Store): Generator<SpoolProblem> {
  for (const [binding, atMs, id] of store.due.getKeys()) {
    const message = recordOf(store, id)?.message;
    if (message === undefined || message.binding !== binding || standing(message).due?.atMs !== atMs)
      yield { id, reason: `the queue of ${binding} has an entry that is not this message's` };
  }
  for (const id of store.doubt.getKeys()) {
    const message = recordOf(store, id)?.message;
    if (message === undefined || standing(message).doubt.length === 0)
      yield { id, reason: "it is among those being delivered or moved, and is not" };
  }
  for (const [, id] of store.goneByTime.getKeys()) {
    if (!store.gone.doesExist(id)) yield { id, reason: "its tombstone is missing" };
    if (store.messages.doesExist(id)) yield { id, reason: "it is here, and has a tombstone" };
  }
}

function keysInDomains({ message }: MessageRecord): ReturnType<typeof domainKeys> {
  return domainKeys({ binding: message.binding, rows: standing(message).due?.rows ?? [] }, message.id);
}

function* domainStrays(store: Store, byDomain: NonNullable<Store["domains"]>): Generator<SpoolProblem> {
  for (const [binding, domain, atMs, id] of byDomain.getKeys()) {
    const record = recordOf(store, id);
    const own = record === null ? [] : keysInDomains(record);
    if (!own.some((key) => key[0] === binding && key[1] === domain && key[2] === atMs))
      yield { id, reason: `the queue of ${binding} by domain has an entry that is not this message's` };
  }
}

function recordOf(store: Store, id: MessageId): MessageRecord | null {
  const bytes = store.messages.getBinary(id);
  return bytes === undefined ? null : readRecord(unseal(bytes), id);
}

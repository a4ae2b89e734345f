/**
 * The injector of the ledger as a process of the client's host. Argument: InjectOptions as JSON. Prints one LedgerEntry
 * a line; when its input ends, it finishes what is under way and ends.
 */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../sim/random.js";
import { drawMessage, type Kind } from "./messages.js";
import type { LedgerEntry } from "./records.js";
import { sendMessage } from "./smtp-client.js";
import { completed } from "./transparency.js";

export interface InjectOptions {
  readonly seed: number;
  readonly kinds: readonly Kind[];
  readonly listeners: readonly string[];
  readonly port: number;
  /** Messages a second, at most. */
  readonly rate: number;
  /** Messages under way at once. */
  readonly lanes: number;
  /** How long an answer may take, in ms: longer than a stopped daemon stays stopped, so that it is heard. */
  readonly answerMs: number;
}

const options: InjectOptions = JSON.parse(process.argv[2] ?? "{}");
const seeded = new Random(options.seed);
const ending = new AbortController();
let last = 0;

process.stdin.resume().on("end", () => ending.abort());
await Promise.all(Array.from({ length: options.lanes }, lane));

async function lane(): Promise<void> {
  while (!ending.signal.aborted) {
    const began = performance.now();
    await inject((last++).toString(36));
    await sleep(Math.max(0, (options.lanes * 1_000) / options.rate - (performance.now() - began)));
  }
}

async function inject(token: string): Promise<void> {
  const random = seeded.stream(token);
  const listener = random.pick(options.listeners) ?? "";
  const message = drawMessage(random, token, options.kinds);
  const hash = createHash("sha256").update(completed(message.content)).digest("hex");
  const sent = await sendMessage({ host: listener, port: options.port, answerMs: options.answerMs }, message);
  const entry: LedgerEntry = { event: "entry", token, kind: message.kind, listener, hash, ...sent };
  process.stdout.write(`${JSON.stringify(entry)}\n`);
}

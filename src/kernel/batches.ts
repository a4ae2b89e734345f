/** Bulk changes: handed over, queued, followed and cancelled here; the kernel itself is asked in native/io/plumber.cc. */
import { constants } from "node:os";
import { type Addon, type NativeBatch, type SystemCallError, systemError } from "./addon.js";
import { appendAll, type Part } from "./append.js";
import { capabilityError, missingCapabilities } from "./capabilities.js";
import type { AddOptions, PlumbResult } from "./types.js";

/** As many as one batch takes (native/binding/arguments.h). */
export const MOST_ADDRESSES = 2 ** 20;

const OPERATIONS = { add: 1, remove: 2, extend: 3 } as const;
const COUNTERS = { add: "plumbAdded", remove: "plumbRemoved", extend: "plumbExtended" } as const;

type Operation = keyof typeof OPERATIONS;
const NEVER = Number.POSITIVE_INFINITY;
const PROGRESS_MS = 100;

/** Room for some 2,000 answers. Only failures are answered, so that more is hardly ever needed; where it is, fewer requests go
 * out at a time. */
const ANSWER_BYTES = 4 << 20;

/** One at a time: the kernel serves one anyway (rtnl), and the other workers of libuv belong to files. */
export class Batches {
  readonly counters = { plumbAdded: 0, plumbRemoved: 0, plumbExtended: 0, plumbFailed: 0 };
  /** Never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param answerBytes smaller, to see dropped answers made up for. */
  constructor(
    private readonly addon: Addon,
    private readonly protocol: number,
    private readonly answerBytes = ANSWER_BYTES,
  ) {}

  /**
   * @param total how many addresses the parts have together.
   * @param checked called once all of them are known to be addresses, before anything is done about them.
   * @param protocol the tag of what is to be removed, where it is not ours.
   * @throws TypeError, also when it is cancelled; ERR_CAPABILITY_MISSING, ERR_NETLINK. Nothing was changed.
   */
  async run(
    operation: Operation,
    total: number,
    parts: Iterable<Part>,
    options: AddOptions = {},
    checked = () => {},
    protocol = this.protocol,
  ): Promise<PlumbResult> {
    const doing = `cannot ${operation} ${total} addresses`;
    const missing = missingCapabilities();
    if (missing.includes("CAP_NET_ADMIN")) throw capabilityError(doing, missing);
    if (total > MOST_ADDRESSES) throw new TypeError(`expected at most ${MOST_ADDRESSES} addresses in a batch`);
    const batch = this.addon.openBatch(OPERATIONS[operation], protocol, total, this.answerBytes);
    const before = options.ahead === true ? Promise.resolve() : this.#last;
    const appended = appendAll(batch, parts).then(checked);
    const call = inTurn(batch, appended, before, total, options);
    // One that was cancelled in the queue ends before its predecessor does.
    this.#last = Promise.allSettled([this.#last, call]);
    const result = await call.catch((cause: SystemCallError | TypeError) => {
      throw cause instanceof TypeError ? cause : systemError("ERR_NETLINK", doing, cause);
    });
    this.#count(operation, result.statuses);
    return result;
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  #count(operation: Operation, statuses: Int32Array): void {
    let done = 0;
    for (const status of statuses) if (status === 0) done++;
    this.counters[COUNTERS[operation]] += done;
    this.counters.plumbFailed += statuses.length - done;
  }
}

async function inTurn(
  batch: NativeBatch,
  appended: Promise<void>,
  turn: Promise<unknown>,
  total: number,
  options: AddOptions,
): Promise<PlumbResult> {
  const { onProgress, signal } = options;
  let leave = () => {};
  const left = new Promise<void>((resolve) => (leave = resolve));
  const cancel = () => {
    batch.cancel();
    leave();
  };
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    await appended;
    if (signal?.aborted !== true) await Promise.race([turn, left]);
    const result = signal?.aborted === true ? nothingDone(total) : await runFollowed(batch, total, options);
    onProgress?.(batch.done(), total);
    return result;
  } finally {
    signal?.removeEventListener("abort", cancel);
  }
}

async function runFollowed(
  batch: NativeBatch,
  total: number,
  { onProgress, notAfter = NEVER, validUntil = NEVER }: AddOptions,
): Promise<PlumbResult> {
  // The worker thread touches no JavaScript: its count is read from here.
  const timer = onProgress === undefined ? undefined : setInterval(() => onProgress(batch.done(), total), PROGRESS_MS);
  // Node waits for its worker threads before it exits, and aliases may take minutes.
  const onExit = () => batch.cancel();
  process.once("exit", onExit);
  try {
    const { statuses, texts } = await batch.run(monotonic(notAfter), monotonic(validUntil));
    return { statuses, texts: new Map(texts) };
  } finally {
    clearInterval(timer);
    process.off("exit", onExit);
  }
}

/** CLOCK_MONOTONIC of a time that `performance.now()` tells: both are the same clock, with another origin. */
function monotonic(ms: number): number {
  return ms === NEVER ? NEVER : ms + Number(process.hrtime.bigint()) / 1e6 - performance.now();
}

function nothingDone(total: number): PlumbResult {
  const status = -constants.errno.ECANCELED;
  return {
    statuses: new Int32Array(total).fill(status),
    texts: new Map([[status, "Operation canceled: cancelled before its turn"]]),
  };
}

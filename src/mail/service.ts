/**
 * The mail service of a node: the engine in a thread of its own, so that no flood of mail delays a heartbeat.
 *
 * A thread that dies takes its sockets along. Calls that wait for it are rejected with ERR_MAIL_THREAD, an event says
 * so (`mail-thread-died`), and another thread is started; it serves no DuraVIP address until it is told to again.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { explain, HoldfastError } from "../errors.js";
import { errorFromWire, type FromThread, type MailMethod } from "./thread-protocol.js";
import type {
  BindingHome,
  BusyAddresses,
  CrowdedAddress,
  MailEventSink,
  MailService,
  MailSetup,
  QueueRow,
  ServeResult,
} from "./types.js";

const RESTART_MIN_MS = 100;
const RESTART_MAX_MS = 10_000;

/** Starts a thread that runs `runMailThread` (thread.ts). */
export type StartThread = (setup: MailSetup) => Worker;

export function createMailService(setup: MailSetup, sink: MailEventSink, startThread: StartThread): MailService {
  return new ThreadedMail(setup, sink, startThread);
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class ThreadedMail implements MailService {
  readonly #homes = new Map<string, BindingHome>();
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #thread: Worker | null = null;
  #stopping = false;
  #started = false;

  constructor(
    private readonly setup: MailSetup,
    private readonly sink: MailEventSink,
    private readonly startThread: StartThread,
  ) {}

  async start(): Promise<void> {
    this.#spawn();
    try {
      await this.#call("start");
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#started = true;
  }

  listen(addresses: readonly string[]): Promise<readonly ServeResult[]> {
    return this.#call("listen", addresses);
  }

  serve(addresses: readonly string[]): Promise<readonly ServeResult[]> {
    return this.#call("serve", addresses);
  }

  async withdraw(addresses: readonly string[], drainMs: number): Promise<void> {
    // Nothing uses an address when there is no thread.
    if (this.#thread !== null) await this.#call("withdraw", addresses, drainMs);
  }

  setHomes(homes: readonly BindingHome[]): void {
    for (const home of homes) this.#homes.set(home.binding, home);
    if (this.#thread !== null) this.#call("setHomes", homes).catch(() => undefined);
  }

  queues(): Promise<readonly QueueRow[]> {
    return this.#call("queues");
  }

  activity(): Promise<readonly BusyAddresses[]> {
    return this.#call("activity");
  }

  crowded(): Promise<readonly CrowdedAddress[]> {
    return this.#call("crowded");
  }

  counters(): Promise<Readonly<Record<string, number>>> {
    return this.#call("counters");
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const thread = this.#thread;
    if (thread === null) return;
    const ended = new Promise((resolve) => thread.once("exit", resolve));
    await this.#call("stop").catch(() => thread.terminate());
    await ended;
  }

  #call<M extends MailMethod>(
    method: M,
    ...args: Parameters<MailService[M]>
  ): Promise<Awaited<ReturnType<MailService[M]>>> {
    const thread = this.#thread;
    if (thread === null) return Promise.reject(threadGone(method));
    const call = this.#calls++;
    const answered = new Promise<unknown>((resolve, reject) => this.#waiting.set(call, { resolve, reject }));
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    thread.postMessage({ call, method, args });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the thread answers with what the method gave
    return answered as Promise<Awaited<ReturnType<MailService[M]>>>;
  }

  #spawn(): void {
    const thread = this.startThread(this.setup);
    this.#thread = thread;
    let reason = "it ended by itself";
    thread.on("message", (message: FromThread) => this.#hear(message));
    thread.on("error", (error) => {
      reason = explain(error);
    });
    thread.once("exit", (status) => {
      this.#thread = null;
      for (const { reject } of this.#waiting.values()) reject(threadGone("the call"));
      this.#waiting.clear();
      if (this.#stopping) return;
      this.sink({ code: "mail-thread-died", level: "error", facts: { reason, status } });
      if (this.#started) void this.#restart();
    });
  }

  #hear(message: FromThread): void {
    if (message.kind === "event") return this.sink(message.event);
    const waiting = this.#waiting.get(message.call);
    this.#waiting.delete(message.call);
    if (message.kind === "result") waiting?.resolve(message.value);
    else waiting?.reject(errorFromWire(message.error));
  }

  async #restart(): Promise<void> {
    // Deaths during a restart are this loop's own business.
    this.#started = false;
    for (let waitMs = RESTART_MIN_MS; !this.#stopping; waitMs = Math.min(waitMs * 2, RESTART_MAX_MS)) {
      await delay(waitMs);
      if (this.#stopping) return;
      this.#spawn();
      try {
        await this.#call("start");
        this.#started = true;
        this.setHomes([...this.#homes.values()]);
        this.sink({ code: "mail-thread-started", level: "warn", facts: {} });
        return;
      } catch (error) {
        this.sink({ code: "mail-thread-failed", level: "error", facts: { reason: explain(error), retryMs: waitMs } });
        await this.#thread?.terminate();
      }
    }
  }
}

function threadGone(what: string): HoldfastError {
  return new HoldfastError("ERR_MAIL_THREAD", `the mail thread ended before it could answer ${what}`, { what });
}

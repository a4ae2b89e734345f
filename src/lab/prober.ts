/**
 * Asks each address, over and over, whether it serves: a TCP connection to port 25 and a `220 <node>` on it. Reports
 * changes only: an address that goes bad, comes good, or is answered by another node.
 *
 * A greeted connection is held until the next one is greeted, `idleMs` later. When it is cut before, the address is asked
 * at once: so an address that is given up in good order is missed from that very moment, at no cost. A dead host cuts
 * nothing; addresses that a fault is about to hit are watched: asked every `fastMs`, as are those that are bad,
 * without waiting for earlier attempts, since packets to a dead host just vanish.
 */
import { type Socket, connect } from "node:net";
import { monotonicMs } from "./clock.js";

export interface ProberOptions {
  readonly addresses: readonly string[];
  readonly port: number;
  readonly idleMs: number;
  readonly fastMs: number;
  /** An attempt without a connection by then has failed. */
  readonly connectMs: number;
  /** A connection without its greeting by then has failed. */
  readonly greetMs: number;
}

/** All times are CLOCK_MONOTONIC in ms. */
export type ProbeEvent =
  | {
      readonly event: "good";
      readonly address: string;
      readonly node: string;
      /** When the attempt that got the `220` began: from then on the address accepted. */
      readonly since: number;
      /** When the `220` was there. */
      readonly at: number;
    }
  | {
      readonly event: "bad";
      readonly address: string;
      readonly reason: string;
      /** When the failed attempt began, or, where it had a connection, when that was cut. */
      readonly since: number;
      readonly at: number;
    };

/** Node that answered each address, or null for none, each asked after the call. */
export type ProbeRound = Readonly<Record<string, string | null>>;

/** How long a connection without its greeting holds up the next attempt at a bad address. */
const PATIENCE_MS = 150;
/** Connections without their greeting at one address. */
const MAX_CONNECTED = 4;

interface Attempt {
  readonly startedAt: number;
  readonly socket: Socket;
  connectedAt: number | null;
}

interface Target {
  readonly address: string;
  /** Not decided yet. */
  readonly attempts: Set<Attempt>;
  /** Connection of the last attempt that was greeted. */
  held: Socket | null;
  /** When `held` was cut, while nothing has told since whether the address is still served. */
  cutAt: number | null;
  state: "unknown" | "good" | "bad";
  /** Who answers; null unless good. */
  node: string | null;
  /** Start of the youngest attempt that decided `node`: older ones have nothing to add. */
  decidedBy: number;
  nextAt: number;
  watchedUntil: number;
}

interface Round {
  readonly from: number;
  readonly resolve: (answers: ProbeRound) => void;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #report: (event: ProbeEvent) => void;
  readonly #targets: ReadonlyMap<string, Target>;
  readonly #rounds = new Set<Round>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: ProberOptions, report: (event: ProbeEvent) => void) {
    this.#options = options;
    this.#report = report;
    const now = monotonicMs();
    const stagger = options.idleMs / Math.max(options.addresses.length, 1);
    this.#targets = new Map(
      options.addresses.map((address, index) => [
        address,
        {
          address,
          attempts: new Set<Attempt>(),
          held: null,
          cutAt: null,
          state: "unknown" as const,
          node: null,
          decidedBy: 0,
          nextAt: now + index * stagger,
          watchedUntil: 0,
        },
      ]),
    );
    // Attempts are judged in the check phase, when whatever the kernel has for them was read: a late timer alone
    // must not fail an attempt that was answered in time.
    this.#timer = setInterval(() => setImmediate(() => this.#tick(monotonicMs())), options.fastMs);
  }

  /** Asks these addresses fast for `forMs`, or until they have gone bad and come good. */
  watch(addresses: readonly string[], forMs: number): void {
    const now = monotonicMs();
    for (const address of addresses) {
      const target = this.#targets.get(address);
      if (target === undefined) continue;
      target.watchedUntil = now + forMs;
      target.nextAt = now;
    }
  }

  /** Asks every address once more, now. */
  round(): Promise<ProbeRound> {
    const from = monotonicMs();
    for (const target of this.#targets.values()) target.nextAt = from;
    return new Promise((resolve) => this.#rounds.add({ from, resolve }));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const target of this.#targets.values()) {
      for (const attempt of target.attempts) attempt.socket.destroy();
      target.held?.destroy();
    }
  }

  #tick(now: number): void {
    for (const target of this.#targets.values()) {
      for (const attempt of target.attempts) {
        const { connectedAt, startedAt } = attempt;
        if (connectedAt === null && now - startedAt > this.#options.connectMs) this.#fail(target, attempt, "no answer");
        else if (connectedAt !== null && now - connectedAt > this.#options.greetMs) {
          this.#fail(target, attempt, "no greeting");
        }
      }
      if (now >= target.nextAt && !isHeldUp(target, now)) this.#ask(target, now);
    }
    for (const round of this.#rounds) this.#finish(round);
  }

  #finish(round: Round): void {
    const targets = [...this.#targets.values()];
    if (targets.some((target) => target.decidedBy < round.from)) return;
    this.#rounds.delete(round);
    round.resolve(Object.fromEntries(targets.map(({ address, node }) => [address, node])));
  }

  #ask(target: Target, now: number): void {
    target.nextAt = now + (isHurried(target, now) ? this.#options.fastMs : this.#options.idleMs);
    const socket = connect({ host: target.address, port: this.#options.port });
    const attempt: Attempt = { startedAt: now, socket, connectedAt: null };
    target.attempts.add(attempt);
    let greeting = "";
    socket.setEncoding("latin1");
    socket.on("connect", () => (attempt.connectedAt = monotonicMs()));
    socket.on("data", (text: string) => {
      if (target.held === socket) return this.#cut(target); // 421
      greeting += text;
      if (!greeting.includes("\n") && greeting.length < 512) return;
      const node = /^220[ -](\S+)/.exec(greeting)?.[1];
      if (node === undefined) this.#fail(target, attempt, greeting.slice(0, 80).trim());
      else this.#succeed(target, attempt, node);
    });
    const ended = (reason: string) =>
      target.held === socket ? this.#cut(target) : this.#fail(target, attempt, reason);
    socket.on("error", (error: NodeJS.ErrnoException) => ended(error.code ?? error.message));
    socket.on("close", () => ended("closed"));
  }

  #succeed(target: Target, attempt: Attempt, node: string): void {
    if (!target.attempts.delete(attempt)) return;
    const { startedAt, socket } = attempt;
    if (startedAt < target.decidedBy) return void socket.destroy();
    const previous = target.held;
    target.held = socket;
    previous?.destroy();
    target.decidedBy = startedAt;
    const { address, cutAt, state } = target;
    target.cutAt = null;
    if (target.node === node) return;
    if (cutAt !== null) this.#report({ event: "bad", address, reason: "cut", since: cutAt, at: cutAt });
    if (state === "bad") target.watchedUntil = 0;
    target.state = "good";
    target.node = node;
    this.#report({ event: "good", address, node, since: startedAt, at: monotonicMs() });
  }

  #fail(target: Target, attempt: Attempt, reason: string): void {
    if (!target.attempts.delete(attempt)) return;
    const { startedAt, socket, connectedAt } = attempt;
    socket.destroy();
    if (startedAt < target.decidedBy) return;
    const at = monotonicMs();
    target.decidedBy = startedAt;
    target.nextAt = Math.min(target.nextAt, at + this.#options.fastMs);
    const since = target.cutAt ?? (connectedAt === null ? startedAt : at);
    target.cutAt = null;
    if (target.state === "bad") return;
    target.state = "bad";
    target.node = null;
    this.#report({ event: "bad", address: target.address, reason, since, at });
  }

  /** The next tick asks: an address that greets and cuts, over and over, is not asked more often than that. */
  #cut(target: Target): void {
    target.held?.destroy();
    target.held = null;
    target.cutAt = monotonicMs();
    target.nextAt = target.cutAt;
  }
}

function isHurried(target: Target, now: number): boolean {
  return target.state === "bad" || target.cutAt !== null || now < target.watchedUntil;
}

/** A hurried target waits for nothing but a young connection, or for too many of them. */
function isHeldUp(target: Target, now: number): boolean {
  if (!isHurried(target, now)) return target.attempts.size > 0;
  const connected = [...target.attempts].filter((attempt) => attempt.connectedAt !== null);
  return connected.length >= MAX_CONNECTED || connected.some((attempt) => now - attempt.startedAt < PATIENCE_MS);
}

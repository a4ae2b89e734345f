/**
 * How long the kernel keeps what this node has plumbed while the node says nothing, as when it is stopped or was
 * killed: aliases under a lease until the lease is over, others outside of a lifeline for some minutes. Renews only
 * what the core holds.
 *
 * Source: docs/KERNELS.md, "Lifetimes"; docs/adr/0021-aliases-with-a-lifetime.md.
 */
import type { NodeCore } from "../core/node.js";
import { explain } from "../errors.js";
import type { NodeEventSink } from "./node.js";
import type { PlumbFailure, Plumber, Term } from "./plumber.js";
import { Turn } from "./turn.js";

const FOR_EVER = Number.POSITIVE_INFINITY;
/** Of aliases without a lease: far longer than anything that a node which runs is late. */
const PLAIN_MS = 120_000;
/** After a third of the time it is extended, so that two attempts may be lost. */
const RENEWALS = 3;
/** So many times what a renewal takes, a lifetime lasts at least: a busy kernel takes nothing from a healthy node. */
const SLACK = 10;
/** A renewal looks for each alias among all of its interface (find_matching_ifa() in devinet.c): half a second for so
 * many. */
const MANY = 10_000;
const RENEWAL_OF_MANY_MS = 500;
/** A batch that asks for duplicates waits for answers, 20 s at most, and renewals wait for it. */
const DAD_MS = 30_000;

type Extensible = Pick<Plumber, "plumb" | "extend">;

export interface LifetimeSetup {
  readonly plumber: Extensible;
  readonly core: Pick<NodeCore, "hands" | "until">;
  /** How many addresses this node may come to have. */
  readonly count: number;
  /** Some of them are asked for on the link first. */
  readonly dad: boolean;
  readonly sink: NodeEventSink;
}

interface Request {
  readonly addresses: readonly string[];
  readonly until: number;
}

export class Lifetimes {
  readonly #leastMs: number;
  readonly #plainMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** The slowest renewal of late. */
  #tookMs = 0;
  #failing = false;
  /** What waits while one of its kind is under way: the last that was asked for. */
  readonly #waiting = new Map<"leased" | "plain", Request | null>();

  constructor(private readonly setup: LifetimeSetup) {
    const share = (setup.count / MANY) ** 2;
    this.#leastMs = Math.max(SLACK * RENEWAL_OF_MANY_MS * share, setup.dad ? DAD_MS : 0);
    this.#plainMs = PLAIN_MS * Math.max(1, share);
  }

  start(): void {
    this.#timer = setInterval(() => void this.#renewPlain(), this.#plainMs / RENEWALS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** As `Plumber.plumb`, each address for as long as this node may have it. */
  async plumb(addresses: readonly string[]): Promise<PlumbFailure[]> {
    const byEnd = new Map<number, string[]>();
    for (const address of addresses) {
      const until = this.setup.core.until(address);
      const some = byEnd.get(until);
      if (some === undefined) byEnd.set(until, [address]);
      else some.push(address);
    }
    const plumbed = [...byEnd].map(([until, some]) => this.setup.plumber.plumb(some, this.#term(until)));
    return (await Promise.all(plumbed)).flat();
  }

  /** One at a time of those with a lease, and of the others: of what is asked for meanwhile, the last. */
  extend(addresses: readonly string[], until: number): void {
    const kind = until === FOR_EVER ? "plain" : "leased";
    const isUnderWay = this.#waiting.has(kind);
    this.#waiting.set(kind, { addresses, until });
    if (!isUnderWay) void this.#work(kind);
  }

  async #work(kind: "leased" | "plain"): Promise<void> {
    for (let next = this.#waiting.get(kind); next; next = this.#waiting.get(kind)) {
      this.#waiting.set(kind, null);
      await this.#renew(next);
    }
    this.#waiting.delete(kind);
  }

  async #renew({ addresses, until }: Request): Promise<void> {
    const began = performance.now();
    try {
      const [failure] = await this.setup.plumber.extend(addresses, this.#term(until));
      this.#tell(failure?.reason ?? null);
    } catch (error) {
      this.#tell(explain(error));
    }
    this.#tookMs = Math.max(performance.now() - began, 0.9 * this.#tookMs);
  }

  /** Once, however often it fails. */
  #tell(reason: string | null): void {
    if (reason !== null && !this.#failing)
      this.setup.sink({ level: "error", code: "lifetime-not-extended", facts: { reason } });
    this.#failing = reason !== null;
  }

  #term(until: number): Term {
    const now = performance.now();
    const leastMs = Math.max(this.#leastMs, SLACK * this.#tookMs);
    if (until === FOR_EVER)
      return { leased: false, notAfter: until, validUntil: now + Math.max(this.#plainMs, leastMs) };
    return { leased: true, notAfter: until, validUntil: Math.max(until, now + leastMs) };
  }

  async #renewPlain(): Promise<void> {
    const { core } = this.setup;
    const turn = new Turn();
    const plain: string[] = [];
    // A copy: it changes while the event loop turns.
    const held = Array.from(core.hands.held());
    for (const [address, state] of held) {
      if (turn.isOver) await turn.next();
      const isHere = state === "present" || state === "acquiring";
      if (isHere && core.until(address) === FOR_EVER) plain.push(address);
    }
    // What was let go of in between is not there any more, and stays so.
    if (plain.length > 0) this.extend(plain, FOR_EVER);
  }
}

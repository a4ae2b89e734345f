/**
 * The rare places of the protocol, and how often runs came to each: a simulator that never gets there proves nothing
 * about them. Found from outside, by what goes into a core, what comes out, and its table before and after.
 */
import type { NodeInput, NodeOutput } from "../core/io.js";
import { decodeMessage, type WireMessage } from "../core/wire/messages.js";
import { Counts } from "./counts.js";
import type { Daemon } from "./daemon.js";

export const BRANCHES = [
  "view: survivors go on without a message",
  "view: an address changes its unit, and all announce",
  "view: comes while announcements are missing",
  "view: an owner departs that was letting go",
  "view: a target departs that was plumbing",
  "view: a holder departs that was waited for",
  "view: this node alone",
  "settle: two members hold a unit",
  "settle: three members or more hold a unit",
  "settle: an owner was letting go",
  "settle: a pin is kept",
  "settle: balance set sizes differ",
  "settle: a drain is said again",
  "settle: a move command is given up",
  "message: comes before the table is settled",
  "message: REFUSED",
  "message: READY",
  "message: TRY",
  "message: TRY leads to a trial",
  "message: MOVE without effect",
  "message: BALANCE without effect",
  "kernel: an address is lost",
  "kernel: a plumb fails",
  "kernel: an address by another hand",
  "kernel: a job ends while announcements are missing",
  "kernel: a job ends after the table wanted otherwise",
  "home: nobody can have it",
  "mark: CONFLICT",
  "mark: UNSAFE",
  "mark: BROKEN",
  "mark: cleared",
  "leave: all is given away",
  "leave: nobody takes the rest",
] as const;
export type Branch = (typeof BRANCHES)[number];

const OF_EVENTS: Readonly<Record<string, Branch>> = {
  "vip-contested": "settle: two members hold a unit",
  "balance-set-size-differs": "settle: balance set sizes differ",
  "vip-lost": "kernel: an address is lost",
  "vip-foreign": "kernel: an address by another hand",
  "vip-unowned": "home: nobody can have it",
  "vip-conflict": "mark: CONFLICT",
  "vip-unsafe": "mark: UNSAFE",
  "vip-broken": "mark: BROKEN",
  "vip-agreed": "mark: cleared",
};

/** What one step is held against: the node as it was. */
interface Before {
  readonly settled: boolean;
  readonly inView: boolean;
}

export class Branches {
  readonly counts = new Counts(BRANCHES);
  #before: Before = { settled: false, inView: false };

  /** A daemon is about to take a step. */
  steps({ core }: Daemon, input: NodeInput): void {
    const { settled, view, rows } = core.ownership;
    this.#before = { settled, inView: view !== null };
    if (input.kind !== "view" || !settled) return;
    const gone = new Set(view?.members.filter((member) => !input.view.members.includes(member)));
    if (gone.size === 0) return;
    for (const { owner, phase, target, holders } of rows.values()) {
      if (phase === "releasing" && gone.has(owner ?? "")) this.#came("view: an owner departs that was letting go");
      if (phase === "acquiring" && gone.has(target ?? "")) this.#came("view: a target departs that was plumbing");
      for (const holder of holders) if (gone.has(holder)) this.#came("view: a holder departs that was waited for");
    }
  }

  /** It has taken it. */
  stepped(daemon: Daemon, input: NodeInput, outputs: readonly NodeOutput[]): void {
    if (input.kind === "view") this.#viewed(daemon, input.view.members.length);
    if (input.kind === "message") this.#heard(daemon, input.payload);
    if (input.kind === "done") this.#ended(input.failed.length, outputs);
    if (daemon.core.change?.settled === true) this.#settled(daemon, outputs);
    for (const output of outputs) {
      if (output.kind === "left") this.#came("leave: all is given away");
      const branch = output.kind === "event" ? OF_EVENTS[output.code] : undefined;
      if (branch !== undefined) this.#came(branch);
    }
  }

  gaveUp(): void {
    this.#came("leave: nobody takes the rest");
  }

  #viewed({ core }: Daemon, members: number): void {
    const { view, settled } = core.ownership;
    if (members === 1) this.#came("view: this node alone");
    if (this.#before.inView && !this.#before.settled) this.#came("view: comes while announcements are missing");
    if (settled) this.#came("view: survivors go on without a message");
    else if (this.#before.settled && view?.stayed.length === members)
      this.#came("view: an address changes its unit, and all announce");
  }

  #heard({ core }: Daemon, payload: Uint8Array): void {
    const kind = kindOf(payload);
    if (kind === undefined || kind === "announce") return;
    if (!this.#before.settled) return this.#came("message: comes before the table is settled");
    const changed = (core.change?.touched.size ?? 0) > 0;
    switch (kind) {
      case "refused":
        return this.#came("message: REFUSED");
      case "ready":
        return this.#came("message: READY");
      case "try":
        this.#came("message: TRY");
        return this.#came(changed ? "message: TRY leads to a trial" : null);
      case "move":
        return this.#came(changed ? null : "message: MOVE without effect");
      case "balance":
        return this.#came(changed ? null : "message: BALANCE without effect");
      default:
    }
  }

  #ended(failures: number, outputs: readonly NodeOutput[]): void {
    if (failures > 0) this.#came("kernel: a plumb fails");
    if (!this.#before.settled) this.#came("kernel: a job ends while announcements are missing");
    if (outputs.some(({ kind }) => kind === "acquire" || kind === "release"))
      this.#came("kernel: a job ends after the table wanted otherwise");
  }

  #settled({ core }: Daemon, outputs: readonly NodeOutput[]): void {
    for (const { phase, pin, holders } of core.ownership.rows.values()) {
      if (holders.size > 1) this.#came("settle: three members or more hold a unit");
      if (phase === "releasing") this.#came("settle: an owner was letting go");
      if (pin !== null) this.#came("settle: a pin is kept");
    }
    for (const output of outputs) {
      if (output.kind === "reply") this.#came("settle: a move command is given up");
      if (output.kind === "multicast" && kindOf(output.payload) === "drain")
        this.#came("settle: a drain is said again");
    }
  }

  #came(branch: Branch | null): void {
    if (branch !== null) this.counts.add(branch);
  }
}

/** The first byte says it: what stands for what is found out by decoding the first of each. */
const kinds = new Map<number, WireMessage["kind"]>();

/** undefined for what is malformed, or of another version. */
export function kindOf(payload: Uint8Array): WireMessage["kind"] | undefined {
  const first = payload[0] ?? -1;
  const known = kinds.get(first);
  if (known !== undefined) return known;
  const message = decodeMessage(payload);
  if (message === null || message === "unknown") return undefined;
  kinds.set(first, message.kind);
  return message.kind;
}

/** The spool against a plain model of it, over random histories with restarts in between. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkSpool } from "../../../src/mail/spool/check.js";
import type { NewMessage, RecipientState, Spool } from "../../../src/mail/spool/types.js";
import { bodyOf, messageTo, NOON, spoolIn, temporaryDirectory, textOf } from "./fixtures.js";

const ADDRESSES = ["a@x.example", "b@y.example", "c@X.example"];
const BINDINGS = ["out-1", "out-2", "Out-1"];
const NODES = ["mail2", "mail3"];
const IDS = Array.from({ length: 5 }, (_, n) => `0000000000${"0".repeat(8)}${n}abc`);

interface Held {
  readonly message: NewMessage;
  readonly text: string;
  binding: string;
  recipients: RecipientState[];
  moving: { node: string; epoch: number } | null;
  delivering: Set<number>;
}

/** What types.ts promises, in the fewest words. */
class Model {
  readonly held = new Map<string, Held>();
  readonly gone = new Map<string, { fate: "moved" | "done"; hops: number; atMs: number }>();

  accept(message: NewMessage, text: string): "stored" | "known" {
    const held = this.held.get(message.id);
    const gone = this.gone.get(message.id);
    const { hops } = message.context;
    if (held && (held.moving === null || hops <= held.message.context.hops)) return "known";
    if (gone && (gone.fate === "done" || hops <= gone.hops)) return "known";
    const recipients = [...(message.recipients ?? [])];
    this.held.set(message.id, {
      message,
      text,
      binding: message.binding,
      recipients,
      moving: null,
      delivering: new Set(),
    });
    this.gone.delete(message.id);
    return "stored";
  }

  end(id: string, fate: "moved" | "done", atMs: number): void {
    this.gone.set(id, { fate, atMs, hops: this.held.get(id)?.message.context.hops ?? 0 });
    this.held.delete(id);
  }

  /** [recipient, when it is due, or null while something is under way with it]. */
  queued(held: Held): { domain: string; atMs: number | null }[] {
    return held.recipients.flatMap((state, index) => {
      if (state.state !== "queued") return [];
      const domain = ADDRESSES[index]?.split("@")[1]?.toLowerCase() ?? "";
      const underWay = held.moving !== null || held.delivering.has(index);
      return [{ domain, atMs: underWay ? null : state.nextAttemptMs }];
    });
  }

  due(binding: string, atMs: number) {
    return [...this.held]
      .filter(([, held]) => held.binding === binding)
      .map(([id, held]) => {
        const waiting = this.queued(held).filter((row) => row.atMs !== null && row.atMs <= atMs);
        const nextAttemptMs = Math.min(...waiting.map((row) => row.atMs ?? 0));
        return { id, binding, nextAttemptMs, domains: [...new Set(waiting.map((row) => row.domain))].sort() };
      })
      .filter((due) => due.domains.length > 0)
      .sort((a, b) => a.nextAttemptMs - b.nextAttemptMs || (a.id < b.id ? -1 : 1));
  }

  dueIn(binding: string, domain: string, atMs: number): string[] {
    return [...this.held]
      .filter(([, held]) => held.binding === binding)
      .flatMap(([id, held]) => {
        const times = this.queued(held).flatMap((row) => (row.domain === domain ? (row.atMs ?? []) : []));
        return times.length > 0 && Math.min(...times) <= atMs ? [{ id, atMs: Math.min(...times) }] : [];
      })
      .sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id);
  }

  counts(atMs: number) {
    const counts = new Map<string, { binding: string; domain: string; active: number; delayed: number }>();
    for (const held of this.held.values()) {
      for (const { domain, atMs: due } of this.queued(held)) {
        const key = `${held.binding} ${domain}`;
        const row = counts.get(key) ?? { binding: held.binding, domain, active: 0, delayed: 0 };
        row[due === null || due <= atMs ? "active" : "delayed"]++;
        counts.set(key, row);
      }
    }
    return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }
}

class Run {
  readonly model = new Model();
  spool: Spool;
  clock = NOON;
  #incarnation = 1;

  constructor(readonly directory: string) {
    this.spool = this.#open();
  }

  #open(): Spool {
    return spoolIn(this.directory, { incarnation: this.#incarnation++, inlineMax: 20, now: () => this.clock });
  }

  async restart(): Promise<void> {
    await this.spool.close();
    this.spool = this.#open();
    const held = [...this.model.held].sort(([a], [b]) => (a < b ? -1 : 1));
    const ids = (list: readonly { readonly id: string }[]) => list.map((message) => message.id);
    const doubt = this.spool.inDoubt();
    expect(ids(doubt.moving)).toEqual(held.filter(([, one]) => one.moving !== null).map(([id]) => id));
    expect(ids(doubt.delivering)).toEqual(held.filter(([, one]) => one.delivering.size > 0).map(([id]) => id));
  }

  async compare(): Promise<void> {
    const { model, spool, clock } = this;
    const byKey = (a: { binding: string; domain: string }, b: { binding: string; domain: string }) =>
      `${a.binding} ${a.domain}` < `${b.binding} ${b.domain}` ? -1 : 1;
    expect([...spool.counts(clock)].sort(byKey)).toEqual(model.counts(clock));
    expect([...spool.bindings()].sort()).toEqual(
      [...new Set([...model.held.values()].map((one) => one.binding))].sort(),
    );
    for (const binding of BINDINGS) {
      for (const at of [clock, Infinity]) {
        const due = spool.due(binding, at, 3).map((one) => ({ ...one, domains: [...one.domains].sort() }));
        expect(due).toEqual(model.due(binding, at).slice(0, 3));
      }
      this.#compareDomains(binding);
    }
    for (const id of IDS) await this.#compareMessage(id);
  }

  /** By domain too; and a domain that has due mail is given, whatever was taken and left before. */
  #compareDomains(binding: string): void {
    const { model, spool, clock } = this;
    const taken = new Set(spool.takeDomains(binding, clock, 10));
    for (const domain of ["x.example", "y.example"]) {
      const due = model.dueIn(binding, domain, clock);
      expect(spool.dueIn(binding, domain, clock, 3)).toEqual(due.slice(0, 3));
      if (due.length > 0) expect(taken).toContain(domain);
    }
    // Whoever takes a domain and leaves something undone says that it is due still: here by an earlier time.
    for (const domain of taken) spool.leaveDomain(binding, domain, 0);
    const next = model.due(binding, Infinity)[0]?.nextAttemptMs;
    if (next !== undefined) expect(spool.nextDomain(binding)).toBeLessThanOrEqual(next);
  }

  async #compareMessage(id: string): Promise<void> {
    const held = this.model.held.get(id);
    expect(this.spool.fate(id)).toBe(held ? "queued" : (this.model.gone.get(id)?.fate ?? "unknown"));
    if (held === undefined) return expect(this.spool.get(id)).toBeNull();
    const { binding, recipients, moving } = held;
    expect(this.spool.get(id)).toMatchObject({ ...held.message, binding, recipients, moving });
    expect(new Set(this.spool.get(id)?.delivering)).toEqual(held.delivering);
    expect(await textOf(await this.spool.openBody(id))).toBe(held.text);
  }
}

type Step = (run: Run) => Promise<void>;

const id = fc.constantFrom(...IDS);
const ids = fc.uniqueArray(id, { maxLength: IDS.length });
const node = fc.constantFrom(...NODES);
const someRecipients = fc.uniqueArray(fc.constantFrom(0, 1, 2), { minLength: 1 });
/** Whole seconds, as the counts are to the second. */
const soon = fc.integer({ min: -5, max: 30 }).map((seconds) => NOON + seconds * 1000);
const queued = soon.map((at): RecipientState => ({ state: "queued", attempts: 1, nextAttemptMs: at, lastError: null }));
const outcome = fc.oneof(queued, fc.constant<RecipientState>({ state: "done", outcome: "delivered", detail: "250" }));

const accept = fc
  .record({
    id,
    binding: fc.constantFrom(...BINDINGS),
    hops: fc.nat(3),
    states: fc.tuple(queued, outcome, outcome),
    size: fc.nat(40),
  })
  .map(
    ({ id, binding, hops, states, size }): Step =>
      async ({ model, spool }) => {
        const { context, ...rest } = messageTo(spool, ADDRESSES, { id, binding, recipients: states });
        const message = { ...rest, context: { ...context, hops } };
        const text = "x".repeat(size);
        expect(await spool.accept(message, bodyOf(text, 7))).toBe(model.accept(message, text));
      },
  );

const beginDelivery = fc.tuple(id, someRecipients).map(
  ([id, which]): Step =>
    async ({ model, spool }) => {
      const held = model.held.get(id);
      const free =
        held?.moving === null && which.every((n) => held.recipients[n]?.state === "queued" && !held.delivering.has(n));
      expect(await spool.beginDelivery(id, which)).toBe(free);
      if (free) for (const n of which) held.delivering.add(n);
    },
);

const settle = fc.tuple(id, someRecipients, outcome).map(
  ([id, which, to]): Step =>
    async ({ model, spool, clock }) => {
      await spool.settle(id, new Map(which.map((n) => [n, to])));
      const held = model.held.get(id);
      if (held?.moving !== null) return;
      for (const n of which) {
        if (held.recipients[n]?.state === "queued") held.recipients[n] = to;
        held.delivering.delete(n);
      }
      if (held.recipients.every((state) => state.state === "done")) model.end(id, "done", clock);
    },
);

const beginMove = fc.tuple(ids, node, fc.nat(9)).map(
  ([ids, node, epoch]): Step =>
    async ({ model, spool }) => {
      const free = ids.filter((id) => {
        const held = model.held.get(id);
        return held?.delivering.size === 0 && (held.moving === null || held.moving.node === node);
      });
      expect(await spool.beginMove(ids, node, epoch)).toEqual(free);
      for (const held of free.map((id) => model.held.get(id))) if (held) held.moving = { node, epoch };
    },
);

const finishMove = fc.tuple(ids, node).map(
  ([ids, node]): Step =>
    async ({ model, spool, clock }) => {
      await spool.finishMove(ids, node);
      for (const id of ids) if (model.held.get(id)?.moving?.node === node) model.end(id, "moved", clock);
    },
);

const cancelMove = ids.map(
  (ids): Step =>
    async ({ model, spool }) => {
      await spool.cancelMove(ids);
      for (const held of ids.map((id) => model.held.get(id))) if (held) held.moving = null;
    },
);

const rebind = fc.tuple(id, fc.constantFrom(...BINDINGS)).map(
  ([id, binding]): Step =>
    async ({ model, spool }) => {
      await spool.rebind(id, binding);
      const held = model.held.get(id);
      if (held) held.binding = binding;
    },
);

const sweep = fc.constant<Step>(async ({ model, spool, clock }) => {
  const old = [...model.gone].filter(([, tombstone]) => tombstone.atMs < clock - 5000).map(([id]) => id);
  expect(await spool.sweep(clock - 5000)).toBe(old.length);
  for (const id of old) model.gone.delete(id);
});

const passTime = fc.nat(10).map(
  (seconds): Step =>
    async (run) => {
      run.clock += seconds * 1000;
    },
);

const restart = fc.constant<Step>((run) => run.restart());

describe("the spool", () => {
  it("does as its model does, whatever happens to it, restarts included", async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: accept },
      { weight: 3, arbitrary: beginDelivery },
      { weight: 3, arbitrary: settle },
      { weight: 3, arbitrary: beginMove },
      { weight: 2, arbitrary: finishMove },
      { weight: 2, arbitrary: cancelMove },
      rebind,
      sweep,
      passTime,
      restart,
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const run = new Run(temporaryDirectory());
        for (const take of steps) {
          await take(run);
          await run.compare();
        }
        await run.restart();
        await run.compare();
        await run.spool.close();
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  it("keeps records, indexes and counts in step when changes of one message come at once", async () => {
    const directory = temporaryDirectory();
    let spool = spoolIn(directory);
    const messages = IDS.map((id) => messageTo(spool, ADDRESSES, { id }));
    const done: RecipientState = { state: "done", outcome: "delivered", detail: "250" };
    const retry: RecipientState = { state: "queued", attempts: 1, nextAttemptMs: NOON + 5000, lastError: "451" };
    const changes = messages.flatMap((message) => [
      () => spool.accept(message, bodyOf("x".repeat(2000))),
      () => spool.beginDelivery(message.id, [0]),
      () => spool.settle(message.id, new Map([[0, retry]])),
      () => spool.rebind(message.id, "out-2"),
      () => spool.beginMove(IDS, "mail2", 1),
      () => spool.settle(message.id, new Map([1, 2].map((n) => [n, done] as const))),
      () => spool.cancelMove([message.id]),
      () => spool.beginMove([message.id], "mail3", 2),
      () => spool.finishMove(IDS, "mail3"),
    ]);
    for (let seed = 0; seed < 20; seed++) {
      const [order = []] = fc.sample(fc.shuffledSubarray(changes, { minLength: changes.length }), { numRuns: 1, seed });
      await Promise.all(order.map((change) => change()));

      for await (const problem of checkSpool(directory)) expect.fail(`seed ${seed}: ${problem.id}: ${problem.reason}`);
      const before = spool.counts(NOON);
      await spool.close();
      spool = spoolIn(directory, { incarnation: seed + 2 });
      expect(new Set(spool.counts(NOON)), `seed ${seed}`).toEqual(new Set(before));
      await spool.sweep(Infinity);
    }
  });
});

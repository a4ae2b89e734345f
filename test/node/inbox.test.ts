import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { NodeInput, NodeOutput } from "../../src/core/io.js";
import type { Slices } from "../../src/core/slices.js";
import { Inbox } from "../../src/node/inbox.js";

/** What a core does: it works for so long, in so many slices, and says what it has been given. */
class Worker {
  readonly times: number[] = [];
  isLapsing = (_at: number) => false;
  readonly covered = () => ["10.1.1.1"];
  readonly elapsed = (at: number) => void this.times.push(at);

  constructor(private readonly slices: (input: NodeInput) => number) {}

  *stepping(input: NodeInput): Slices<readonly NodeOutput[]> {
    for (let left = this.slices(input); left > 0; left--) {
      for (const end = performance.now() + 1; performance.now() < end; ); // of work
      yield;
    }
    return [said(input, "first"), said(input, "second")];
  }
}

function said({ kind }: NodeInput, facts: string): NodeOutput {
  return { kind: "event", code: "view", facts: { kind, facts } };
}

function inbox(slices: (input: NodeInput) => number) {
  const worker = new Worker(slices);
  const seen: unknown[] = [];
  let end = () => {};
  const done = new Promise<void>((resolve) => (end = resolve));
  const box: Inbox = new Inbox(
    worker,
    (output) => {
      if (output.kind === "drop") seen.push(`drop ${output.addresses.join(" ")}`);
      if (output.kind !== "event") return;
      seen.push(`${output.facts.kind} ${output.facts.facts}`);
      if (output.facts.kind === "wake" && output.facts.facts === "first") box.put({ kind: "transition", at: 0 });
    },
    () => end(),
  );
  return { box, worker, seen, done };
}

describe("the inbox of a node", () => {
  it("has what a lease no longer covers dropped before an input that may take its time is begun", () => {
    const { box, seen, worker } = inbox(() => 0);
    let looks = 0;
    worker.isLapsing = () => ++looks === 1;
    box.put({ kind: "transition", at: 0 });
    expect(seen.slice(0, 4)).toEqual(["wake first", "wake second", "transition first", "transition second"]);
  });

  it("drops what a lease covered that ends within a step, before the step is done, and once", async () => {
    const { seen, worker, box, done } = inbox(({ kind }) => (kind === "wake" ? 0 : 40));
    worker.isLapsing = () => worker.times.length > 0 && !seen.includes("wake first");
    box.put({ kind: "transition", at: 0 });
    await done;
    expect(worker.times.length).toBeGreaterThan(2);
    expect(seen[0]).toBe("drop 10.1.1.1");
    expect(seen.filter((what) => what === "drop 10.1.1.1")).toHaveLength(1);
  });

  it("looks for a lease that is over at what is no input, too", () => {
    const { box, seen, worker } = inbox(() => 0);
    box.look();
    expect(seen).toEqual([]);
    worker.isLapsing = () => !seen.includes("wake first");
    box.look();
    expect(seen.slice(0, 2)).toEqual(["wake first", "wake second"]);
  });

  it("has done what is short when it returns, and what that brings about after it", () => {
    const { box, seen } = inbox(() => 0);
    box.put({ kind: "wake", at: 0 });
    expect(seen).toEqual(["wake first", "wake second", "transition first", "transition second"]);
  });

  it("lets others have turns while one input is long, tells it the time, and keeps the order of inputs", async () => {
    const { box, worker, seen, done } = inbox(({ kind }) => (kind === "transition" ? 30 : 0));
    const startedAt = performance.now();
    box.put({ kind: "transition", at: 0 });
    box.put({ kind: "leave", at: 0 });
    expect(seen).toEqual([]);
    let turns = 0;
    while (seen.length === 0) {
      await nextTurn();
      turns++;
    }
    await done;

    expect(turns).toBeGreaterThan(1);
    expect(seen).toEqual(["transition first", "transition second", "leave first", "leave second"]);
    expect(worker.times.length).toBeGreaterThan(1);
    expect(worker.times.every((at) => at > startedAt)).toBe(true);
    expect(worker.times).toEqual(worker.times.toSorted((a, b) => a - b));
  });
});

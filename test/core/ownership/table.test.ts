import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  assign,
  depart,
  emptyRow,
  EpochCounter,
  owned,
  refused,
  released,
  type Row,
} from "../../../src/core/ownership/table.js";

function epochsOf(view: number): EpochCounter {
  const epochs = new EpochCounter();
  epochs.enter(view);
  return epochs;
}

function row(different: Partial<Row>): Row {
  return { ...emptyRow(), ...different };
}

describe("a row", () => {
  it("goes from its owner to the next by release, then acquisition, with one new epoch", () => {
    const epochs = epochsOf(1);
    const moving = row({ owner: "a", epoch: epochs.next() });

    assign(moving, "b", epochs);
    expect(moving).toMatchObject({ owner: "a", phase: "releasing", target: "b", epoch: 2 ** 32 + 1 });
    released(moving, "a", epochs);
    expect(moving).toMatchObject({ owner: null, phase: "acquiring", target: "b", epoch: 2 ** 32 + 2 });
    owned(moving, "b");
    expect(moving).toMatchObject({ owner: "b", phase: "idle", target: null, epoch: 2 ** 32 + 2 });
  });

  it("does not change its target once that has begun", () => {
    const epochs = epochsOf(1);
    const acquiring = row({ phase: "acquiring", target: "b" });

    expect(assign(acquiring, "c", epochs)).toBe(false);
    expect(acquiring.target).toBe("b");
  });

  it("may get another target while its owner lets go", () => {
    const releasing = row({ owner: "a", phase: "releasing", target: "b" });

    expect(assign(releasing, "c", epochsOf(1))).toBe(true);
    expect(releasing).toMatchObject({ owner: "a", phase: "releasing", target: "c" });
  });

  it.each([
    ["RELEASED by one that does not have it", (some: Row) => released(some, "z", epochsOf(1))],
    ["OWNED by one that was not to have it", (some: Row) => owned(some, "z")],
    ["REFUSED by one that was not to have it", (some: Row) => refused(some, "z")],
    ["the departure of a stranger", (some: Row) => depart(some, "z", epochsOf(1))],
  ])("does not change by %s", (_, change) => {
    for (const before of [
      row({ owner: "a" }),
      row({ owner: "a", phase: "releasing", target: "b" }),
      row({ phase: "acquiring", target: "b" }),
    ]) {
      const after = { ...before, refusedBy: new Set(before.refusedBy) };
      expect(change(after)).toBe(false);
      expect(after).toEqual(before);
    }
  });

  it("whose releasing owner departs goes to its target at once", () => {
    const orphan = row({ owner: "a", phase: "releasing", target: "b" });

    depart(orphan, "a", epochsOf(2));
    expect(orphan).toMatchObject({ owner: null, phase: "acquiring", target: "b", epoch: 2 * 2 ** 32 + 1 });
  });

  it("is pinned no longer to a member that could not plumb it", () => {
    const pinned = row({ phase: "acquiring", target: "b", pin: "b" });

    refused(pinned, "b");
    expect(pinned).toMatchObject({ owner: null, phase: "idle", pin: null, refusedBy: new Set(["b"]) });
  });

  it("never has an epoch that falls, nor a new owner in an old epoch, whatever comes", () => {
    const member = fc.constantFrom("a", "b", "c");
    const event = fc.tuple(fc.constantFrom("assign", "released", "owned", "refused", "depart", "view"), member);
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const epochs = epochsOf(1);
        const some = emptyRow();
        let last = { owner: "nobody", epoch: 0 };
        for (const [i, [kind, name]] of events.entries()) {
          if (kind === "assign") assign(some, name, epochs);
          if (kind === "released") released(some, name, epochs);
          if (kind === "owned") owned(some, name);
          if (kind === "refused") refused(some, name);
          if (kind === "depart") depart(some, name, epochs);
          if (kind === "view") epochs.enter(i + 2);
          expect(some.epoch).toBeGreaterThanOrEqual(last.epoch);
          if (some.owner === null) continue;
          if (some.owner !== last.owner) expect(some.epoch).toBeGreaterThan(last.epoch);
          last = { owner: some.owner, epoch: some.epoch };
        }
      }),
    );
  });
});

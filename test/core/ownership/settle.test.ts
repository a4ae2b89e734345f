import { describe, expect, it } from "vitest";
import type { Entry } from "../../../src/core/catalogue/catalogue.js";
import { define } from "../../../src/core/ownership/definitions.js";
import { settle } from "../../../src/core/ownership/settle.js";
import { EpochCounter } from "../../../src/core/ownership/table.js";
import type { Claim } from "../../../src/core/wire/messages.js";

const [LEAD, FOLLOWER] = ["10.0.0.1", "10.0.0.2"];

function claim(epoch: number, different: Partial<Claim> = {}): Claim {
  return { address: LEAD, epoch, releasing: false, pinned: false, pinnedMs: 0, ...different };
}

/** The row of the only unit after these claims, in view 7. */
function settled(claims: Record<string, readonly Claim[]>, preferences: readonly string[] = []) {
  const plain = { services: [], topology: "10.0.0.0/24", policy: "available" as const, failback: "immediate" };
  const entries: Entry[] = [
    { ...plain, address: LEAD, names: ["x"], preferences, follows: null },
    { ...plain, address: FOLLOWER, names: ["y"], preferences: [], follows: LEAD },
  ];
  const epochs = new EpochCounter();
  epochs.enter(7);
  const definitions = define(new Map(Object.keys(claims).map((member) => [member, entries])));
  const { rows, contested } = settle(definitions, new Map(Object.entries(claims)), epochs);
  return { ...rows.get(LEAD), contested };
}

describe("claims", () => {
  it("of nobody leave the unit without an owner", () => {
    expect(settled({ a: [], b: [] })).toMatchObject({ owner: null, phase: "idle", contested: [] });
  });

  it("of one make it the owner, in an epoch of this view", () => {
    expect(settled({ a: [], b: [claim(5)] })).toMatchObject({ owner: "b", phase: "idle", epoch: 7 * 2 ** 32 + 1 });
  });

  it("of two are for the higher epoch, and the other has to let go", () => {
    const row = settled({ a: [claim(5)], b: [claim(6)] });

    expect(row).toMatchObject({ owner: "b", contested: [LEAD], holders: new Set(["a"]) });
  });

  it("of two with the same epoch are for the first by name", () => {
    expect(settled({ b: [claim(5)], a: [claim(5)] })).toMatchObject({ owner: "a" });
  });

  it("of two are for the preferred one, whatever the epochs", () => {
    expect(settled({ a: [claim(5)], b: [claim(6)] }, ["a"])).toMatchObject({ owner: "a", holders: new Set(["b"]) });
  });

  it("to the leading address count more than those to a follower", () => {
    const row = settled({ a: [claim(9, { address: FOLLOWER })], b: [claim(5)] });

    expect(row).toMatchObject({ owner: "b", holders: new Set(["a"]) });
  });

  it("of one that lets go keep the unit from everybody until it has", () => {
    expect(settled({ a: [claim(5, { releasing: true })], b: [] })).toMatchObject({ owner: "a", phase: "releasing" });
    expect(settled({ a: [claim(9, { releasing: true })], b: [claim(5)] })).toMatchObject({
      owner: "b",
      phase: "idle",
      contested: [],
      holders: new Set(["a"]),
    });
  });

  it("to a part of the unit fence the rest of it, which somebody else may have", () => {
    const follower = claim(5, { address: FOLLOWER });
    expect(settled({ a: [claim(5)] })).toMatchObject({ owner: "a", fenced: true });
    expect(settled({ a: [follower] })).toMatchObject({ owner: "a", fenced: true });
    expect(settled({ a: [claim(5), follower] })).toMatchObject({ owner: "a", fenced: false });
  });

  it("bring the pin of the owner along, and of nobody else", () => {
    expect(settled({ a: [claim(5, { pinned: true })] })).toMatchObject({ pin: "a" });
    expect(settled({ a: [claim(5, { pinned: true })], b: [claim(6)] })).toMatchObject({ owner: "b", pin: null });
  });
});

import { describe, expect, it } from "vitest";
import { addressOf, alike, recorded, rested, row, started, vip, vips } from "../scenario.js";

describe("a node that cannot plumb", () => {
  it("hands the address on, and is tried again later", () => {
    const two = started(alike(["a", "b"], [...vips(3), vip(4, { preferences: ["b"] })]));
    const host = two.hosts.get("b");
    two.die("b", "killed");
    rested(two);
    Object.assign(host ?? {}, { failing: new Set([addressOf(4)]) });
    two.start("b");
    two.runUntil(() => (row(two, "a", 4)?.refusedBy.has("b") ? null : "b has not refused"), 5_000);
    two.run(500);
    expect(two.homes()[addressOf(4)]).toBe("a");

    Object.assign(host ?? {}, { failing: new Set() });
    two.runUntil(() => (two.homes()[addressOf(4)] === "b" ? null : "b has not been tried again"), 70_000);
  });

  it("waits twice as long after each failure, up to a minute", () => {
    const one = alike(["a"], vips(1));
    Object.assign(one.hosts.get("a") ?? {}, { failing: new Set([addressOf(1)]) });
    const steps = recorded(one);
    one.start("a");
    one.run(200_000);

    const tries = steps.flatMap(({ input, outputs }) =>
      outputs.some(({ kind }) => kind === "acquire") ? [input.at] : [],
    );
    const waits = tries.slice(1).map((at, i) => Math.round((at - (tries[i] ?? 0)) / 1_000));
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it("lets go of the whole unit when one address of it fails", () => {
    const two = alike(["a", "b"], [vip(1, { preferences: ["a"] }), vip(2, { follows: addressOf(1) })]);
    Object.assign(two.hosts.get("a") ?? {}, { failing: new Set([addressOf(2)]) });
    two.start("a", "b");
    two.runUntil(() => (two.homes()[addressOf(2)] === "b" ? null : "b has not taken over"), 5_000);

    expect(two.homes()).toEqual({ [addressOf(1)]: "b", [addressOf(2)]: "b" });
  });

  it("plumbs again what somebody took away", () => {
    const two = started(alike(["a", "b"], vips(2)));
    const home = two.homes()[addressOf(1)] ?? "";
    two.hosts.get(home)?.lose(addressOf(1));
    two.run(2 * two.options.daemon.checkMs);

    expect(two.homes()[addressOf(1)]).toBe(home);
  });
});

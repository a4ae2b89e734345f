/** What an operator says, on whichever node: that a node is to count as calm, and that a pin is over. */
import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { addressOf, alike, cluster, loads, rested, row, started, vip, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
const HALF_LIFE_MS = 200_000;

/** Six addresses prefer b, 18 others nobody; b has died three times, and is back. */
function damped(engine: "model" | "channel" = "model"): Cluster {
  const entries = [...vips(6, { preferences: ["b"] }), ...Array.from({ length: 18 }, (_, i) => vip(7 + i))];
  const three = started(alike(ABC, entries, { flapHalfLifeMs: HALF_LIFE_MS, engine }));
  for (let i = 0; i < 3; i++) {
    three.die("b", "killed");
    three.run(2_000);
    three.start("b");
    three.run(5_000);
  }
  expect(isDamped(three, "b")).toBe(true);
  expect(loads(three)["b"]).toBeUndefined();
  return three;
}

function isDamped(of: Cluster, node: string): boolean {
  return of.live().some(({ core }) => core.ownership.members.get(node)?.damped === true);
}

describe("a node that failed over and over", () => {
  it("has what prefers it again once it has been up for a half-life, and nothing else before it is calm", () => {
    const three = damped();
    three.run(HALF_LIFE_MS - 20_000);
    expect(loads(three)["b"]).toBeUndefined();
    three.run(30_000);
    expect(isDamped(three, "b")).toBe(true);
    expect(loads(three)).toEqual({ a: 9, b: 6, c: 9 });
    three.runUntil(() => (isDamped(three, "b") ? "b is damped" : null), 2 * HALF_LIFE_MS);
    three.run(60_000);
    expect(loads(three)["b"]).toBe(8);
  });

  it("has it again after that time whoever leads, and keeps it when the table is made anew", () => {
    const three = damped();
    three.run(HALF_LIFE_MS - 60_000);
    three.die("a", "killed"); // b leads.
    three.run(80_000);
    expect(isDamped(three, "b")).toBe(true);
    expect(loads(three)).toEqual({ b: 6, c: 18 });
    three.start("a");
    three.run(20_000);
    expect(loads(three)["b"]).toBeGreaterThanOrEqual(6);
  });

  it.each(["model", "channel"] as const)("is given all at once when somebody calms it, for good: %s", (engine) => {
    const three = damped(engine);
    const id = three.calm("c", "b");
    three.run(2_000);
    expect(three.replies.get(id ?? 0)).toMatchObject({ ok: true, changed: true });
    expect(isDamped(three, "b")).toBe(false);
    expect(loads(three)["b"]).toBeGreaterThanOrEqual(6);

    three.die("c", "killed");
    three.run(2_000);
    three.start("c"); // All that is counted is told anew.
    rested(three);
    expect(isDamped(three, "b")).toBe(false);
  });

  it("may be calmed while it is down, and comes back calm", () => {
    const three = damped();
    three.die("b", "killed");
    three.run(2_000);
    const id = three.calm("a", "b");
    three.run(2_000);
    expect(three.replies.get(id ?? 0)).toMatchObject({ ok: true, changed: false });
    three.start("b");
    rested(three);
    expect(isDamped(three, "b")).toBe(false);
    expect(loads(three)["b"]).toBeGreaterThanOrEqual(6);
  });

  it("is answered for even when the leader dies with the request", () => {
    const three = damped();
    const id = three.calm("c", "b");
    three.die("a", "killed");
    three.run(5_000);
    expect(three.replies.get(id ?? 0)).toBeDefined();
  });

  it("has to be one of the cluster", () => {
    const three = damped();
    const id = three.calm("a", "nobody");
    expect(three.replies.get(id ?? 0)).toMatchObject({ ok: false, retry: false });
  });
});

describe("an address that is pinned", () => {
  it.each(ABC)("goes home when it is unpinned, by whatever node: %s", (asked) => {
    const three = started(alike(ABC, vips(3, { preferences: ["b"] })));
    three.move("a", addressOf(1), "c");
    rested(three);
    expect(row(three, "a", 1)).toMatchObject({ owner: "c", pin: "c" });
    const id = three.unpin(asked, addressOf(1));
    three.run(1_000);
    expect(row(three, "a", 1)).toMatchObject({ owner: "b", pin: null });
    expect(three.replies.get(id ?? 0)).toMatchObject({
      ok: true,
      moved: [{ address: addressOf(1), from: "c", to: "b" }],
      before: { lead: addressOf(1), owner: "c", pin: "c" },
    });
  });

  it("stays where it is when nothing calls it away", () => {
    const two = started(alike(["a", "b"], vips(2)));
    const at = two.homes()[addressOf(1)] ?? "";
    two.move("a", addressOf(1), at);
    rested(two);
    const id = two.unpin("b", addressOf(1));
    two.run(1_000);
    expect(two.replies.get(id ?? 0)).toMatchObject({ ok: true, moved: [] });
    expect(two.homes()[addressOf(1)]).toBe(at);
  });

  it("is refused to be unpinned where it is not, and where there is no such address", () => {
    const two = started(alike(["a", "b"], vips(2)));
    expect(two.replies.get(two.unpin("b", addressOf(1)) ?? 0)).toMatchObject({ ok: false, retry: false });
    expect(two.replies.get(two.unpin("b", "10.9.9.9") ?? 0)).toMatchObject({ ok: false, retry: false });
  });
});

describe("a move", () => {
  it("to where the address is says that nothing moved, and pins", () => {
    const two = started(alike(["a", "b"], vips(2)));
    const at = two.homes()[addressOf(1)] ?? "";
    const ids = [two.move("a", addressOf(1), at), null as number | null];
    rested(two);
    ids[1] = two.move("a", addressOf(1), at);
    rested(two);
    const [first, second] = ids.map((id) => two.replies.get(id ?? 0));
    expect(first).toMatchObject({ ok: true, moved: [], changed: true, before: { owner: at, pin: null } });
    expect(second).toMatchObject({ ok: true, moved: [], changed: false, before: { owner: at, pin: at } });
    expect(row(two, "b", 1)?.pin).toBe(at);
  });

  it("to a node that lacks a service is refused, unless it is made anyway", () => {
    const entries = (services: string[]) => vips(1, { services, preferences: ["a"] });
    const two = started(cluster({ a: entries(["ESMTP:25", "multivip"]), b: entries(["multivip"]) }));
    const daemon = two.daemons.get("b");
    const move = (id: number, anyway: boolean) =>
      daemon?.input({ kind: "move", at: daemon.now, id, address: addressOf(1), to: "b", forMs: 0, anyway });
    move(900, false);
    rested(two);
    expect(two.replies.get(900)).toMatchObject({
      ok: false,
      unsafe: true,
      reason: expect.stringContaining(`${addressOf(1)} is UNSAFE: b does not run ESMTP:25 on it`),
    });
    expect(two.homes()).toEqual({ [addressOf(1)]: "a" });
    move(901, true);
    rested(two);
    expect(two.replies.get(901)).toMatchObject({ ok: true, missing: expect.stringContaining("ESMTP:25") });
    expect(two.homes()).toEqual({ [addressOf(1)]: "b" });
    const back = two.move("a", addressOf(1), "a");
    rested(two);
    expect(two.replies.get(back ?? 0)).toMatchObject({ ok: true, missing: null });
  });
});

import { describe, expect, it } from "vitest";
import { addressOf, alike, cluster, loads, rested, row, started, vips, watch } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a planned move", () => {
  it("never has two owners, and its gap is about the time of two kernel jobs", () => {
    const two = started(alike(["a", "b"], vips(2)));
    const to = two.homes()[addressOf(1)] === "a" ? "b" : "a";
    const id = two.move("a", addressOf(1), to);

    expect(watch(two, 1, 2_000)).toEqual(new Set([1, 0]));
    expect(two.homes()[addressOf(1)]).toBe(to);
    expect(two.replies.get(id ?? 0)).toMatchObject({ ok: true });
    const measure = two.measures.addresses(two.schedule.now).find(({ address }) => address === addressOf(1));
    expect(measure?.overlapMs).toBe(0);
    expect(measure?.longestGapMs).toBeLessThan(50);
  });

  it("stays where it was put, in spite of balance, until that node departs", () => {
    const two = started(alike(["a", "b"], vips(4)));
    for (let n = 1; n <= 4; n++) two.move("a", addressOf(n), "b");
    rested(two);
    expect(loads(two)).toEqual({ b: 4 });

    two.die("b", "power");
    rested(two);
    two.start("b");
    rested(two);
    expect(loads(two)).toEqual({ a: 2, b: 2 });
  });

  it.each([
    ["an address of nobody", "10.9.9.9", "b", false],
    ["a node that is not there", addressOf(1), "z", false],
    ["a node that does not configure it", addressOf(2), "b", false],
  ])("is refused for %s", (_, address, to, retry) => {
    const two = started(cluster({ a: vips(2), b: vips(1) }));
    const id = two.move("a", address, to);

    expect(two.replies.get(id ?? 0)).toMatchObject({ ok: false, retry });
  });

  it("stays for as long as the command says, whoever leads and whoever comes meanwhile", () => {
    const three = started(alike(["a", "b", "c"], vips(3, { preferences: ["b"] })));
    three.move("a", addressOf(1), "c", 300_000);
    rested(three);
    expect(row(three, "a", 1)).toMatchObject({ owner: "c", pin: "c" });
    const since = three.schedule.now;
    three.die("a", "killed"); // b leads.
    three.run(60_000);
    three.start("a"); // The table is made anew, and a leads.
    three.run(200_000);
    expect(row(three, "a", 1)).toMatchObject({ owner: "c", pin: "c" });
    three.runUntil(() => (row(three, "a", 1)?.owner === "b" ? null : "it has not gone back"), 60_000);

    expect(row(three, "c", 1)?.pin).toBeNull();
    expect(three.schedule.now - since).toBeGreaterThan(250_000);
  });

  it("is answered once when a change of the cluster comes in between", () => {
    const three = started(alike(ABC, vips(3)));
    const to = three.homes()[addressOf(1)] === "a" ? "b" : "a";
    const id = three.move("a", addressOf(1), to);
    three.run(1);
    three.die(to, "killed");
    rested(three);

    if (to !== "a") expect(three.replies.get(id ?? 0)).toMatchObject({ ok: false, retry: true });
    expect(Object.keys(three.homes())).toHaveLength(3);
  });
});

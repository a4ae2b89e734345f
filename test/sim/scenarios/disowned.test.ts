/** An owner that loses an address, or cannot have it: the whole cluster knows (#1719 of the original). */
import { describe, expect, it } from "vitest";
import { addressOf, alike, recorded, rested, row, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("an address that its owner cannot have any more", () => {
  it("goes to another, and every member's table says so", () => {
    const three = started(alike(ABC, vips(3)));
    const owner = three.homes()[addressOf(1)] ?? "";
    three.host(owner).failing = new Set([addressOf(1)]);
    three.host(owner).lose(addressOf(1));
    three.runUntil(
      () => ([undefined, owner].includes(three.homes()[addressOf(1)]) ? "nobody else has it" : null),
      2 * three.options.daemon.checkMs + 500,
    );
    three.run(200);

    const heir = three.homes()[addressOf(1)];
    for (const name of ABC) expect(row(three, name, 1)).toMatchObject({ owner: heir, refusedBy: new Set([owner]) });
  });

  it("nor anybody else has no owner on any member, who all tell it", () => {
    const three = started(alike(ABC, vips(3)));
    const owner = three.homes()[addressOf(1)] ?? "";
    const steps = recorded(three);
    for (const host of three.hosts.values()) host.failing = new Set([addressOf(1)]);
    three.host(owner).lose(addressOf(1));
    three.runUntil(() => (row(three, "a", 1)?.refusedBy.size === 3 ? null : "some have not refused"), 5_000);
    three.run(100);

    for (const name of ABC) expect(row(three, name, 1)?.owner).toBeNull();
    const told = steps.filter(({ outputs }) =>
      outputs.some((output) => output.kind === "event" && output.code === "vip-unowned"),
    );
    expect(new Set(told.map(({ on }) => on))).toEqual(new Set(ABC));

    for (const host of three.hosts.values()) host.failing = new Set();
    three.run(70_000);
    rested(three);
    expect(three.homes()[addressOf(1)]).toBeDefined();
  });
});

describe("a kernel that lies", () => {
  it("about an address that it took, and said that it did not, is left with nothing", () => {
    const two = alike(["a", "b"], vips(1, { preferences: ["a"] }));
    two.host("a").denying = new Set([addressOf(1)]);
    two.start("a", "b");
    two.runUntil(() => (two.homes()[addressOf(1)] === "b" ? null : "b has it not"), 10_000);

    expect(two.host("a").plumbed().size).toBe(0);
  });

  it("about an address that it did not take is found out at the next look", () => {
    const two = alike(["a", "b"], vips(1, { preferences: ["a"] }));
    two.host("a").pretending = new Set([addressOf(1)]);
    const steps = recorded(two);
    two.start("a", "b");
    two.runUntil(() => (steps.some(({ input }) => input.kind === "lost") ? null : "not found"), 10_000);
    two.host("a").pretending = new Set();
    rested(two);

    expect(two.homes()).toEqual({ [addressOf(1)]: "a" });
  });
});

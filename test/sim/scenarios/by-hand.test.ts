import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { untold } from "../../../src/sim/liveness.js";
import { addressOf, alike, recorded, rested, row, started, type Step, vip, vips } from "../scenario.js";

const ONE = addressOf(1);
const NAMES = ["a", "b", "c"];

/** Who was told of what, by an event of this code. */
function told(steps: readonly Step[], code: string): string[] {
  return steps.flatMap(({ on, outputs }) =>
    outputs.some((one) => one.kind === "event" && one.code === code) ? [on] : [],
  );
}

function strangerTo(cluster: Cluster, address: string): string {
  return NAMES.find((name) => cluster.homes()[address] !== name) ?? "";
}

describe("an address that an administrator adds on a node that does not own it", () => {
  it("is told to all within a second, once, and removed; nothing moves", () => {
    const three = started(alike(NAMES, vips(6)));
    const homes = three.homes();
    const steps = recorded(three);
    const node = strangerTo(three, ONE);
    three.putByHand(node, ONE, "removable");
    three.run(1_000);
    expect(told(steps, "vip-foreign").sort()).toEqual(NAMES);
    three.run(30_000);
    expect(told(steps, "vip-foreign-gone").sort()).toEqual(NAMES);
    expect(told(steps, "vip-foreign")).toHaveLength(3);
    expect(three.host(node).foreign.size).toBe(0);
    expect(three.homes()).toEqual(homes);
  });

  it("has its owner say on the LAN where it is, when it comes and when it goes", () => {
    const three = started(alike(NAMES, vips(6)));
    const owner = three.homes()[ONE] ?? "";
    const steps = recorded(three);
    three.putByHand(strangerTo(three, ONE), ONE, "removable");
    three.run(5_000);
    const announcing = steps.filter(({ outputs }) => outputs.some(({ kind }) => kind === "announce"));
    expect(announcing.map(({ on }) => on)).toEqual([owner, owner]);
  });

  it("that has to stay is known to those that join later, and forgotten with the node that has it", () => {
    const three = alike(NAMES, vips(6));
    three.start("a", "b");
    rested(three);
    const node = strangerTo(three, ONE) === "a" ? "a" : "b";
    three.putByHand(node, ONE, "stays");
    rested(three);
    three.start("c");
    rested(three);
    expect(untold(three.live())).toBeNull();
    expect(three.daemons.get("c")?.core.foreign.copiesOf(ONE)).toHaveLength(1);
    three.die(node, "power");
    rested(three);
    for (const { core } of three.live()) expect(core.foreign.copiesOf(ONE)).toEqual([]);
    three.start(node);
    three.run(5_000);
    expect(three.daemons.has(node)).toBe(false); // ERR_HOST_ADDRESS
    three.takeAway(node, ONE);
    three.start(node);
    rested(three);
    expect(untold(three.live())).toBeNull();
  });
});

describe("a node that has an address as its own", () => {
  it("refuses it, and others have it, undisturbed, until it has gone; then it goes where it is preferred", () => {
    const three = alike(NAMES, [vip(1, { preferences: ["a"] }), ...vips(6).slice(1)]);
    three.start("a", "b", "c");
    rested(three);
    expect(three.homes()[ONE]).toBe("a");
    three.putByHand("a", ONE, "stays");
    three.host("a").lose(ONE);
    rested(three);
    const home = three.homes()[ONE];
    expect(["b", "c"]).toContain(home);
    const { epoch } = row(three, "b", 1) ?? {};
    three.run(300_000);
    expect(row(three, "b", 1)).toMatchObject({ owner: home, epoch });

    const id = three.move("b", ONE, "a") ?? 0;
    three.run(1_000);
    expect(three.replies.get(id)).toMatchObject({ ok: false, reason: expect.stringContaining("not from the cluster") });

    three.takeAway("a", ONE);
    three.run(5_000);
    expect(three.homes()[ONE]).toBe("a");
  });
});

import { describe, expect, it } from "vitest";
import { addressOf, cluster, loads, marks, rested, started, vip, vips } from "../scenario.js";

describe("a contradiction", () => {
  it("between a name and its address is BROKEN, served by none, and ends with the node that made it", () => {
    const three = started(cluster({ a: vips(3), b: vips(3), c: [vip(1, { names: ["other"] }), vip(2), vip(3)] }));
    expect(marks(three, "a", 1)).toEqual(["broken"]);
    expect(Object.keys(three.homes()).sort()).toEqual([addressOf(2), addressOf(3)]);

    three.die("c", "killed");
    rested(three);
    expect(marks(three, "a", 1)).toEqual([]);
    expect(Object.keys(three.homes())).toHaveLength(3);
  });

  it("takes an address away from its owner when the node that contradicts joins", () => {
    const two = cluster({ a: vips(2), b: [vip(1), vip(2, { names: ["v1"] })] });
    two.start("a");
    rested(two);
    expect(loads(two)).toEqual({ a: 2 });

    two.start("b");
    rested(two);
    expect(two.homes()).toEqual({});
  });

  it("about a follower breaks the follower, and leaves its leader alone", () => {
    const two = started(
      cluster({
        a: [vip(1), vip(2, { follows: addressOf(1) })],
        b: [vip(1), vip(2, { follows: addressOf(1), names: ["other"] })],
      }),
    );

    expect(Object.keys(two.homes())).toEqual([addressOf(1)]);
  });

  it("that comes up while a node is still plumbing takes the follower away from it in the end", () => {
    const two = cluster({
      a: [vip(1), vip(2, { follows: addressOf(1) })],
      b: [vip(1), vip(2, { follows: addressOf(1), names: ["other"] })],
    });
    const host = two.hosts.get("a");
    Object.assign(host ?? {}, { slowness: 2_000 });
    two.start("a");
    two.runUntil(() => (two.live()[0]?.core.hands.state(addressOf(2)) === "acquiring" ? null : "a waits"), 20_000);
    two.start("b");
    two.runUntil(() => (two.live()[0]?.core.ownership.members.size === 2 ? null : "b is not in"), 5_000);
    expect(two.live()[0]?.core.hands.state(addressOf(2))).toBe("acquiring");
    Object.assign(host ?? {}, { slowness: 1 });
    rested(two);

    expect(Object.keys(two.homes())).toEqual([addressOf(1)]);
    expect([...(host?.plumbed() ?? [])]).toEqual([addressOf(1)]);
  });

  it("about services is UNSAFE, and elections go on", () => {
    const two = started(cluster({ a: vips(2), b: vips(2, { services: ["ESMTP:25", "multivip"] }) }));

    expect(marks(two, "a", 1)).toEqual(["unsafe"]);
    expect(loads(two)).toEqual({ a: 1, b: 1 });
  });
});

import { describe, expect, it } from "vitest";
import type { Cluster } from "../../src/sim/cluster.js";
import {
  addressOf,
  alike,
  cluster,
  loads,
  marks,
  recorded,
  rested,
  row,
  started,
  vip,
  vips,
  watch,
} from "./scenario.js";

const ABC = ["a", "b", "c"];

describe("a cluster", () => {
  it("spreads its addresses evenly, each served by exactly one node", () => {
    const three = started(alike(ABC, vips(30)));

    expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
    expect(Object.keys(three.homes())).toHaveLength(30);
  });

  it("gives nothing to a node before it is mature", () => {
    const three = alike(ABC, vips(6));
    three.start("a", "b", "c");
    three.run(three.options.viewMatureTimeMs * 0.9);

    expect(three.homes()).toEqual({});
  });

  it("matures in spite of a member that joins over and over again", () => {
    const two = alike(["a", "b"], vips(6));
    two.start("a");
    for (let i = 0; i < 12; i++) {
      two.start("b");
      two.run(400);
      two.die("b", "killed");
      two.run(100);
    }

    expect(loads(two)).toEqual({ a: 6 });
  });

  it("moves only what the departed had when a node dies, and takes no more than balance asks when it is back", () => {
    const three = started(alike(ABC, vips(30)));
    const before = three.homes();

    three.die("b", "killed");
    rested(three);
    const without = three.homes();
    expect(Object.keys(before).filter((address) => without[address] !== before[address]).length).toBe(10);
    expect(loads(three)).toEqual({ a: 15, c: 15 });

    three.start("b");
    rested(three);
    const after = three.homes();
    expect(Object.keys(without).filter((address) => after[address] !== without[address]).length).toBe(10);
    expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
  });

  it("balances no more addresses a round than the smallest duravip_balance_set_size allows", () => {
    const three = started(alike(ABC, vips(30), { balanceSetSize: 2 }));
    three.die("c", "killed");
    rested(three);

    const steps = recorded(three);
    three.start("c");
    rested(three);
    const given = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) => (output.kind === "acquire" && on === "c" ? [output.addresses.length] : [])),
    );
    expect(given.length).toBeGreaterThanOrEqual(5);
    expect(Math.max(...given)).toBeLessThanOrEqual(2);
  });
});

describe("after a crash", () => {
  it("the survivors take over without a message round", () => {
    const three = started(alike(ABC, vips(30)));
    const steps = recorded(three);

    three.die("b", "killed");
    three.runUntilCalm();

    for (const name of ["a", "c"]) {
      const own = steps.filter(({ on }) => on === name);
      const view = own.findIndex(({ input }) => input.kind === "view");
      expect(own.slice(0, view).map(({ input }) => input.kind)).not.toContain("message");
      expect(own[view]?.outputs.map(({ kind }) => kind)).toEqual(["event", "acquire", "homes"]);
    }
    expect(steps.flatMap(({ outputs }) => outputs.filter(({ kind }) => kind === "multicast"))).toHaveLength(2); // OWNED.
  });

  it("a kernel that outlives its daemon gives nothing back before the new daemon has cleared it", () => {
    const two = started(alike(["a", "b"], vips(10)));
    two.die("b", "killed");
    expect(two.hosts.get("b")?.plumbed().size).toBe(5);

    two.run(20);
    two.start("b");
    two.run(20);
    expect(two.hosts.get("b")?.plumbed().size).toBe(0);
    rested(two);
    expect(loads(two)).toEqual({ a: 5, b: 5 });
  });

  it("addresses on a lifeline go with their daemon", () => {
    const two = started(alike(["a", "b"], vips(10), { lifelines: new Set(["b"]) }));
    two.die("b", "killed");

    expect(two.hosts.get("b")?.plumbed().size).toBe(0);
  });

  it("nobody is left to serve an address that only the dead node configured", () => {
    const two = started(cluster({ a: vips(2), b: vips(3) }));
    expect(two.homes()[addressOf(3)]).toBe("b");

    two.die("b", "killed");
    rested(two);
    expect(two.homes()).toEqual({ [addressOf(1)]: "a", [addressOf(2)]: "a" });
  });
});

describe("a preference", () => {
  it("gives a preferred owner its addresses back once it is mature", () => {
    const three = started(alike(ABC, vips(6, { preference: "b" })));
    expect(loads(three)).toEqual({ b: 6 });
    three.die("b", "killed");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, c: 3 });

    const since = three.schedule.now;
    three.start("b");
    three.run(three.options.viewMatureTimeMs);
    expect(loads(three)["b"]).toBeUndefined();
    three.runUntil(() => (loads(three)["b"] === 6 ? null : "b has not all"), 5_000);
    expect(three.schedule.now - since).toBeLessThan(three.options.viewMatureTimeMs + 1_000);
  });

  it("is not given up for the sake of balance", () => {
    const two = started(alike(["a", "b"], [...vips(6, { preference: "a" }), vip(7), vip(8)]));

    expect(loads(two)).toEqual({ a: 6, b: 2 });
  });

  it("that nodes disagree on marks CONFLICT and elects normally, and agreeing again clears it", () => {
    const three = started(
      cluster({ a: vips(3, { preference: "a" }), b: vips(3, { preference: "b" }), c: vips(3, { preference: "a" }) }),
    );
    expect(marks(three, "a", 1)).toEqual(["conflict"]);
    expect(loads(three)).toEqual({ a: 1, b: 1, c: 1 });

    three.die("b", "killed"); // Who is left agrees.
    rested(three);
    expect(marks(three, "a", 1)).toEqual([]);
    expect(loads(three)).toEqual({ a: 3 });
  });

  it("for a node that does not configure the address is without effect", () => {
    const two = started(cluster({ a: vips(2, { preference: "b" }), b: [] }));

    expect(loads(two)).toEqual({ a: 2 });
  });
});

describe("a node that is drained", () => {
  it("gives everything away, gets nothing, and has its share again once it is undrained", () => {
    const three = started(alike(ABC, vips(9)));
    const id = three.drain("b", true);
    rested(three);
    expect(loads(three)).toEqual({ a: 5, c: 4 });
    expect(three.replies.get(id ?? 0)).toMatchObject({ ok: true, moved: { length: 3 } });

    three.die("a", "killed");
    rested(three);
    expect(loads(three)).toEqual({ c: 9 });

    three.drain("b", false);
    rested(three);
    expect(Math.abs((loads(three)["b"] ?? 0) - (loads(three)["c"] ?? 0))).toBeLessThanOrEqual(1);
  });

  it("keeps what nobody else can have, until somebody can", () => {
    const two = started(alike(["a", "b"], vips(4)));
    two.die("a", "killed");
    rested(two);
    const id = two.drain("b", true);
    rested(two);
    expect(loads(two)).toEqual({ b: 4 });
    expect(two.replies.get(id ?? 0)).toMatchObject({ ok: true, moved: [] });

    two.start("a");
    rested(two);
    expect(loads(two)).toEqual({ a: 4 });
  });

  it("and that all prefer keeps them from balance while it is there, empty as it is", () => {
    const three = alike(ABC, vips(6, { preference: "c" }));
    three.start("a", "c");
    rested(three);
    three.drain("c", true);
    rested(three);
    three.start("b");
    rested(three);
    expect(loads(three)).toEqual({ a: 6 });

    three.die("c", "killed");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3 });
  });

  it("is so for members that join later, and no more after its own restart", () => {
    const three = alike(ABC, vips(9));
    three.start("a", "b");
    rested(three);
    three.drain("b", true);
    three.start("c");
    rested(three);
    expect(loads(three)["b"]).toBeUndefined();

    three.die("b", "killed");
    rested(three);
    three.start("b");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });
});

describe("an interface without carrier", () => {
  it("takes the addresses of its Topology elsewhere, and brings them back", () => {
    const entries = [...vips(3, { preference: "a" }), vip(4, { preference: "a", topology: "10.2.0.0/16" })];
    const two = started(alike(["a", "b"], entries));
    two.unplug("a", ["10.1.0.0/16"]);
    rested(two);
    expect(loads(two)).toEqual({ a: 1, b: 3 });

    two.unplug("a", []);
    rested(two);
    expect(loads(two)).toEqual({ a: 4 });
  });

  it("takes nothing away when no member has one", () => {
    const two = started(alike(["a", "b"], vips(4)));
    for (const name of ["a", "b"]) two.unplug(name, ["10.1.0.0/16"]);
    const before = two.homes();
    two.run(10);
    rested(two);
    expect(Object.keys(two.homes())).toEqual(Object.keys(before));
  });

  it("is known to those that join after it broke", () => {
    const two = alike(["a", "b"], vips(4));
    two.unplug("a", ["10.1.0.0/16"]);
    started(two);
    expect(loads(two)).toEqual({ b: 4 });
  });
});

describe("after a merge", () => {
  function merged(): { two: Cluster; announced: string[] } {
    const two = started(alike(["a", "b"], vips(10)));
    two.cut(["a"], ["b"]);
    two.run(3_000);
    expect(loads(two)).toEqual({ "a+b": 10 });
    const steps = recorded(two);
    two.heal();
    rested(two);
    const announced = steps.flatMap(({ outputs }) =>
      outputs.flatMap((output) => (output.kind === "announce" ? output.addresses : [])),
    );
    return { two, announced };
  }

  it("two owners become one, and balance is found again", () => {
    const { two } = merged();

    expect(Object.keys(two.homes())).toHaveLength(10);
    expect(loads(two)).toEqual({ a: 5, b: 5 });
  });

  it("the owner that remains tells the LAN again, for every address that was contested", () => {
    const { announced } = merged();

    expect(new Set(announced)).toEqual(new Set(vips(10).map(({ address }) => address)));
    expect(announced).toHaveLength(10);
  });

  it("the preferred one of two owners keeps the address", () => {
    const two = started(alike(["a", "b"], vips(4, { preference: "b" })));
    two.cut(["a"], ["b"]);
    two.run(3_000);
    const steps = recorded(two);
    two.heal();
    rested(two);

    expect(loads(two)).toEqual({ b: 4 });
    expect(steps.filter(({ on, outputs }) => on === "b" && outputs.some(({ kind }) => kind === "release"))).toEqual([]);
  });

  it("a cut in one direction only splits the cluster on both sides, and heals", () => {
    const three = started(alike(ABC, vips(9)));
    three.cut(["c"], ["a", "b"], true);
    three.run(3_000);
    expect(loads(three)["c"]).toBeUndefined();
    expect(Object.values(three.homes()).every((home) => home.endsWith("+c"))).toBe(true);

    three.heal();
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });
});

describe("a follower", () => {
  const entries = [vip(1), vip(2, { follows: addressOf(1) }), vip(3), vip(4, { follows: addressOf(3) })];

  it("goes where its leader goes, in one step", () => {
    const two = started(alike(["a", "b"], entries));
    const from = two.homes()[addressOf(1)] ?? "";
    const to = from === "a" ? "b" : "a";
    const steps = recorded(two);
    two.move("a", addressOf(1), to);
    rested(two);

    expect(two.homes()[addressOf(1)]).toBe(to);
    expect(two.homes()[addressOf(2)]).toBe(to);
    const jobs = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) =>
        output.kind === "acquire" || output.kind === "release" ? [[on, output.kind, output.addresses]] : [],
      ),
    );
    expect(jobs.slice(0, 2)).toEqual([
      [from, "release", [addressOf(1), addressOf(2)]],
      [to, "acquire", [addressOf(1), addressOf(2)]],
    ]);
  });

  it("takes its leader along when it is the one that is named in a move", () => {
    const two = started(alike(["a", "b"], entries));
    const to = two.homes()[addressOf(4)] === "a" ? "b" : "a";
    const id = two.move("a", addressOf(4), to);
    rested(two);

    expect(two.homes()[addressOf(3)]).toBe(to);
    expect(two.replies.get(id ?? 0)).toMatchObject({
      ok: true,
      moved: [{ address: addressOf(3) }, { address: addressOf(4) }],
    });
  });

  it("draws the unit to a node that has all of it", () => {
    const two = started(cluster({ a: [vip(1)], b: [vip(1), vip(2, { follows: addressOf(1) })] }));

    expect(two.homes()).toEqual({ [addressOf(1)]: "b", [addressOf(2)]: "b" });
  });

  it("that only a departed node let follow is nowhere twice when it leads itself again", () => {
    // Only `a` lets 2 follow 1, and its word counts first; without it, 2 is free, wherever it is plumbed.
    const three = started(cluster({ a: [vip(1), vip(2, { follows: addressOf(1) })], b: vips(2), c: vips(2) }));
    three.die("a", "killed");
    const seen = watch(three, 2, 3_000);
    rested(three);

    expect([...seen].every((plumbed) => plumbed <= 1)).toBe(true);
    expect(Object.keys(three.homes())).toHaveLength(2);
  });
});

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

describe("a node that cannot plumb", () => {
  it("hands the address on, and is tried again later", () => {
    const two = started(alike(["a", "b"], [...vips(3), vip(4, { preference: "b" })]));
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
    const two = alike(["a", "b"], [vip(1, { preference: "a" }), vip(2, { follows: addressOf(1) })]);
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

describe("a leaving node", () => {
  it("gives everything away first", () => {
    const three = started(alike(ABC, vips(9)));
    const steps = recorded(three);
    three.leave("b");
    three.runUntil(() => (three.daemons.has("b") ? "b is still there" : null), 5_000, 0.1);

    expect(loads(three)).toEqual({ a: 5, c: 4 });
    // The others had everything before the view without it came.
    expect(steps.map(({ input }) => input.kind)).not.toContain("view");
    const measures = three.measures.addresses(three.schedule.now);
    expect(Math.max(...measures.map(({ overlapMs }) => overlapMs))).toBe(0);
    expect(Math.max(...measures.map(({ longestGapMs }) => longestGapMs))).toBeLessThan(60);
  });

  it("that is the last one lets go all the same", () => {
    const one = started(alike(["a"], vips(3)));
    one.leave("a");
    one.runUntil(() => (one.daemons.has("a") ? "a is still there" : null), 5_000);

    expect(one.hosts.get("a")?.plumbed().size).toBe(0);
  });

  it("leaves also when it is told to in the middle of a change of view", () => {
    const three = started(alike(ABC, vips(9)));
    three.die("c", "killed");
    rested(three);
    const steps = recorded(three);
    three.start("c");
    three.runUntil(
      () => (steps.some(({ on, input }) => on === "b" && input.kind === "view") ? null : "no view"),
      2_000,
      0.1,
    );
    expect(three.daemons.get("b")?.core.ownership.settled).toBe(false);
    three.leave("b");
    three.runUntil(() => (three.daemons.has("b") ? "b is still there" : null), 5_000);

    expect(Object.keys(three.homes())).toHaveLength(9);
  });

  it("is given nothing any more, and may come back", () => {
    const two = started(alike(["a", "b"], vips(4, { preference: "b" })));
    two.leave("b");
    two.run(2_000);
    expect(loads(two)).toEqual({ a: 4 });

    two.start("b");
    rested(two);
    expect(loads(two)).toEqual({ b: 4 });
  });
});

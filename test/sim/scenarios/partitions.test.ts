import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import type { ClusterOptions } from "../../../src/sim/options.js";
import { addressOf, alike, cluster, loads, recorded, rested, row, started, type Step, vip, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
const strict = (count: number) => vips(count, { policy: "strict" });
const majority = (count: number) => vips(count, { policy: "majority" });

/** First time that a node let go of, or took, something, of its own accord; Infinity for never. */
function first(steps: readonly Step[], on: string, kind: "acquire" | "release"): number {
  const step = steps.find((some) => some.on === on && some.outputs.some((output) => output.kind === kind));
  return step?.time ?? Number.POSITIVE_INFINITY;
}

function events(steps: readonly Step[], on: string): string[] {
  return steps
    .filter((step) => step.on === on)
    .flatMap(({ outputs }) => outputs.flatMap((output) => (output.kind === "event" ? [output.code] : [])));
}

/** How many addresses the kernels of these hosts have, least first. */
function shares(some: Cluster, ...hosts: string[]): number[] {
  return hosts.map((host) => some.hosts.get(host)?.plumbed().size ?? 0).sort((a, b) => a - b);
}

/** How often two live hosts had an address at once. */
function overlaps(some: Cluster): number {
  return some.measures.counts["overlap"] ?? 0;
}

describe("the policy majority", () => {
  it("leaves a part without a quorum no address, and gives the other part all", () => {
    const three = started(alike(ABC, majority(9)));
    three.cut(["c"], ["a", "b"]);
    three.run(5_000);

    expect(shares(three, "a", "b")).toEqual([4, 5]);
    expect(three.hosts.get("c")?.plumbed().size).toBe(0);
    expect(row(three, "c", 1)).toMatchObject({ owner: null, phase: "idle" });
  });

  it("is not that of addresses of other Topologies", () => {
    const three = started(
      cluster(Object.fromEntries(ABC.map((name) => [name, [...majority(3), ...vips(6).slice(3)]]))),
    );
    three.cut(["c"], ["a", "b"]);
    three.run(5_000);

    expect([...(three.hosts.get("c")?.plumbed() ?? [])].sort()).toEqual([4, 5, 6].map(addressOf));
  });

  it("tells when the quorum is lost, and when it is there again", () => {
    const three = started(alike(ABC, majority(3)));
    const steps = recorded(three);
    three.cut(["c"], ["a", "b"]);
    three.run(3_000);
    expect(events(steps, "c")).toContain("quorum-lost");
    expect(events(steps, "a")).not.toContain("quorum-lost");
    three.heal();
    rested(three);

    expect(events(steps, "c")).toContain("quorum-regained");
    expect(loads(three)).toEqual({ a: 1, b: 1, c: 1 });
  });

  it("lets a node that has lost its quorum leave", () => {
    const three = started(alike(ABC, majority(9)));
    three.cut(["c"], ["a", "b"]);
    three.run(3_000);
    three.leave("c");
    three.run(100);

    expect(three.daemons.has("c")).toBe(false);
  });

  it("gives the half with the first name the addresses of a cluster of two", () => {
    const two = started(alike(["a", "b"], majority(4)));
    two.cut(["a"], ["b"]);
    two.run(5_000);
    expect(loads(two)).toEqual({ a: 4 });
    two.heal();
    rested(two);
    two.die("a", "power");
    two.run(5_000);

    expect(loads(two)).toEqual({});
  });
});

describe("the policy strict", () => {
  // The worst pair: the clock of the minority is slow, and that of the others fast.
  const drifting: Partial<ClusterOptions> = {
    clockDriftMax: 0.05,
    clocks: new Map([
      ["a", { rate: 1.05, originMs: 1e6 }],
      ["b", { rate: 1.05, originMs: 5 }],
      ["c", { rate: 0.95, originMs: 3e7 }],
    ]),
  };

  it("serves as every other while nothing fails", () => {
    expect(loads(started(alike(ABC, strict(9))))).toEqual({ a: 3, b: 3, c: 3 });
  });

  it.each(["model", "channel"] as const)(
    "has the minority drop its addresses before the majority takes them, over the %s",
    (engine) => {
      const three = started(alike(ABC, strict(9), { engine, ...drifting }));
      const steps = recorded(three);
      three.cut(["c"], ["a", "b"]);
      three.run(8_000);

      expect(first(steps, "c", "release")).toBeLessThan(first(steps, "a", "acquire"));
      expect(overlaps(three)).toBe(0);
      expect(shares(three, "a", "b")).toEqual([4, 5]);
    },
  );

  it("waits a lease after the departure of a node that may live, and takes a planned move at once", () => {
    const three = started(alike(ABC, strict(9)));
    const begun = three.schedule.now;
    three.move("a", addressOf(1), row(three, "a", 1)?.owner === "b" ? "c" : "b");
    three.runUntilCalm();
    expect(three.schedule.now - begun).toBeLessThan(three.options.leaseMs / 2);

    const steps = recorded(three);
    const cut = three.schedule.now;
    three.die("c", "power");
    three.run(8_000);
    expect(first(steps, "a", "acquire")).toBeGreaterThan(cut + three.options.leaseMs);
  });

  it("ends by itself on a node that runs, and hears nothing, while its view stands", () => {
    const three = started(alike(ABC, strict(9), { model: { failureTimeoutMs: 60_000, joinMs: 150 } }));
    const steps = recorded(three);
    three.pause("a");
    three.pause("b");
    three.run(5_000);

    expect(events(steps, "c")).toContain("lease-lapsed");
    expect(three.hosts.get("c")?.plumbed().size).toBe(0);
    three.resume("a");
    three.resume("b");
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("lets a node that was stopped drop everything before it does anything else", () => {
    const three = started(alike(ABC, strict(9), { lifelines: new Set(ABC) }));
    three.pause("c");
    three.cut(["c"], ["a", "b"]);
    three.run(8_000);
    expect(shares(three, "a", "b")).toEqual([4, 5]);
    const steps = recorded(three);
    three.heal();
    three.resume("c");
    three.run(1);

    const outputs = steps.find(({ on }) => on === "c")?.outputs ?? [];
    expect(outputs.slice(0, 2)).toMatchObject([{ kind: "drop" }, { kind: "release", urgent: true }]);
    expect(three.hosts.get("c")?.plumbed().size).toBe(0);
    const told = outputs.flatMap((output) =>
      output.kind === "event" && output.code === "lease-lapsed" ? [output] : [],
    );
    expect(told).toMatchObject([{ facts: { addresses: 3, lateMs: expect.any(Number) } }]);
    expect(told[0]?.facts["idleMs"]).toBeGreaterThanOrEqual(8_000);
    three.run(10);
    rested(three);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("cuts deliveries that a planned move let end, when the lease is over", () => {
    const three = started(alike(ABC, strict(3), { host: { batchMs: 2, addressMs: 0.02, drainMs: 600_000 } }));
    const held = [1, 2, 3].find((n) => row(three, "a", n)?.owner === "c") ?? 0;
    three.move("a", addressOf(held), "a");
    three.run(50);
    expect(row(three, "a", held)?.phase).toBe("releasing");
    three.cut(["c"], ["a", "b"]);
    three.run(3_000);

    expect(three.measures.plumbedBy(addressOf(held)).has("c")).toBe(false);
  });

  it("stays with one owner through cuts in one direction", () => {
    const three = started(alike(ABC, strict(9), { engine: "channel", ...drifting }));
    three.cut(["a"], ["c"], true);
    three.run(10_000);
    expect(overlaps(three)).toBe(0);
    three.heal();
    three.run(10_000);
    three.cut(["b"], ["a", "c"], true);
    three.run(10_000);
    three.heal();
    rested(three);

    expect(overlaps(three)).toBe(0);
    expect(loads(three)).toEqual({ a: 3, b: 3, c: 3 });
  });

  it("waits for a lease that a member answered before it was started anew, and nobody remembers", () => {
    const channel = { heartbeatIntervalMs: 100, failureTimeoutMs: 10_000, reconnectIntervalMs: 250 };
    const options = { engine: "channel", channel, viewMatureTimeMs: 100 } as const;
    const three = alike(ABC, vips(3, { policy: "strict", preferences: ["a"] }), options);
    three.cut(["a"], ["b", "c"]);
    three.start("a", "b", "c");
    three.run(40_000);
    const held = three.hosts.get("c")?.plumbed().size ?? 0;
    expect(held).toBeGreaterThan(0);
    // What c has was answered by b, which starts anew beside a. Neither of them knows that c is there.
    three.die("b", "power");
    three.heal();
    three.cut(["c"], ["a", "b"]);
    three.start("b");
    const begun = three.schedule.now;
    const steps = recorded(three);
    three.run(8_000);

    expect(first(steps, "a", "acquire")).toBeGreaterThan(begun + three.options.leaseMs);
    expect(shares(three, "a")).toEqual([3]);
    expect(overlaps(three)).toBe(0);
  });

  it("lets no part take what only its own last words in a view gave it", () => {
    const three = started(alike(ABC, strict(1), { engine: "channel" }));
    const failing = new Set([addressOf(1)]);
    for (const host of three.hosts.values()) Object.assign(host, { failing });
    for (const host of three.hosts.values()) host.lose(addressOf(1));
    three.runUntil(() => (row(three, "a", 1)?.refusedBy.size === 3 ? null : "somebody has not refused"), 5_000, 1);
    for (const host of three.hosts.values()) host.failing = new Set();
    // Each is about to say that it is ready: that of b will be its last word in this view, to be heard by b alone.
    three.run(900);
    three.cut(["b"], ["a", "c"]);
    const steps = recorded(three);
    three.run(8_000);

    const lastHeard = steps.findLast(({ on, input }) => on === "b" && input.kind === "message")?.input;
    expect(lastHeard).toMatchObject({ from: "b" });
    expect(overlaps(three)).toBe(0);
    expect(shares(three, "a", "b", "c")).toEqual([0, 0, 1]);
  });

  it("waits a lease for what was on its way when a member departed, which may have been told that it is its own", () => {
    const three = started(alike(ABC, strict(9), { engine: "channel" }));
    const n = [1, 2, 3, 4].find((some) => row(three, "a", some)?.owner === "c") ?? 0;
    three.move("a", addressOf(n), "a");
    three.runUntil(() => (row(three, "c", n)?.phase === "releasing" ? null : "c has not begun to let go"), 1_000, 1);
    // b and c hear no more of a, which hears that c has let go. What b says then comes before that where b and c end the view.
    three.cut(["a"], ["b", "c"], true);
    three.runUntil(() => (three.hosts.get("a")?.plumbed().has(addressOf(n)) ? null : "a has it not"), 1_000, 1);
    three.run(300);
    three.cut(["b"], ["a"], true);
    three.move("b", addressOf(n), "b");
    three.run(8_000);

    expect(row(three, "c", n)).toMatchObject({ owner: "b", pin: "b" });
    expect(overlaps(three)).toBe(0);
  });

  it("waits a lease for what comes to a unit when the table is made anew, and was somebody's for itself before", () => {
    const following = [vip(1, { policy: "strict" }), vip(2, { policy: "strict", follows: addressOf(1) })];
    const three = cluster({ a: following, b: strict(2), c: following }, { engine: "channel" });
    three.start("b", "c");
    rested(three);
    three.move("b", addressOf(1), "c");
    three.move("b", addressOf(2), "b"); // In CONFLICT over what it follows, so that it leads a unit of its own.
    rested(three);
    expect(three.homes()).toEqual({ [addressOf(1)]: "c", [addressOf(2)]: "b" });
    // c hears b no more, and has a instead, which agrees with it; b goes on for a while.
    three.cut(["b"], ["a", "c"], true);
    three.start("a");
    three.run(450);
    three.clog("c", "b", 3_000);
    three.clog("a", "b", 3_000);
    three.run(8_000);

    expect(overlaps(three)).toBe(0);
    expect(three.hosts.get("c")?.plumbed()).toEqual(new Set([addressOf(1), addressOf(2)]));
  });

  it("counts where any member has it, and stays when that one departs", () => {
    const layout = { a: vips(9), b: vips(9), c: strict(9) };
    const three = started(cluster(layout));
    expect(three.daemons.get("a")?.core.ownership.definitions.vips.get(addressOf(1))?.policy).toBe("strict");
    const steps = recorded(three);
    const cut = three.schedule.now;
    three.cut(["c"], ["a", "b"]);
    three.run(8_000);

    expect(first(steps, "a", "acquire")).toBeGreaterThan(cut + three.options.leaseMs);
    expect(overlaps(three)).toBe(0);
  });

  it("is told of where members differ about it", () => {
    const steps: string[] = [];
    const two = cluster({ a: vips(2), b: strict(2) });
    two.onStep = (_, __, outputs) => {
      for (const output of outputs) if (output.kind === "event") steps.push(`${output.code} ${output.facts["holds"]}`);
    };
    started(two);

    expect(steps).toContain("partition-policy-differs strict");
  });
});

describe("a part that comes back", () => {
  it("has every owner announce its addresses again, since caches may point to an owner that gave up before", () => {
    const three = started(alike(ABC, majority(9)));
    three.cut(["c"], ["a", "b"]);
    three.run(5_000);
    const homes = three.homes();
    const steps = recorded(three);
    three.heal();
    three.runUntilCalm();

    const told = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) => (output.kind === "announce" ? output.addresses.map((address) => [address, on]) : [])),
    );
    expect(told).toHaveLength(9);
    expect(Object.fromEntries(told)).toEqual(homes);
  });

  it("is not a node that starts: nobody announces anything again for that", () => {
    const three = started(alike(ABC, vips(9)));
    three.die("c", "killed");
    rested(three);
    const steps = recorded(three);
    three.start("c");
    three.runUntilCalm();

    expect(steps.flatMap(({ outputs }) => outputs.filter(({ kind }) => kind === "announce"))).toEqual([]);
  });
});

import { describe, expect, it } from "vitest";
import { unrest } from "../../../src/sim/liveness.js";
import type { Cluster } from "../../../src/sim/cluster.js";
import { USUAL } from "../../../src/sim/options.js";
import { addressOf, alike, loads, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
const COUNT = 30;
/** Which frames are lost, and when each part looks, differs with it. */
const SEEDS = Array.from({ length: 10 }, (_, i) => i + 1);

function nodes(names: readonly string[], seed: number): Cluster {
  return alike(names, vips(COUNT), { engine: "channel", seed });
}

function lacking(cluster: Cluster): string | null {
  const homes = cluster.homes();
  for (let n = 1; n <= COUNT; n++) if (homes[addressOf(n)] === undefined) return `${addressOf(n)} is nobody's`;
  return null;
}

const all = (cluster: Cluster) => cluster.runUntil(() => lacking(cluster), 120_000);

/** Safety fails the run as soon as two kernels have one address. */
function expectApart(cluster: Cluster): void {
  for (const home of Object.values(cluster.homes())) expect(home).not.toContain("+");
  expect(cluster.measures.counts["overlap"] ?? 0).toBe(0);
}

describe("nodes with another key", () => {
  it("that start at the same time have no address twice, and serve all", () => {
    for (const odd of ABC) {
      for (const seed of SEEDS) {
        const three = nodes(ABC, seed);
        three.rekey(odd, "another");
        three.start(...ABC);
        all(three);
        three.run(70_000);
        expect(lacking(three)).toBeNull();
        expectApart(three);
        const even = ABC.filter((name) => name !== odd);
        expect(three.daemons.get(odd)?.core.refusedPeers.map(({ peer }) => peer)).toEqual(even);
        for (const name of even)
          expect(three.daemons.get(name)?.core.refusedPeers).toEqual([{ peer: odd, reason: "key" }]);
      }
    }
  });

  it("that start later take nothing of what the others have, and all of it once these are gone", () => {
    for (const odd of ABC) {
      const even = ABC.filter((name) => name !== odd);
      const three = nodes(ABC, 1);
      three.rekey(odd, "another");
      three.start(...even);
      all(three);
      three.start(odd);
      three.run(40_000);
      expect(loads(three)[odd]).toBeUndefined();
      expectApart(three);
      for (const name of even) three.die(name, "power");
      // Its presence ends before the longest wait of a retry does.
      three.runUntil(() => (loads(three)[odd] === COUNT ? null : `${odd} lacks some`), 5_000);
    }
  });

  it("are one cluster with the others once the key is mended, whoever gets which", () => {
    for (const [odd, mended] of [
      ["a", "a"],
      ["c", "c"],
      ["a", "bc"],
      ["c", "ab"],
    ] as const) {
      const three = nodes(ABC, 1);
      three.rekey(odd, "another");
      three.start(...ABC);
      all(three);
      for (const name of mended) {
        three.rekey(name, mended === odd ? "cluster" : "another");
        three.leave(name);
        three.runUntil(() => (three.daemons.has(name) ? `${name} leaves` : null), 20_000);
        three.start(name);
        three.run(3_000);
      }
      rested(three);
      expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
      for (const { core } of three.live()) expect(core.refusedPeers).toEqual([]);
    }
  });

  it("that are three parts share out what there is", () => {
    for (const seed of SEEDS) {
      const three = nodes(ABC, seed);
      for (const name of ABC) three.rekey(name, name);
      three.start(...ABC);
      all(three);
      three.run(70_000);
      expect(lacking(three)).toBeNull();
      expectApart(three);
    }
  });

  it("that both took an address, since each of their frames was lost, have it once as soon as they hear each other", () => {
    const two = alike(["a", "b"], vips(COUNT), {
      engine: "channel",
      lan: { ...USUAL.lan, loss: 0.6 },
    });
    two.rekey("b", "another");
    // What the kernels have is the point: safety is told that this cluster is parted.
    two.cut([], []);
    two.start("a", "b");
    two.run(60_000);
    // As every daemon does once in a while.
    for (let period = 0; period < 10; period++) {
      for (const host of two.hosts.values()) host.announce([...host.plumbed()]);
      two.run(4_000);
    }
    expect(two.measures.counts["overlap"] ?? 0).toBeGreaterThan(0);
    expect(lacking(two)).toBeNull();
    for (const home of Object.values(two.homes())) expect(home).not.toContain("+");
  });
});

describe("an address that a member gave up to a refused peer", () => {
  it("is not taken by the next member either", () => {
    const three = nodes(ABC, 1);
    three.rekey("c", "another");
    three.start(...ABC);
    three.run(10_000);
    const lost = Object.entries(three.homes()).flatMap(([address, home]) => (home === "a" ? [address] : []));
    expect(lost.length).toBeGreaterThan(0);
    // Both have it: what the LAN kept from them when they asked.
    three.cut([], []);
    three.host("c").acquire(
      lost,
      () => Number.POSITIVE_INFINITY,
      () => {},
    );
    const seen = new Set<string>();
    const end = three.schedule.now + 10_000;
    while (three.schedule.step(end))
      for (const address of lost) for (const host of three.measures.plumbedBy(address)) seen.add(host);
    expect([...seen].sort()).toEqual(["a", "c"]);
  });
});

describe("garbage from the address of a dead peer", () => {
  it("keeps a lone survivor from nothing", () => {
    const two = nodes(["a", "b"], 1);
    const flood = (): void => {
      two.forge("b", "a");
      two.forge("a", "b");
      two.schedule.after(20, flood);
    };
    flood();
    two.start("b");
    two.runUntil(() => unrest(two.live()) ?? lacking(two), 5_000);
    expect(two.daemons.get("b")?.core.refusedPeers).toEqual([]);
    expect(loads(two)).toEqual({ b: COUNT });
  });

  it("does not make a peer live longer, nor a takeover later", () => {
    const three = started(nodes(ABC, 1));
    const flood = (): void => {
      for (const name of ["b", "c"]) three.forge("a", name);
      three.schedule.after(20, flood);
    };
    flood();
    three.die("a", "power");
    three.runUntil(() => (lacking(three) === null && loads(three)["a"] === undefined ? null : "not taken over"), 2_000);
  });
});

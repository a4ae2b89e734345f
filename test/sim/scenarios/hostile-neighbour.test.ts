/** A host on the LAN of the VIPs that sends whatever frames it likes; safety is judged at every step. */
import { describe, expect, it } from "vitest";
import { MOST_GIVEN } from "../../../src/core/conflict-watch.js";
import type { Cluster } from "../../../src/sim/cluster.js";
import { USUAL } from "../../../src/sim/options.js";
import { addressOf, alike, loads, recorded, type Step, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
const COUNT = 240;
const ADDRESSES = Array.from({ length: COUNT }, (_, i) => addressOf(i + 1));
const SEEDS = [1, 2];

type Action = "defend" | "yield";

function three(seed: number, action: Action): Cluster {
  const lan = { ...USUAL.lan, refreshMs: 4_000, conflict: { limit: 3, action } };
  return started(alike(ABC, vips(COUNT), { engine: "channel", seed, lan }));
}

/** @param as who it says that it is, at each time. */
function flood(cluster: Cluster, as: (time: number) => string, seconds: number): void {
  for (let time = 0; time < 2 * seconds; time++) {
    cluster.claim(as(time), ADDRESSES);
    cluster.run(500);
  }
}

function view(cluster: Cluster): string[] {
  return ABC.map((name) => [...(cluster.daemons.get(name)?.core.ownership.members.keys() ?? [])].join(" "));
}

/** Addresses that nodes let go of though nobody of the cluster asked for it. */
function lost(steps: readonly Step[]): string[] {
  return steps.flatMap(({ input }) => (input.kind === "lost" ? input.addresses : []));
}

describe("a hostile neighbour", () => {
  it.each(["defend", "yield"] as const)(
    "with ever new hardware addresses takes nothing from nodes that %s",
    (action) => {
      for (const seed of SEEDS) {
        const cluster = three(seed, action);
        const [homes, members] = [cluster.homes(), view(cluster)];
        const steps = recorded(cluster);
        flood(cluster, (time) => `stranger ${time}`, 45);
        expect(cluster.homes(), `seed ${seed}`).toEqual(homes);
        expect(view(cluster)).toEqual(members);
        expect(lost(steps)).toEqual([]);
        cluster.runUntil(() => cluster.lan.misled(new Map(Object.entries(homes))), 60_000);
      }
    },
  );

  it("that calls itself by the names of the nodes takes nothing, and its neighbours hear the owners in the end", () => {
    for (const seed of SEEDS) {
      const cluster = three(seed, "yield");
      const homes = cluster.homes();
      const steps = recorded(cluster);
      flood(cluster, (time) => ABC[time % ABC.length] ?? "a", 60);
      expect(cluster.homes(), `seed ${seed}`).toEqual(homes);
      expect(lost(steps)).toEqual([]);
      cluster.runUntil(() => cluster.lan.misled(new Map(Object.entries(homes))), 60_000);
    }
  });

  it("with one hardware address makes nodes that yield let go of a few addresses at a time", () => {
    for (const seed of SEEDS) {
      const cluster = three(seed, "yield");
      const steps = recorded(cluster);
      flood(cluster, () => "stranger", 35);
      expect(lost(steps).length, `seed ${seed}`).toBeGreaterThan(0);
      expect(lost(steps).length).toBeLessThanOrEqual(ABC.length * MOST_GIVEN);
      cluster.run(120_000);
      expect(Object.values(loads(cluster)).reduce((sum, some) => sum + some)).toBe(COUNT);
    }
  });
});

import { describe, expect, it } from "vitest";
import type { Cluster } from "../../../src/sim/cluster.js";
import { USUAL } from "../../../src/sim/options.js";
import { alike, recorded, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];
/** Nothing is dark any more so long after a merge has settled. */
const DARK_MS = 1_500;
/** By then whatever is defended once in ten seconds has been. */
const WATCHED_MS = 12_000;
/** Every address is repeated and asked for often, so that it happens while the cluster heals. */
const LAN = { ...USUAL.lan, neighbours: 4, refreshMs: 1_000, askMs: 200 };

function cluster(seed: number): Cluster {
  const options = {
    seed,
    lan: LAN,
    viewBalanceIntervalMs: 600_000,
    host: { batchMs: 30, addressMs: 0.2, drainMs: 20 },
  };
  const three = alike(ABC, vips(12), options);
  three.start(...ABC);
  three.runUntilCalm();
  return three;
}

/** Until every member has made the table of the merged view. */
function settle(three: Cluster): void {
  const waits = () => three.live().find(({ core }) => !core.ownership.settled || core.ownership.members.size < 3);
  three.runUntil(() => (waits() === undefined ? null : `${waits()?.name} has not settled`), 60_000, 1);
}

/** From 1.5 s after now on, at every moment: no neighbour sends anywhere else than to the owner. */
function watch(three: Cluster): void {
  three.run(DARK_MS);
  for (const end = three.schedule.now + WATCHED_MS; three.schedule.now < end; three.run(20)) {
    const misled = three.lan.misled(new Map(Object.entries(three.homes())));
    if (misled !== null) three.fail(misled);
  }
}

const SEEDS = Array.from({ length: 30 }, (_, seed) => seed);

describe("a cluster that was cut in two, and healed", () => {
  it.each([
    ["where the LAN was cut too", true],
    ["where both parts were on one LAN all the time", false],
  ])("misleads no neighbour once the merge has settled, %s", (_where, offTheLan) => {
    for (const seed of SEEDS) {
      const three = cluster(seed);
      const cut = ABC[seed % 3] ?? "a";
      const others = ABC.filter((name) => name !== cut);
      three.cut([cut], others);
      if (offTheLan) three.unplugFromLan(cut);
      three.run(5_000);
      three.plugIntoLan(cut);
      three.heal();
      settle(three);
      watch(three);
    }
  });

  it("misleads no neighbour once a loser has let go whose kernel takes its time, and answers meanwhile", () => {
    for (const seed of SEEDS) {
      const three = cluster(seed);
      three.cut(["a"], ["b", "c"]);
      three.run(5_000);
      for (const name of ABC) three.host(name).slowness = 100;
      three.heal();
      settle(three);
      const held = () => [...(three.live()[0]?.core.ownership.rows ?? [])].find(([, { holders }]) => holders.size > 0);
      three.runUntil(() => (held() === undefined ? null : `${held()?.[0]} is held by a loser`), 60_000, 1);
      watch(three);
    }
  });

  it("misleads no neighbour where a member that was stopped runs again, and says what was due", () => {
    for (const seed of SEEDS) {
      const three = cluster(seed);
      three.pause("b");
      three.run(5_000);
      three.resume("b");
      three.run(1_000);
      settle(three);
      watch(three);
    }
  });

  it("says nothing on the LAN from the moment that a member comes back until the table is made", () => {
    const three = cluster(1);
    three.cut(["a"], ["b", "c"]);
    three.run(5_000);
    const steps = recorded(three);
    three.heal();
    settle(three);

    for (const name of ABC) {
      const outputs = steps.filter(({ on }) => on === name).flatMap((step) => step.outputs);
      const kinds = outputs.map((output) => (output.kind === "hush" ? `hush ${output.on}` : output.kind));
      expect(kinds.indexOf("hush true"), name).toBeGreaterThanOrEqual(0);
      expect(kinds.indexOf("hush false"), name).toBeGreaterThan(kinds.lastIndexOf("release"));
      expect(kinds.slice(kinds.indexOf("hush true"), kinds.indexOf("hush false")), name).not.toContain("acquire");
    }
  });
});

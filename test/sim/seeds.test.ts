import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { FAULTS } from "../../src/sim/faults.js";
import { runSimulation, type SimulationRequest, type SimulationResult } from "../../src/sim/simulate.js";

/**
 * Each commit plays seeds of its own: new ones for every change, the same ones for everybody who looks at it.
 * `SEED=7 npx vitest run test/sim/seeds` plays that seed alone, `SEEDS=500` so many from it on; `SEED=random` draws one;
 * `TRACE=1` prints every event.
 */
const { SEED, SEEDS, TRACE } = process.env;
const base = SEED === "random" ? Math.floor(Math.random() * 2 ** 31) : Number(SEED ?? seedOfCommit());
const wanted = SEEDS ?? (SEED === undefined || SEED === "random" ? undefined : 1);
const trace = TRACE === undefined ? {} : { trace: (line: string) => void process.stdout.write(`${line}\n`) };

function seedOfCommit(): number {
  const { stdout } = spawnSync("git", ["rev-parse", "HEAD"], { encoding: "utf8", cwd: import.meta.dirname });
  return Number.parseInt(stdout.slice(0, 7), 16) || 1;
}

/** All counts of all runs together. */
function totals(results: readonly SimulationResult[]): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const { counts } of results) {
    for (const [what, count] of Object.entries(counts)) totals[what] = (totals[what] ?? 0) + count;
  }
  return totals;
}

describe(`whole clusters, from seed ${base} on,`, { timeout: 120_000 + 1_000 * Number(wanted ?? 0) }, () => {
  const play = (seeds: number, request: Omit<SimulationRequest, "seed" | "seeds">) =>
    runSimulation({ seed: base, seeds: Number(wanted ?? seeds), ...trace, ...request });

  it("hold over the contract of the channel: 3 nodes, 60 VIPs", () => {
    const counts = totals(play(120, { nodes: 3, vips: 60 }));
    if (wanted !== undefined) return;

    for (const fault of FAULTS) expect(counts[`fault ${fault}`], fault).toBeGreaterThan(0);
    const branches = ["contested", "refused", "lost", "conflict", "unsafe", "broken", "agreed", "unowned"];
    for (const branch of branches) expect(counts[`event vip-${branch}`], branch).toBeGreaterThan(0);
  });

  it("hold over the contract of the channel: 5 nodes, 40 VIPs", () => {
    play(60, { nodes: 5, vips: 40 });
  });

  it("hold over the channel itself: 3 nodes, 60 VIPs", () => {
    play(60, { nodes: 3, vips: 60, engine: "channel" });
  });

  it("hold over the channel itself: 5 nodes, 40 VIPs", () => {
    play(40, { nodes: 5, vips: 40, engine: "channel" });
  });

  it("never have an address twice while the network is whole, and say how long each was away", () => {
    const faults = ["kill", "power", "restart", "leave", "move", "slow-kernel", "failing-plumb"] as const;
    const results = play(40, { nodes: 4, vips: 20, faults });

    expect(
      results.flatMap(({ addresses }) => addresses.map(({ overlapMs }) => overlapMs)).every((ms) => ms === 0),
    ).toBe(true);
    expect(results.some(({ addresses }) => addresses.some(({ longestGapMs }) => longestGapMs > 0))).toBe(true);
  });
});

describe("a seed", () => {
  it.each(["model", "channel"] as const)("gives the same run each time, over the %s", (engine) => {
    const run = () => {
      const lines: string[] = [];
      const result = runSimulation({ seed: 4, nodes: 3, vips: 12, engine, trace: (line) => lines.push(line) });
      return { result, lines };
    };

    expect(run()).toEqual(run());
  });
});

describe("a seed that failed once", () => {
  it.each([
    ["a joiner let the target plumb while the old owner was still letting go", "model", 3, 60, 20],
    ["a merge let epochs fall", "model", 3, 60, 36],
    ["a merge let epochs fall for an owner that stayed", "model", 3, 60, 87],
    ["a node that restarted parted those that it met one by one", "channel", 3, 60, 5083],
    ["a node that restarted parted a view of four", "channel", 5, 40, 4080],
    ["a promise in the middle of an install parted a view", "channel", 3, 60, 40599],
    ["two rounds with one number made views with one number", "channel", 3, 60, 40136],
  ] as const)("holds now: %s", (_, engine, nodes, vips, seed) => {
    const faults = FAULTS.filter((fault) => fault !== "pause");
    const [result] = runSimulation({ seed, nodes, vips, engine, faults, partitions: "available" });

    expect(result?.counts["given up without a cut"]).toBeUndefined();
  });
});

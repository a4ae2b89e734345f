import { describe, expect, it } from "vitest";
import { formatFailure, formatSummary, replayCommand } from "../../src/cli/simulate/report.js";
import { Tally } from "../../src/cli/simulate/tally.js";
import { run } from "../../src/cli/run.js";
import { runSeed, SimulationFailure } from "../../src/sim/simulate.js";

async function simulate(...words: string[]): Promise<{ exit: number; out: string; err: string }> {
  let [out, err] = ["", ""];
  const exit = await run(["simulate", ...words], {
    environment: {},
    out: async (text) => void (out += text),
    err: (text) => void (err += text),
    progress: null,
    stopped: () => new AbortController().signal,
  });
  return { exit, out, err };
}

describe("holdfast simulate", () => {
  it("plays seeds, and says what they met", async () => {
    const { exit, out } = await simulate("--nodes", "3", "--vips", "6", "--seed", "5", "--seeds", "3");

    expect(exit).toBe(0);
    expect(out).toContain("3 seeds, 5 to 7: 3 nodes, 6 VIPs, over the production channel");
    expect(out).toMatch(/longest time unserved +\d+\.\d{3} s +\d+\.\d{3} s/);
    expect(out).toMatch(/\d+ {2}view: survivors go on without a message/);
  });

  it("gives the same as data", async () => {
    let data = "";
    const exit = await run(["--json", "simulate", "--nodes", "2", "--vips", "4", "--seed", "5"], {
      environment: {},
      out: async (text) => void (data += text),
      err: () => {},
      progress: null,
      stopped: () => new AbortController().signal,
    });

    expect(exit).toBe(0);
    expect(JSON.parse(data)).toMatchObject({ held: true, firstSeed: 5, seeds: 1, faults: expect.any(Object) });
  });

  it("prints every event of one seed, the same each time", async () => {
    const words = ["--nodes", "2", "--vips", "4", "--seed", "9", "--trace"];
    const [first, second] = [await simulate(...words), await simulate(...words)];
    const events = (out: string) => out.split("\n").filter((line) => /^ +\d+\.\d{4} /.test(line));

    expect(events(first.out).length).toBeGreaterThan(20);
    expect(events(first.out)).toEqual(events(second.out));
  });

  it("lets only the named faults strike", async () => {
    const { out } = await simulate("--seeds", "5", "--seed", "1", "--vips", "4", "--faults", "kill,restart");

    expect(out).toMatch(/ 0 {2}power\n/);
    expect(out).toMatch(/[1-9] {2}kill\n/);
  });

  it.each([
    ["--faults", "kill,flood"],
    ["--nodes", "0"],
    ["--engine", "spread"],
    ["--minutes", "-1"],
  ])("refuses %s %s", async (...words) => {
    const { exit, err } = await simulate(...words);

    expect(exit).toBe(64);
    expect(err).toContain(words[0]);
  });
});

describe("an invariant that breaks", () => {
  const request = { nodes: 5, vips: 20, engine: "model" as const, faults: ["kill", "restart"] as const };

  it("is shown with its seed, the last events and the command that plays it again", () => {
    const failure = new SimulationFailure(77, "S1: b plumbs 10.1.0.1, which a has", ["   1.0 a   > wake"]);
    const replay = replayCommand(request, 77);

    expect(replay).toBe("holdfast simulate --nodes 5 --vips 20 --engine model --faults kill,restart --seed 77 --trace");
    const text = formatFailure(failure, replay);
    expect(text).toContain("seed 77 breaks an invariant: S1: b plumbs");
    expect(text).toContain("1.0 a   > wake");
    expect(text).toContain(replay);
  });
});

describe("the summary", () => {
  it("has the worst address of all seeds, and a median that is right within a few percent", () => {
    const tally = new Tally({ nodes: 3, vips: 1 }, 1);
    const result = runSeed({ seed: 1, nodes: 1, vips: 1, faults: [] });
    const address = { address: "10.1.0.1", gapMs: 0, overlapMs: 0, moves: 0 };
    for (const [seed, longestGapMs] of [
      [1, 10],
      [2, 100],
      [3, 4_000],
    ] as const) {
      tally.add({ ...result, seed, addresses: [{ ...address, longestGapMs }] });
    }

    const { longestGapMs } = tally.summary();
    expect(longestGapMs).toMatchObject({ worst: 4_000, worstSeed: 3, worstAddress: "10.1.0.1" });
    expect(longestGapMs.median / 100).toBeCloseTo(1, 1);
    expect(formatSummary(tally.summary())).toContain("4.000 s  (seed 3, 10.1.0.1)");
  });
});

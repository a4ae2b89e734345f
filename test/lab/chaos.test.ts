import { describe, expect, it } from "vitest";
import { CHAOS_PROBING, playChaos } from "../../src/lab/chaos/chaos.js";
import { chaosPlan } from "../../src/lab/chaos/plan.js";
import { renderChaos } from "../../src/lab/chaos/report.js";
import { Lab } from "../../src/lab/lab.js";
import { remains } from "../../src/lab/namespaces.js";
import { Random } from "../../src/sim/random.js";

/** New faults are begun for a minute; the last of them may take its time to heal. */
const PLAYED_MS = 60_000;
const LIMIT_MS = 420_000;

/** One and the same, so that two runs can be compared; `npm run chaos` draws others. */
const seed = Number(process.env["CHAOS_SEED"] ?? 11);

describe(`chaos, seed ${seed}`, { timeout: LIMIT_MS }, () => {
  it.each([3, 5])(
    "has every address of %i nodes alive at one owner after each fault, and loses no mail",
    async (nodes) => {
      const plan = chaosPlan(nodes, new Random(seed).stream("plan"));
      const lab = await Lab.create(plan, CHAOS_PROBING);
      const lines: string[] = [];
      let ok = false;
      try {
        const report = await playChaos(lab, plan, { seed, forMs: PLAYED_MS }, (line) => lines.push(line));
        ok = report.violations.length === 0 && report.strikes.length > 0;
        expect(
          ok,
          `npm run chaos -- --nodes ${nodes} --seed ${seed}\n${lines.join("\n")}\n${renderChaos(report)}`,
        ).toBe(true);
      } finally {
        if (!ok) process.stderr.write(`${lines.join("\n")}\nlogs: ${lab.network.keepDirectory()}\n`);
        await lab.network.remove();
      }
      expect(remains()).toEqual([]);
    },
  );
});

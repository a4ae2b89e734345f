import { expect, it } from "vitest";
import { CHAOS_PROBING } from "../../src/lab/chaos/chaos.js";
import { Lab } from "../../src/lab/lab.js";
import { ledgerPlan, playLedger } from "../../src/lab/ledger/ledger.js";
import { KINDS } from "../../src/lab/ledger/messages.js";
import { renderLedger } from "../../src/lab/ledger/report.js";
import { remains } from "../../src/lab/namespaces.js";

/** Another one: HOLDFAST_SEED=7 HOLDFAST_LEDGER_MINUTES=5 npx vitest run --project kernel test/ledger */
const seed = Number(process.env["HOLDFAST_SEED"] ?? 1 + Math.floor(Math.random() * 2 ** 31));
const minutes = Number(process.env["HOLDFAST_LEDGER_MINUTES"] ?? "1");
/** Before and after the mail the lab waits for states, each with a limit of its own. */
const LIMIT_MS = 600_000 + minutes * 60_000;

it(
  "Every 250 is kept while daemons are killed and stopped and addresses move, whatever the mail",
  async () => {
    process.stdout.write(`ledger: seed ${seed}\n`);
    const lab = await Lab.create(ledgerPlan(), CHAOS_PROBING);
    try {
      const told: string[] = [];
      const options = { seed, forMs: minutes * 60_000, kinds: KINDS };
      const report = await playLedger(lab, options, (line) => void told.push(line));
      const broken = report.violations.length > 0;
      const kept = broken ? `\nconfigurations, logs and spools: ${lab.network.keepDirectory()}` : "";
      expect(report.violations.length, `${told.join("\n")}\n\n${renderLedger(report)}${kept}`).toBe(0);
      // A run in which nothing got through shows nothing.
      const accepted = report.record.entries.filter(({ outcome }) => outcome === "accepted");
      expect(new Set(accepted.map(({ kind }) => kind)).size).toBe(KINDS.length - 2);
      expect(report.record.notices.length).toBeGreaterThan(0);
      expect(report.faults["kill"] ?? 0).toBeGreaterThan(0);
    } finally {
      await lab.network.remove();
    }
    expect(remains()).toEqual([]);
  },
  LIMIT_MS,
);

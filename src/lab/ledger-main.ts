/** `npm run ledger`: hostile mail, kills, stops and moves on real nodes; then every 250 is accounted for. */
import { Command, InvalidArgumentError } from "commander";
import { ERROR_CODES, explain, hasCode } from "../errors.js";
import { CHAOS_PROBING } from "./chaos/chaos.js";
import { Lab } from "./lab.js";
import { ledgerPlan, playLedger } from "./ledger/ledger.js";
import { type Kind, KINDS } from "./ledger/messages.js";
import { renderLedger } from "./ledger/report.js";
import { endOnSignals, positive, say } from "./main-parts.js";
import { remains } from "./namespaces.js";

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly kinds: readonly Kind[];
  readonly keep?: true;
}

const options = new Command("npm run ledger --")
  .description("Hostile mail through three real nodes that are killed and stopped, in network namespaces (needs root)")
  .option("--minutes <n>", "how long mail is sent", positive, 1)
  .option("--seed <n>", "what is drawn; default: a new one", positive, 1 + Math.floor(Math.random() * 2 ** 31))
  .option("--kinds <names>", "kinds of messages, separated by commas", kindsOf, KINDS)
  .option("--keep", "keep configurations, logs and spools")
  .parse()
  .opts<Options>();

endOnSignals();
try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`seed ${options.seed}: ${explain(error)}\n`);
  process.exitCode = hasCode(error, "ERR_LAB") ? ERROR_CODES.ERR_LAB.exit : 1;
}

async function main(): Promise<number> {
  const { seed, minutes, kinds } = options;
  say(`seed ${seed}, ${minutes} minutes, ${kinds.join(" ")}`);
  const lab = await Lab.create(ledgerPlan(), CHAOS_PROBING);
  let ok = false;
  try {
    const report = await playLedger(lab, { seed, forMs: minutes * 60_000, kinds }, say);
    ok = report.violations.length === 0;
    say(`\n${renderLedger(report)}\n\n${ok ? "Every 250 was kept." : "NOT every promise was kept."}`);
  } finally {
    if (options.keep === true || !ok) say(`configurations, logs and spools: ${lab.network.keepDirectory()}`);
    await lab.network.remove();
  }
  const left = remains();
  for (const name of left) say(`FAILED: ${name} is still there`);
  return ok && left.length === 0 ? 0 : 1;
}

function kindsOf(text: string): readonly Kind[] {
  return text.split(",").map((name) => {
    const kind = KINDS.find((one) => one === name);
    if (kind === undefined) throw new InvalidArgumentError(`${name} is none of ${KINDS.join(", ")}`);
    return kind;
  });
}

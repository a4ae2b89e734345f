/** What `holdfast simulate` says to people. */
import { FAULTS } from "../../sim/faults.js";
import type { SimulationFailure, SimulationRequest } from "../../sim/simulate.js";
import type { Spread, Summary } from "./tally.js";

export function replayCommand(request: Omit<SimulationRequest, "seed">, seed: number): string {
  const { nodes, vips, engine = "model", faults = FAULTS } = request;
  const some = faults.length === FAULTS.length ? "" : ` --faults ${faults.join(",")}`;
  return `holdfast simulate --nodes ${nodes} --vips ${vips} --engine ${engine}${some} --seed ${seed} --trace`;
}

export function formatFailure({ seed, what, events }: SimulationFailure, replay: string): string {
  const last = events.map((line) => `  ${line}\n`).join("");
  return `\nseed ${seed} breaks an invariant: ${what}\nthe last events:\n${last}every event: ${replay}\n`;
}

export function formatSummary(summary: Summary): string {
  const { seeds, firstSeed, nodes, vips, engine, virtualMs, elapsedMs, seedsAMinute, faults, branches } = summary;
  const which = seeds === 1 ? `seed ${firstSeed}` : `${seeds} seeds, ${firstSeed} to ${firstSeed + seeds - 1}`;
  const lines = [
    `${which}: ${nodes} nodes, ${vips} VIPs, ${engine === "channel" ? "over the production channel" : "over a model of the channel"}`,
    `every invariant held through ${hours(virtualMs)} of their time, in ${seconds(elapsedMs)}: ${seedsAMinute} seeds a minute`,
    "",
    `${"of each address".padEnd(26)}${"median".padStart(12)}${"worst".padStart(12)}`,
    row("longest time unserved", summary.longestGapMs, seconds),
    row("with two owners, cut off", summary.overlapMs, seconds),
    row("changes of owner", summary.moves, (count) => String(Math.round(count))),
    row("healed after", summary.healedMs, seconds),
    "",
    "faults:",
    ...table(faults),
    "",
    "rare places:",
    ...table(branches),
  ];
  return `${lines.join("\n")}\n`;
}

function row(
  name: string,
  { median, worst, worstSeed, worstAddress }: Spread,
  show: (value: number) => string,
): string {
  const where = worst > 0 ? `  (seed ${worstSeed}${worstAddress === "" ? "" : `, ${worstAddress}`})` : "";
  return `${name.padEnd(26)}${show(median).padStart(12)}${show(worst).padStart(12)}${where}`;
}

function table(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).map(([name, count]) => `${String(count).padStart(10)}  ${name}`);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`;
}

function hours(ms: number): string {
  return ms < 3_600_000 ? `${(ms / 60_000).toFixed(1)} minutes` : `${(ms / 3_600_000).toFixed(1)} hours`;
}

/** `holdfast simulate`: whole clusters in virtual time, from seeds. Here the command line is described and carried out. */
import { setImmediate as breathe } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { FAULTS, type Fault } from "../../sim/faults.js";
import { runSeed, SimulationFailure, type SimulationRequest } from "../../sim/simulate.js";
import type { Surroundings } from "../run.js";
import { formatFailure, formatSummary, replayCommand } from "./report.js";
import { Tally } from "./tally.js";

interface Context extends Surroundings {
  readonly json: () => boolean;
  readonly setExit: (status: number) => void;
}

interface Options {
  readonly nodes: number;
  readonly vips: number;
  readonly seed?: number;
  readonly seeds?: number;
  readonly minutes?: number;
  readonly engine: "model" | "channel";
  readonly faults: readonly Fault[];
  readonly trace?: true;
}

/** An invariant that does not hold: EX_SOFTWARE. */
const EXIT_BROKEN = 70;
const USUAL_SEEDS = 100;
const PROGRESS_MS = 500;

export function describeSimulateCommand(program: Command, context: Context): void {
  program
    .command("simulate")
    .description("play whole clusters in virtual time with drawn faults, and check every invariant; needs no daemon")
    .option("--nodes <n>", "nodes of the cluster", integer(1, 64), 3)
    .option("--vips <n>", "addresses of the cluster", integer(1, 100_000), 60)
    .option("--seed <n>", "seed to begin with (default: drawn); alone, that one is played", integer(0, 2 ** 32 - 1))
    .option("--seeds <n>", `how many seeds, counted up (default: ${USUAL_SEEDS})`, integer(1, 1_000_000_000))
    .addOption(new Option("--minutes <n>", "as many seeds as fit into this time").argParser(minutes).conflicts("seeds"))
    .addOption(
      new Option("--engine <engine>", "what carries messages: the production channel, or a model of its contract")
        .choices(["model", "channel"])
        .default("channel"),
    )
    .option("--faults <list>", `what may go wrong, with commas between (default: all): ${FAULTS.join(",")}`, faults, [
      ...FAULTS,
    ])
    .option("--trace", "print every event; for one seed")
    .action((options: Options) => simulate(options, context));
}

async function simulate(options: Options, context: Context): Promise<void> {
  const { nodes, vips, engine, trace } = options;
  const base = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const request = { nodes, vips, engine, faults: options.faults };
  const json = context.json();
  const wanted = seedsWanted(options);
  const tally = new Tally(request, base);
  const stop = context.stopped();
  const end = performance.now() + (options.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
  let shown = performance.now();
  for (let i = 0; i < wanted && performance.now() < end && !stop.aborted; i++) {
    const failure = play({ ...request, seed: base + i }, tally, trace === true ? context : null);
    if (failure !== null) return sayBroken(failure, replayCommand(request, failure.seed), context);
    if (performance.now() - shown < PROGRESS_MS) continue;
    shown = performance.now();
    context.progress?.(`${tally.seeds} seeds, ${Math.round(tally.seedsAMinute)} a minute`);
    await breathe(); // SIGINT has its turn.
  }
  context.progress?.("");
  const summary = tally.summary();
  await context.out(json ? `${JSON.stringify({ held: true, ...summary })}\n` : formatSummary(summary));
}

async function sayBroken(failure: SimulationFailure, replay: string, context: Context): Promise<void> {
  const { seed, what, events } = failure;
  context.progress?.("");
  context.setExit(EXIT_BROKEN);
  const data = { held: false, seed, what, events, replay };
  await context.out(context.json() ? `${JSON.stringify(data)}\n` : formatFailure(failure, replay));
}

/** @returns the failure, if an invariant did not hold. */
function play(request: SimulationRequest, tally: Tally, printer: Context | null): SimulationFailure | null {
  const trace = printer === null ? {} : { trace: (line: string) => void printer.out(`${line}\n`) };
  try {
    tally.add(runSeed({ ...request, ...trace }));
    return null;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
}

function seedsWanted({ seed, seeds, minutes: limit, trace }: Options): number {
  if (trace === true) return 1;
  if (seeds !== undefined) return seeds;
  if (limit !== undefined) return Number.POSITIVE_INFINITY;
  return seed === undefined ? USUAL_SEEDS : 1;
}

function faults(text: string): Fault[] {
  return text.split(",").map((word) => {
    const fault = FAULTS.find((known) => known === word.trim());
    if (fault === undefined) throw new InvalidArgumentError(`"${word}" is none of ${FAULTS.join(", ")}.`);
    return fault;
  });
}

function minutes(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("expected a number of minutes above 0.");
}

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
  };
}

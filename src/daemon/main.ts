#!/usr/bin/env node
/**
 * `holdfastd`. This entry takes the signals and then loads the rest, so that whatever goes wrong on the way, the loading itself
 * included, ends in one line of the log and a documented status (docs/ERRORS.md).
 */
import { HoldfastError } from "../errors.js";
import { tellFailure } from "./failure.js";
import { openOutput } from "./log-writer.js";
import { Signals } from "./signals.js";

const signals = new Signals();
const [out, err] = [openOutput(1), openOutput(2)];
process.on("uncaughtException", fail);
try {
  const { run } = await load();
  await run(signals, out);
  process.exit(0);
} catch (error) {
  fail(error);
}

async function load(): Promise<typeof import("./run.js")> {
  try {
    return await import("./run.js");
  } catch (cause) {
    throw new HoldfastError(codeOf(cause), "holdfastd cannot load a part of itself", {}, { cause });
  }
}

/** The loader opens many files at once. */
function codeOf(cause: unknown): "ERR_DESCRIPTORS" | "ERR_LOAD" {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  return code === "EMFILE" || code === "ENFILE" ? "ERR_DESCRIPTORS" : "ERR_LOAD";
}

function fail(error: unknown): never {
  process.exit(tellFailure(error, out, err));
}

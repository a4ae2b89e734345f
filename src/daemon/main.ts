#!/usr/bin/env node
/**
 * `holdfastd`. This entry takes the signals and then loads the rest, so that whatever goes wrong on the way, the
 * loading itself included, ends in one line of the log and a documented status (docs/ERRORS.md).
 */
import { HoldfastError } from "../errors.js";
import { isOutOfDescriptors } from "../mail/errno.js";
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
    // The loader opens many files at once.
    if (isOutOfDescriptors(cause)) throw cause;
    throw new HoldfastError("ERR_LOAD", "holdfastd cannot load a part of itself", {}, { cause });
  }
}

function fail(error: unknown): never {
  process.exit(tellFailure(error, out, err));
}

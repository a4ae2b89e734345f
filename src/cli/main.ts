#!/usr/bin/env node
import { once } from "node:events";
import { run } from "./run.js";

// A reader that has seen enough (`holdfast ... | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

const CLEAR_LINE = "\r\x1b[K";

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  out: async (text) => {
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  },
  err: (text) => process.stderr.write(text),
  progress: process.stderr.isTTY ? (text) => process.stderr.write(`${CLEAR_LINE}${text}`) : null,
  stopped,
});

function stopped(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
  return stop.signal;
}

#!/usr/bin/env node
import { once } from "node:events";
import { run } from "./run.js";

// A reader that has seen enough (`holdfast ... | head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  out: async (text) => {
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  },
  err: (text) => process.stderr.write(text),
  stopped,
});

/** A promise and a signal handler alone would not keep a process running; the timer does. */
function stopped(): Promise<void> {
  return new Promise((resolve) => {
    const running = setInterval(() => {}, 60_000);
    const stop = () => {
      clearInterval(running);
      resolve();
    };
    process.once("SIGINT", stop).once("SIGTERM", stop);
  });
}

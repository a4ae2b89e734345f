import { spawn } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, describe, it } from "vitest";
import { DIST, Pair } from "./pair.js";

let pair: Pair;
let pipe: number;

beforeEach(async () => {
  pair = await Pair.create(["10.1.1.1", "10.1.1.2", "10.1.1.3", "10.1.1.4"]);
  pipe = await fullPipe();
});

afterEach(async () => {
  closeSync(pipe);
  await pair.remove();
});

/** A pipe with no room, whose reader is there and never reads. */
async function fullPipe(): Promise<number> {
  const path = join(pair.network.directory, "log.pipe");
  const made = spawn("mkfifo", [path]);
  await new Promise((resolve) => made.on("close", resolve));
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(fd, "x".repeat(4_096));
  } catch {
    // It is full.
  }
  // For a daemon that may wait: without O_NONBLOCK.
  return openSync(path, constants.O_RDWR);
}

describe("a daemon whose log nobody reads", () => {
  it("starts, serves, takes over, and hands over at its end", async () => {
    const one = pair.start("one", { stdout: pipe });
    const two = pair.start("two");
    await pair.shared();
    two.child.kill("SIGKILL");
    await pair.all("one");
    for (const vip of pair.vips) expect(await pair.greeting(vip)).toMatch(/^220 /);
    pair.start("two");
    await pair.shared();
    one.child.kill("SIGTERM");
    expect(await one.exited).toEqual({ status: 0, signal: null });
    await pair.all("two");
  });

  it("is not held up by a socket that nobody reads either", async () => {
    const script = `
      const { openOutput } = await import("${DIST}daemon/log-writer.js");
      const out = openOutput(1);
      for (let i = 0; i < 50_000; i++) out.write("x".repeat(200) + "\\n", false);
      process.stderr.write("went on");
      process.exit(0);`;
    // Node gives its children sockets and no pipes.
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
    const exit = new Promise((resolve) => child.on("exit", resolve));
    let said = "";
    child.stderr.on("data", (data: Buffer) => (said += data.toString()));
    child.stdout.pause();
    expect(await exit).toBe(0);
    child.stdout.destroy();
    expect(said).toBe("went on");
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { checkSpool } from "../../../src/mail/spool/check.js";
import { compileSpool } from "./compiled.js";
import { spoolIn, temporaryDirectory, textOf } from "./fixtures.js";

const ROUNDS = 10;

const compiled = compileSpool();
afterAll(compiled.remove);

/** Lets a process work on the spool, kills it after it has said `lines` lines, and gives all that it said. */
async function killedAfter(lines: number, directory: string, incarnation: number): Promise<readonly string[]> {
  const script = join(import.meta.dirname, "until-killed.mjs");
  const child = spawn(process.execPath, [script, compiled.spool, directory, String(incarnation)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line);
    if (said.length === lines) child.kill("SIGKILL");
  }
  expect(await ended).toEqual([null, "SIGKILL"]);
  // The kill may have cut the last line off.
  return said.filter((line) => /^\w+ [0-9a-v]{22}$/.test(line));
}

describe("the spool", () => {
  it("has all that it promised, whole, after each of many SIGKILLs", { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory();
    const promised = new Map<string, "queued" | "done" | "moved">();
    for (let round = 1; round <= ROUNDS; round++) {
      const lines = 1 + Math.floor(Math.random() * 80);
      for (const line of await killedAfter(lines, directory, round * 1000)) {
        const [what = "", id = ""] = line.split(" ");
        promised.set(id, what === "done" || what === "moved" ? what : "queued");
      }

      for await (const problem of checkSpool(directory)) expect.fail(`${problem.id}: ${problem.reason}`);
      const spool = spoolIn(directory, { incarnation: round * 1000 + 1 });
      // What was said last may have gone on before the kill; it may never have gone back.
      for (const [id, promise] of promised) {
        if (promise !== "queued") expect(spool.fate(id), `after ${lines} lines`).toBe(promise);
        else expect(spool.fate(id), `after ${lines} lines`).not.toBe("unknown");
      }
      for (const { id } of spool.due("out-1", Infinity, 1_000_000)) {
        const text = await textOf(await spool.openBody(id));
        expect(
          text
            .split("\r\n")
            .slice(0, -1)
            .every((line, n) => line === `${id} ${n}`),
        ).toBe(true);
      }
      await spool.close();
    }
    expect(promised.size).toBeGreaterThan(ROUNDS);
  });
});

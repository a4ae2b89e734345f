import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

function bench(...words: readonly string[]) {
  const main = join(import.meta.dirname, "../../bench/main.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], { encoding: "utf8" });
  return { status, stdout, stderr };
}

describe("the command line of the bench", () => {
  it("says how it is used, and sets nothing up", () => {
    const { status, stdout, stderr } = bench("--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^npm run bench -- .*--rounds/);
  });

  it.each([
    [["--frob"], /^bench: Unknown option '--frob'/],
    [["--only", "B9"], /^bench: there is no bench B9/],
    [["--rounds", "none"], /^bench: expected a number of rounds, not none/],
  ])("is refused in a line and its usage: %j", (words, complaint) => {
    const { status, stdout, stderr } = bench(...words);
    expect({ status, stdout }).toEqual({ status: 64, stdout: "" });
    expect(stderr).toMatch(complaint);
    expect(stderr).not.toContain("    at ");
  });
});

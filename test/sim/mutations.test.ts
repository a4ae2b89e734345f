import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MUTATIONS } from "./mutation-list.mjs";

/** Whether they are seen takes minutes: `node test/sim/mutations.mjs`. */
describe("the ways to break the core", () => {
  const changes = MUTATIONS.map(([what, file, text, instead]) => [what, file, text, instead] as const);
  it.each(changes)("can be applied: %s", (_what, file, text, instead) => {
    expect(readFileSync(file, "utf8").split(text)).toHaveLength(2);
    expect(instead).not.toBe(text);
  });

  it.each(["S1", "S2", "S3", "S4", "S5", "S6", "L1", "L2", "L3", "L4", "L5", "L6"])("are there for %s", (invariant) => {
    expect(MUTATIONS.filter(([what]) => what.startsWith(`${invariant}:`))).not.toEqual([]);
  });
});

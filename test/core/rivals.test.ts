import { describe, expect, it } from "vitest";
import { yieldsTo } from "../../src/core/rivals.js";

describe("two rivals", () => {
  it("agree which of them lets go, whoever asks", () => {
    const macs = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:0a:00", "a2:00:00:00:00:00"];
    for (const [i, lower] of macs.entries())
      for (const higher of macs.slice(i + 1)) {
        expect(yieldsTo(higher, lower)).toBe(true);
        expect(yieldsTo(lower, higher)).toBe(false);
      }
  });
});

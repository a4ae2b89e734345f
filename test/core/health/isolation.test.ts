import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { companyWithout, isIsolated } from "../../../src/core/health/isolation.js";

/** "a:bc b:ac c:" */
function heard(text: string): Map<string, Set<string>> {
  return new Map(text.split(" ").map((one) => [one[0] ?? "", new Set(one.slice(2))]));
}

const isolated = (text: string) => [...heard(text).keys()].filter((member) => isIsolated(heard(text), member)).join("");

describe("who is at fault where members do not hear each other", () => {
  it.each([
    ["nobody, where all hear all", "a:bc b:ac c:ab", ""],
    ["the one of three that hears nobody", "a:bc b:ac c:", "c"],
    ["though others still count it as heard", "a:bc b:ac c:", "c"],
    ["nobody, where two do not hear each other", "a: b:", ""],
    ["nobody, where none hears any", "a: b: c: d:", ""],
    ["nobody, where two pairs of four are apart", "a:b b:a c:d d:c", ""],
    ["the pair that is apart from three", "a:b b:a c:de d:ce e:cd", "ab"],
    ["nobody, where two parts are large enough to hear others each", "a:bc b:ac c:ab d:ef e:df f:de", ""],
    ["nobody who hears one of the others", "a:bc b:ac c:a", ""],
    ["nobody, for one that is heard by another is of its company", "a:b b: c:b", ""],
    ["nobody who cannot ask", "a:b b:a", ""],
  ])("is %s", (_, text, expected) => {
    expect(isolated(text)).toBe(expected);
  });

  it("never all of those that ask, whatever each hears", () => {
    const names = ["a", "b", "c", "d", "e"];
    const hearing = fc.tuple(...names.map(() => fc.subarray(names)));
    fc.assert(
      fc.property(hearing, (lists) => {
        const all = new Map(names.map((name, i) => [name, new Set(lists[i]?.filter((other) => other !== name))]));
        expect(names.every((name) => isIsolated(all, name))).toBe(false);
      }),
    );
  });

  it("is not judged by what concerns the one that is judged", () => {
    expect(companyWithout(heard("a:b b:a c:ab"), "c")).toEqual(new Set(["a", "b"]));
    expect(companyWithout(heard("a:c b:c c:ab"), "c")).toEqual(new Set());
  });
});

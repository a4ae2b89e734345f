import { describe, expect, it } from "vitest";
import { filesUnder, read, withoutComments } from "./source-files.js";

const BANNED: readonly (readonly [use: RegExp, instead: string])[] = [
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.|\bhrtime\b/, "take the time from the input"],
  [/\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/, "put a deadline into the state"],
  [/\bMath\.random\b|\bcrypto\.|\brandomUUID\b/, "take randomness from the input"],
  [/\bprocess\.|\bconsole\./, "return an output"],
  [/\basync\b|\bawait\b|\bPromise\b/, "return an output, and let its result come back as an input"],
];

describe("pure code", () => {
  for (const folder of ["core", "config"]) {
    it(`in src/${folder} has no clock, timer, randomness, logging or waiting`, () => {
      const impure = filesUnder(`src/${folder}`, ".ts").flatMap((file) => {
        const code = withoutComments(read(file));
        return BANNED.flatMap(([use, instead]) => {
          const found = use.exec(code);
          return found === null ? [] : [`${file}: "${found[0]}" is banned here; ${instead}`];
        });
      });
      expect(impure).toEqual([]);
    });
  }
});

import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../src/errors.js";
import { captures, filesUnder, headings, read, withoutComments } from "./source-files.js";

const page = read("docs/ERRORS.md");

describe("the error table", () => {
  it("has one section in docs/ERRORS.md for each code, in alphabetical order, and no other", () => {
    expect(headings(page, 2)).toEqual(Object.keys(ERROR_CODES).sort());
  });

  it("agrees with the page about exit statuses and retries", () => {
    for (const [code, { exit, retry }] of Object.entries(ERROR_CODES)) {
      const section = page.slice(page.indexOf(`\n## ${code}\n`) + 1);
      expect(section, code).toMatch(new RegExp(`^## ${code}\\nExit ${exit}, ${retry ? "retry" : "no retry"}\\. `));
    }
  });

  it("knows every code that the sources name, and each is named somewhere", () => {
    const named = new Set(
      [...filesUnder("src", ".ts"), ...filesUnder("native", ".cc"), ...filesUnder("native", ".h")]
        .filter((file) => file !== "src/errors.ts")
        .flatMap((file) => captures(withoutComments(read(file)), /\b(ERR_[A-Z_]+)\b/g))
        // Node's own codes, which are compared with but never made here.
        .filter(
          (code) =>
            !code.startsWith("ERR_SOCKET_") && !code.startsWith("ERR_SERVER_") && !code.startsWith("ERR_STREAM_"),
        ),
    );
    for (const code of named) expect(Object.keys(ERROR_CODES), `${code} is not in src/errors.ts`).toContain(code);
    expect(
      Object.keys(ERROR_CODES).filter((code) => !named.has(code)),
      "nothing throws these",
    ).toEqual([]);
  });
});

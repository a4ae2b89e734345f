import { describe, expect, it } from "vitest";
import { captures, filesUnder, read, withoutComments } from "./source-files.js";

const LEVEL = '"(?:debug|info|warn|error)"';

/** How an event comes about: a sink's object, or one of the short forms `emit(code, level, ...)`, `#log(level, code, ...)`,
 * `#event(code, ...)`. */
const FORMS: readonly RegExp[] = [
  /\bcode: "([a-z]+(?:-[a-z]+)*)"/g,
  new RegExp(`\\bemit\\(\\s*"([a-z-]+)",\\s*${LEVEL}`, "g"),
  new RegExp(`#(?:log|event|emit|report)\\(\\s*${LEVEL},\\s*"([a-z-]+)"`, "g"),
  /#event\(\s*"([a-z-]+)"/g,
];

/** The codes that a pure machine declares: `readonly code: "a" | "b";`, `type NodeEventCode = "a" | "b";`. */
function declaredCodes(code: string): readonly string[] {
  return captures(code, /(?:\bcode:|EventCode =)((?:\s*\|?\s*"[a-z-]+")+)\s*;/g).flatMap((union) =>
    captures(union, /"([a-z-]+)"/g),
  );
}

describe("the event log", () => {
  it("has a row in docs/EVENTS.md for every code, and no row without a code", () => {
    const emitted = new Set(
      ["core", "group", "kernel", "mail", "node", "daemon"]
        .flatMap((folder) => filesUnder(`src/${folder}`, ".ts"))
        .map((file) => withoutComments(read(file)))
        .flatMap((code) => [...declaredCodes(code), ...FORMS.flatMap((form) => captures(code, form))]),
    );
    const documented = captures(read("docs/EVENTS.md"), /^\| `([a-z-]+)` \|/gm);
    expect([...documented].sort()).toEqual([...emitted].sort());
  });

  it("has every reason of a change of owner in docs/EVENTS.md, and no other", () => {
    const [union = ""] = captures(read("src/core/ownership/owner-changes.ts"), /type Reason =([^;]+);/g);
    const [list = ""] = captures(read("docs/EVENTS.md"), /\nThe reasons:\n\n((?:- .*\n(?: {2}.*\n)*)+)/g);
    const documented = captures(list, /^- `([a-z]+)`:/gm);
    expect([...documented].sort()).toEqual([...captures(union, /"([a-z]+)"/g)].sort());
  });
});

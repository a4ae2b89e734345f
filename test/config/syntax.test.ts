import { describe, expect, it } from "vitest";
import { Diagnostics } from "../../src/config/diagnostics.js";
import { parseText } from "../../src/config/parser.js";
import type { Statement, Value } from "../../src/config/syntax.js";

/** The tree without places: an option is [name, value], a scope is [name, instance, statements]. */
function tree(text: string): { statements: unknown[]; problems: string[] } {
  const diagnostics = new Diagnostics();
  const statements = parseText("f", text, diagnostics).map(bare);
  return { statements, problems: diagnostics.sorted().map(({ at, message }) => `${at.line}:${at.column} ${message}`) };
}

function bare(statement: Statement): unknown {
  if (statement.kind === "include") return ["include", statement.path.text];
  if (statement.kind === "option") return [statement.name, bareValue(statement.value)];
  return [statement.name, statement.instance?.text ?? null, statement.body.map(bare)];
}

function bareValue(value: Value): unknown {
  if (value.kind === "scalar") return value.text;
  if (value.kind === "list") return value.items.map(({ text }) => text);
  return Object.fromEntries(value.entries.map(({ key, value: { text } }) => [key.text, text]));
}

function read(text: string): unknown[] {
  const { statements, problems } = tree(text);
  expect(problems).toEqual([]);
  return statements;
}

describe("the syntax", () => {
  it("has comments to the end of a line and between /* and */, which do not nest", () => {
    expect(read("a = 1 # b = 2\n/* c = 3\n /* */ d = 4 # /*\ne = 5 /* */")).toEqual([
      ["a", "1"],
      ["d", "4"],
      ["e", "5"],
    ]);
  });

  it("has barewords with anything in them but space, quotes, brackets and '='", () => {
    expect(read("Listen TMPDIR/2025 {}\nuri = digest:///opt/x#y\nglob = /var/*\nat=*:4802 v=[]")).toEqual([
      ["Listen", "TMPDIR/2025", []],
      ["uri", "digest:///opt/x#y"],
      ["glob", "/var/*"],
      ["at", "*:4802"],
      ["v", {}],
    ]);
  });

  it("has strings in double or single quotes, with escaped quotes and backslashes and no other escapes", () => {
    expect(read(String.raw`a = "x y" b = 'it "is"' c = "say \"so\"" d = "/^yahoo\\.*/" e = "\d+" f = ""`)).toEqual([
      ["a", "x y"],
      ["b", 'it "is"'],
      ["c", 'say "so"'],
      ["d", String.raw`/^yahoo\.*/`],
      ["e", String.raw`\d+`],
      ["f", ""],
    ]);
  });

  it("has lists and dictionaries, over several lines, empty, and without '='", () => {
    expect(read('a = ( x "y z"\n 3 ) b = ()\nc = [ k = v k.2 = "w"\n k3 v3 ] d [ e = f ]\ng ( h )')).toEqual([
      ["a", ["x", "y z", "3"]],
      ["b", []],
      ["c", { k: "v", "k.2": "w", k3: "v3" }],
      ["d", { e: "f" }],
      ["g", ["h"]],
    ]);
  });

  it("has scopes, anonymous and named, nested, with the brace on the next line or after an '='", () => {
    expect(
      read('cluster{}\nBinding "b"\n{ x = 1 }\nBinding_Group g { Binding b2 { y 2 } }\nEsmtp_Listener = { }'),
    ).toEqual([
      ["cluster", null, []],
      ["Binding", "b", [["x", "1"]]],
      ["Binding_Group", "g", [["Binding", "b2", [["y", "2"]]]]],
      ["Esmtp_Listener", null, []],
    ]);
  });

  it("has options without '=', and several on a line", () => {
    expect(read("a 1 b = 2   c=3")).toEqual([
      ["a", "1"],
      ["b", "2"],
      ["c", "3"],
    ]);
  });

  it("has includes in any capitals, read-only or not", () => {
    expect(read('include a.conf\nreadonly_include "b"\nINCLUDE = c')).toEqual([
      ["include", "a.conf"],
      ["include", "b"],
      ["include", "c"],
    ]);
  });

  it("does not mind line ends, tabs, no-break spaces or a byte order mark", () => {
    expect(read("\uFEFFa = 1\r\n\tb\u00A0= 2\f\r\n")).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
  });
});

describe("a mistake in the syntax", () => {
  it.each([
    ["an option without a value", "a =\nb = 2", ["1:1 a has no value"], [["b", "2"]]],
    ["a name alone", "a\nb = 2", ["1:1 a has no value"], [["b", "2"]]],
    [
      "a name at the end of a scope",
      "s { a }\nb = 2",
      ["1:5 a has no value"],
      [
        ["s", null, []],
        ["b", "2"],
      ],
    ],
    ["two equal signs", "a = = 1\nb = 2", ["1:1 a has no value", "1:7 1 has no value"], [["b", "2"]]],
    ["a string where a name belongs", '"a" = 1\nb = 2', ['1:1 unexpected string "a"'], [["b", "2"]]],
    ["a brace where a name belongs", "{ a = 1 { } }\nb = 2", ["1:1 unexpected '{'"], [["b", "2"]]],
    [
      "a brace too many",
      "a = 1 }\nb = 2",
      ["1:7 this '}' closes nothing"],
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    [
      "a brace too few",
      "s x { a = 1\nb = 2",
      ["1:5 the '{' of s \"x\" is never closed"],
      [
        [
          "s",
          "x",
          [
            ["a", "1"],
            ["b", "2"],
          ],
        ],
      ],
    ],
    [
      "a string over the line",
      'a = "x y\nb = 2',
      ["1:5 this string is never closed"],
      [
        ["a", "x y"],
        ["b", "2"],
      ],
    ],
    ["an open comment", "a = 1 /* b = 2", ["1:7 this comment is never closed"], [["a", "1"]]],
    [
      "an open list",
      "a = ( x y\nb = 2",
      ["1:5 this '(' is not closed before '='"],
      [
        ["a", ["x", "y"]],
        ["b", "2"],
      ],
    ],
    [
      "an open list in a scope",
      "s { a = ( x }\nb = 2",
      ["1:9 this '(' is not closed before '}'"],
      [
        ["s", null, [["a", ["x"]]]],
        ["b", "2"],
      ],
    ],
    [
      "a list closed by the wrong bracket",
      "a = ( x ]\nb = 2",
      ["1:5 this '(' is not closed before ']'"],
      [
        ["a", ["x"]],
        ["b", "2"],
      ],
    ],
    [
      "a list in a list",
      "a = ( x (y) )\nb = 2",
      ["1:9 lists and dictionaries hold plain values only", "1:13 unexpected ')'"],
      [
        ["a", ["x", "y"]],
        ["b", "2"],
      ],
    ],
    [
      "a key without a value",
      "a = [ k = ]\nb = 2",
      ["1:7 the key k has no value"],
      [
        ["a", {}],
        ["b", "2"],
      ],
    ],
    [
      "an open dictionary",
      "a = [ k = v",
      ["1:5 this '[' is not closed before 'the end of the file'"],
      [["a", { k: "v" }]],
    ],
    [
      "an include of nothing",
      "include {\n}\nb = 2",
      ["1:1 include needs the path of a file or directory", "1:9 unexpected '{'"],
      [["b", "2"]],
    ],
    [
      "a control character",
      "a = 1\u0000\nb = 2",
      ["1:6 control character U+0000 in the text"],
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
  ])("such as %s is reported where it stands, and the rest is read", (_, text, problems, statements) => {
    expect(tree(text)).toEqual({ statements, problems });
  });
});

describe("nesting", () => {
  it("ends at 32 scopes, however deep a text goes", () => {
    const depth = 200_000;
    for (const text of ["a {".repeat(depth), "a {".repeat(depth) + "}".repeat(depth)]) {
      expect(tree(text).problems).toContain("1:99 scopes are nested more than 32 deep");
    }
  });

  it.each(["(", "[", "{", "}", ")", "]", "=", '"', "'", "\\", "/*", "#", "a ", "a = ", "a [", "a ("])(
    "of %j fifty thousand times over is survived",
    (piece) => {
      expect(() => tree(piece.repeat(50_000))).not.toThrow();
    },
  );
});

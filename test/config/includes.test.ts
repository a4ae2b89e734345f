import { describe, expect, it } from "vitest";
import { type ConfigReader, parseConfig } from "../../src/config/index.js";
import { findings, memoryReader, parse } from "./texts.js";

/** mmove_connections of the configuration, by which these tests tell which file was read. */
function threads(text: string, files: Readonly<Record<string, string>>): number | undefined {
  return parse(text, files).config?.mail.mmoveConnections;
}

describe("an include", () => {
  it("is looked up beside the including file, then along the search path", () => {
    const files = {
      "/etc/x.conf": "mmove_connections = 2",
      "/etc/global/x.conf": "mmove_connections = 3",
      "/etc/node1/x.conf": "mmove_connections = 4",
      "/etc/default/x.conf": "mmove_connections = 5",
    };
    const found: (number | undefined)[] = [];
    for (const path of Object.keys(files)) {
      found.push(threads("include x.conf", files));
      Reflect.deleteProperty(files, path);
    }
    expect(found).toEqual([2, 3, 4, 5]);
    expect(parse("include x.conf").diagnostics).toMatchObject([
      {
        rule: "unreadable",
        message: "there is no file or directory x.conf to include",
        remedy: "looked for /etc/x.conf, /etc/global/x.conf, /etc/node1/x.conf, /etc/default/x.conf",
      },
    ]);
  });

  it("of an included file begins at that file's directory", () => {
    const files = { "/etc/sub/a.conf": "include ../b/./c.conf", "/etc/b/c.conf": "mmove_connections = 6" };
    expect(threads("include sub/a.conf", files)).toBe(6);
  });

  it("may have an absolute path", () => {
    expect(threads("include /opt//x.conf", { "/opt/x.conf": "mmove_connections = 7" })).toBe(7);
  });

  it("uses a search path of the caller's, with the node's name in it", () => {
    const reader = memoryReader({
      "/m.conf": "include x",
      "/a/node1/x": "mmove_connections = 8",
      "/rel/x": "mmove_connections = 9",
    });
    const read = (searchPath: string[]) =>
      parseConfig("/m.conf", { reader, nodename: "node1", searchPath }).config?.mail.mmoveConnections;
    expect(read(["/a/{NODENAME}", "rel"])).toBe(8);
    expect(read(["rel", "/a/{NODENAME}"])).toBe(9);
  });

  it("is expanded where it stands, in any scope", () => {
    const files = { "/etc/mask": "cidrmask = 32\ninterface = eth7" };
    const { config } = parse('cluster { Topology "10.0.0.0/8" { include mask } }', files);
    expect(config?.topologies[0]?.interface).toBe("eth7");
  });

  it("of a directory reads its files in the order of their names, without the hidden ones", () => {
    const files = {
      "/etc/d/9-b": "mmove_connections = 2",
      "/etc/d/10-a": "mmove_connections = 1",
      "/etc/d/.hidden": "nonsense = 1",
      "/etc/d/sub/z": "nonsense = 1",
    };
    expect(threads("include d", files)).toBe(2);
  });

  it("may be repeated, and then says everything once", () => {
    const files = { "/etc/x": "mmove_connections = 2\nnonsense = 1" };
    expect(findings(parse("include x\ninclude x", files))).toEqual(["error unknown-option 2"]);
  });

  it("of itself is refused with the way it went", () => {
    const files = { "/etc/a": "include b", "/etc/b": "mmove_connections = 2\ninclude holdfast.conf" };
    expect(
      parse("include a\nnonsense = 1", files).diagnostics.map(({ at, message }) => `${at.file}: ${message}`),
    ).toEqual([
      "/etc/holdfast.conf: nonsense is not an option of the global scope",
      "/etc/b: include loop: /etc/holdfast.conf includes /etc/a includes /etc/b includes /etc/holdfast.conf",
    ]);
  });

  it("cannot make a configuration endless", () => {
    const names = Array.from({ length: 12 }, (_, index) => `f${index}`);
    const all = names.map((name) => `include ${name}\n`).join("");
    const files = Object.fromEntries(names.map((name) => [`/etc/${name}`, all]));
    expect(parse(all, files).diagnostics.map(({ rule }) => rule)).toContain("include-limit");
  });

  it("cannot go on for ever through names made up on the way", () => {
    const reader: ConfigReader = { readFile: (path) => `include ${path.slice(1)}x`, readDirectory: () => null };
    expect(parseConfig("/x", { reader, nodename: "a" }).diagnostics.map(({ message }) => message)).toEqual([
      "includes are nested more than 64 deep",
    ]);
  });

  it("of another scheme is refused", () => {
    expect(findings(parse('include "persist://x"'))).toEqual(["error include-scheme 1"]);
  });

  it("inside a scope that means nothing here is not followed", () => {
    expect(findings(parse("Security { include nowhere }"))).toEqual(["note no-effect 1"]);
  });
});

describe("a file that cannot be read", () => {
  const reader: ConfigReader = {
    readFile: (path) => {
      if (path === "/main") return "include secret\nnonsense = 1";
      throw new Error(`EACCES: permission denied, open '${path}'`);
    },
    readDirectory: () => null,
  };

  it("is reported with the reason, and the rest is read", () => {
    expect(parseConfig("/main", { reader, nodename: "a" }).diagnostics.map(({ message }) => message)).toEqual([
      "cannot read /secret: EACCES: permission denied, open '/secret'",
      "nonsense is not an option of the global scope",
    ]);
  });

  it("is reported when it is the main file, with no line of text", () => {
    expect(parseConfig("/other", { reader, nodename: "a" })).toMatchObject({
      config: null,
      diagnostics: [{ rule: "unreadable", line: "", at: { file: "/other", line: 1, column: 1 } }],
    });
    expect(parseConfig("/none", { reader: memoryReader({}), nodename: "a" }).diagnostics).toMatchObject([
      { rule: "unreadable", message: "there is no such file" },
    ]);
  });
});

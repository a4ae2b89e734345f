import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/index.js";
import { captures, filesUnder, folderOf, read, ROOT, withoutComments } from "./source-files.js";

describe("the native sources", () => {
  it("are listed once, in native/sources.txt, and both builders read it", () => {
    const listed = read("native/sources.txt").split("\n").filter(Boolean).sort();
    const present = ["wire", "io", "binding"].flatMap((folder) => filesUnder(`native/${folder}`, ".cc")).sort();
    expect(listed).toEqual(present);
    for (const builder of ["binding.gyp", "CMakeLists.txt"]) {
      expect(read(builder), `${builder} has a list of its own`).toContain("native/sources.txt");
    }
  });
});

describe("the sources", () => {
  it("hold nothing that was left behind", () => {
    const left = [...filesUnder("src", ".ts"), ...filesUnder("test", ".ts")].flatMap((file) => {
      if (file.startsWith("test/repo/")) return [];
      const found = /\b(?:TODO|FIXME|XXX)\b|\b(?:it|test|describe)\.only\b|\bdebugger\b/.exec(read(file));
      return found === null ? [] : [`${file}: ${found[0]}`];
    });
    expect(left).toEqual([]);
  });

  it("print nowhere but in the daemon, the command lines and the lab, and there by process.stdout", () => {
    const printing = filesUnder("src", ".ts").flatMap((file) => {
      const edge = ["daemon", "cli", "lab"].includes(folderOf(file));
      const found = (edge ? /\bconsole\.\w+/ : /\bconsole\.\w+|\bprocess\.std(?:out|err)\b/).exec(
        withoutComments(read(file)),
      );
      return found === null ? [] : [`${file}: ${found[0]}`];
    });
    expect(printing).toEqual([]);
  });
});

describe("the package", () => {
  it("locks its dependencies without download addresses", () => {
    expect(read("package-lock.json")).not.toMatch(/"resolved":/);
  });

  it("has its version at the top of the changelog, below what is not released", () => {
    const [version] = captures(read("CHANGELOG.md"), /^## (\S+)/gm).filter((heading) => heading !== "Unreleased");
    expect(version).toBe(captures(read("package.json"), /"version": "(.+?)"/g)[0]);
  });
});

describe("the configuration in the README", () => {
  it("has not a word wrong for any of its nodes", () => {
    const text = captures(read("README.md"), /```\n(msgc_server [\s\S]*?)```/g)[0] ?? "";
    const reader = {
      readFile: (path: string) => (path === "/ecelerity.conf" ? text : null),
      readDirectory: () => null,
    };
    for (const node of ["node1", "node2", "node3"]) {
      const nodename = { explicit: node, environment: null, hostname: "host" };
      const { config, diagnostics } = parseConfig("/ecelerity.conf", { reader, nodename });
      expect(diagnostics).toEqual([]);
      expect(config?.bindings.filter(({ duravip }) => duravip.enabled).map(({ name }) => name)).toEqual([
        "vip-1",
        "vip-2",
      ]);
    }
  });
});

describe("the documentation", () => {
  const pages = [...filesUnder("docs", ".md"), "README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

  it("links only to files that exist", () => {
    const broken = pages.flatMap((page) =>
      captures(read(page), /\]\(([^)\s#]+)/g)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
        .map((target) => `${page} links to ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("names only files of this repository that exist", () => {
    const named = /`((?:src|test|docs|native|scripts)\/[\w./-]+\.(?:ts|mjs|md|cc|h|txt))`/g;
    const missing = pages.flatMap((page) =>
      captures(read(page), named)
        .filter((file) => !existsSync(join(ROOT, file)))
        .map((file) => `${page} names ${file}`),
    );
    expect(missing).toEqual([]);
  });
});

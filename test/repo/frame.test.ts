import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { filesUnder, read, ROOT, withoutComments } from "./source-files.js";

const manifest = JSON.parse(read("package.json")) as { readonly version: string };

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
      const edge = ["daemon", "cli", "lab"].includes(file.split("/")[1] as string);
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

  it("has its version at the top of the changelog", () => {
    expect(/^## (\S+)/m.exec(read("CHANGELOG.md"))?.[1]).toBe(manifest.version);
  });
});

describe("the documentation", () => {
  const pages = [...filesUnder("docs", ".md"), "README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

  it("links only to files that exist", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map((match) => (match[1] as string).replace(/#.*$/, ""))
        .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(ROOT, dirname(page), target)))
        .map((target) => `${page} links to ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it("names only files of this repository that exist", () => {
    const named = /`((?:src|test|docs|native|scripts)\/[\w./-]+\.(?:ts|mjs|md|cc|h|txt))`/g;
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(named)]
        .map((match) => match[1] as string)
        .filter((file) => !existsSync(join(ROOT, file)))
        .map((file) => `${page} names ${file}`),
    );
    expect(missing).toEqual([]);
  });
});

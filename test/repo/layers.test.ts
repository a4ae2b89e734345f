import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { filesUnder, folderOf, importsOf, read } from "./source-files.js";

interface Layer {
  /** Folders or modules of src/ that may be imported, the layer itself included. */
  readonly source: readonly string[];
  readonly packages: readonly string[];
  /** Whether Node's own modules may be used. */
  readonly builtins: boolean;
}

/** docs/ARCHITECTURE.md, "The house". daemon, cli and lab are not in it: they may import everything. */
const LAYERS: Readonly<Record<string, Layer>> = {
  core: { source: ["core", "config/types"], packages: ["ipaddr.js"], builtins: false },
  config: { source: ["config", "nearest"], packages: ["ipaddr.js"], builtins: false },
  sim: { source: ["sim", "core", "config/types"], packages: [], builtins: false },
  kernel: { source: ["kernel", "errors"], packages: ["node-gyp-build"], builtins: true },
  group: {
    source: ["group", "core/channel", "core/view", "core/wire", "config/types", "kernel", "errors"],
    packages: [],
    builtins: true,
  },
  mail: { source: ["mail", "config/types", "errors"], packages: ["lmdb", "nodemailer", "smtp-server"], builtins: true },
  node: { source: ["node", "core", "config", "kernel", "group", "mail", "errors"], packages: [], builtins: true },
  console: { source: ["console", "node/control", "errors", "nearest"], packages: [], builtins: true },
};

/** What is wrong with one import of one file, or null. */
function breach(file: string, wanted: string): string | null {
  const folder = folderOf(file);
  const layer = LAYERS[folder];
  if (layer === undefined) return null;
  const rule = `src/${folder} may import`;
  if (wanted.startsWith("node:"))
    return layer.builtins ? null : `${rule} no Node module: let it come in as an argument`;
  if (!wanted.startsWith(".")) {
    const known = layer.packages.some((name) => wanted === name || wanted.startsWith(`${name}/`));
    return known ? null : `${rule} only the packages ${layer.packages.join(", ") || "(none)"}`;
  }
  const target = posix.relative("src", posix.join(posix.dirname(file), wanted)).replace(/\.js$/, "");
  const known = layer.source.some((allowed) => target === allowed || target.startsWith(`${allowed}/`));
  return known ? null : `${rule} only ${layer.source.join(", ")} of src/`;
}

describe("the layers", () => {
  it("hold for every import in src", () => {
    const breaches = filesUnder("src", ".ts").flatMap((file) =>
      importsOf(read(file)).flatMap((wanted) => {
        const wrong = breach(file, wanted);
        return wrong === null ? [] : [`${file} imports ${wanted}: ${wrong}`];
      }),
    );
    expect(breaches, "move the code, or pass what it needs as an argument").toEqual([]);
  });

  it("have a rule for every folder that does not import everything", () => {
    const folders = new Set(
      filesUnder("src", ".ts")
        .map(folderOf)
        .filter((folder) => folder !== ""),
    );
    const ruled = new Set([...Object.keys(LAYERS), "daemon", "cli", "lab"]);
    expect([...folders].filter((folder) => !ruled.has(folder))).toEqual([]);
  });

  it("are told apart by every form of import", () => {
    const code = `import a from "one";
      import type { B } from "two";
      import {
        c,
        d,
      } from 'three';
      export * from "four";
      export type { E } from "five";
      import "six";
      const f = await import("seven");
      // import g from "eight";
      const text = 'from "nine"';`;
    expect(importsOf(code)).toEqual(["one", "two", "three", "four", "five", "six", "seven"]);
    expect(breach("src/core/node.ts", "../kernel/index.js")).toMatch(/^src\/core may import only/);
    expect(breach("src/core/node.ts", "node:net")).toMatch(/no Node module/);
    expect(breach("src/mail/smtp/session.ts", "../../core/ownership/table.js")).toMatch(/^src\/mail may import only/);
    expect(breach("src/mail/smtp/session.ts", "../types.js")).toBeNull();
  });
});

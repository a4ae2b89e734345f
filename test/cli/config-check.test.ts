import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runConfigCheck } from "../../src/cli/config-check.js";
import { fileReader } from "../../src/cli/config-reader.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-config-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe("holdfast config check", async () => {
  it("says what a valid configuration holds, and exits 0", async () => {
    const file = write("a.conf", "include conf.d\nBinding a { }\n");
    write("conf.d/10.conf", "Binding b { }\n");
    expect(await runConfigCheck(file, { node: "n1" })).toEqual({
      text: `${file}: valid for node n1: 0 VIPs, 3 bindings, 0 listeners, 0 topologies, 0 peers\n`,
      exit: 0,
    });
  });

  it("prints every mistake, and exits 78", async () => {
    const file = write("a.conf", "Bindign a { }\ncluster { nodeaddr = 127.0.0.1 }\n");
    expect(await runConfigCheck(file, {})).toEqual({
      text: [
        `${file}:1:1: error: Bindign is not a scope of the global scope`,
        "  Bindign a { }",
        "  ^",
        "  did you mean Binding?",
        `${file}:2:22: error: nodeaddr cannot be 127.0.0.1`,
        "  cluster { nodeaddr = 127.0.0.1 }",
        "                       ^",
        "  give the address of this node that its peers can reach",
        `${file}: not valid: 2 errors`,
        "",
      ].join("\n"),
      exit: 78,
    });
  });

  it("holds the cluster key to what the daemon will ask of it", async () => {
    const key = join(directory, "cluster.key");
    const peers = "msgc_server { peers = [ n1 = 192.0.2.1 n2 = 192.0.2.2 ] }";
    const file = write("a.conf", `${peers}\ncluster { key_file = "${key}" }\n`);
    const check = () => runConfigCheck(file, { node: "n1" });
    const absent = await check();
    expect(absent.exit).toBe(78);
    expect(absent.text).toMatch(
      /^.*a\.conf:2:22: error: cannot use the cluster key .*: ENOENT.*; make one, and copy it/,
    );
    expect(absent.text).toMatch(/not valid: 1 error\n$/);

    writeFileSync(key, `${"k".repeat(44)}\n`, { mode: 0o604 });
    expect((await check()).text).toMatch(/mode 604 is open to everybody; use 640/);
    chmodSync(key, 0o640);
    expect((await check()).exit).toBe(0);
  });

  it("exits 66 when the file, or one that it includes, cannot be read", async () => {
    expect((await runConfigCheck(join(directory, "none.conf"), {})).exit).toBe(66);
    expect((await runConfigCheck(write("a.conf", "include none.conf"), {})).exit).toBe(66);
  });

  it("gives programs the same as JSON", async () => {
    const file = write("a.conf", "Timezone = UTC\nnonsense = 1\n");
    expect(JSON.parse((await runConfigCheck(file, { json: true })).text)).toEqual({
      file,
      valid: false,
      summary: null,
      errors: 1,
      warnings: 0,
      notes: 1,
      diagnostics: [
        {
          severity: "note",
          rule: "no-effect",
          message: "Timezone has no effect in holdfast",
          at: { file, line: 1, column: 1 },
          line: "Timezone = UTC",
          remedy: null,
        },
        {
          severity: "error",
          rule: "unknown-option",
          message: "nonsense is not an option of the global scope",
          at: { file, line: 2, column: 1 },
          line: "nonsense = 1",
          remedy: null,
        },
      ],
    });
  });

  it("reads the file of each node by the node's name", async () => {
    const file = write("a.conf", "include local.conf");
    write("n1/local.conf", "mmove_connections = 1");
    write("n2/local.conf", "mmove_connections = 0");
    expect((await runConfigCheck(file, { node: "n1" })).exit).toBe(0);
    expect((await runConfigCheck(file, { node: "n2" })).exit).toBe(78);
  });
});

describe("the reader of files", () => {
  it("tells files, directories and nothing apart", () => {
    const file = write("d/a", "text");
    expect(fileReader.readFile(file)).toBe("text");
    expect(fileReader.readFile(join(directory, "d"))).toBeNull();
    expect(fileReader.readFile(join(file, "beyond"))).toBeNull();
    expect(fileReader.readDirectory(file)).toBeNull();
    expect(fileReader.readDirectory(join(directory, "none"))).toBeNull();
  });

  it("lists files and links, not directories", () => {
    write("d/a", "");
    write("d/sub/b", "");
    symlinkSync("a", join(directory, "d/link"));
    expect([...(fileReader.readDirectory(join(directory, "d")) ?? [])].sort()).toEqual(["a", "link"]);
  });

  it("throws what the file system says otherwise", () => {
    symlinkSync("loop", join(directory, "loop"));
    expect(() => fileReader.readFile(join(directory, "loop"))).toThrow("ELOOP");
  });
});

import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

let consumer: string;
let installed: string;

/** What somebody has who installs the package: the tarball, unpacked, beside its dependencies, and a compiler. */
beforeAll(async () => {
  consumer = mkdtempSync(join(tmpdir(), "holdfast-pack-"));
  const modules = join(consumer, "node_modules");
  installed = join(modules, "holdfast");
  await mkdir(installed, { recursive: true });
  // dist/ is there: npm test builds before it tests.
  run(ROOT, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", consumer);
  const tarball = readdirSync(consumer).find((name) => name.endsWith(".tgz")) ?? "";
  run(consumer, "tar", "--extract", "--strip-components=1", "--directory", installed, "--file", tarball);
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  run(installed, "npm", "run", "--silent", "install");
}, 600_000);

afterAll(() => rmSync(consumer, { recursive: true, force: true }));

function run(cwd: string, program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  expect(status, `${program} ${args.join(" ")}\n${stdout}${stderr}`).toBe(0);
  return stdout;
}

function evaluate(code: string): string {
  return run(consumer, process.execPath, "--input-type=module", "--eval", code);
}

describe("the packed package", () => {
  it("compiles its addon from what it carries, and asks the kernel with it", () => {
    const code = `import { openKernel } from "holdfast/kernel";
      const kernel = openKernel();
      console.log((await kernel.links()).some(({ name }) => name === "lo"));
      await kernel.close();`;
    expect(evaluate(code).trim()).toBe("true");
  });

  it("has its public surface", () => {
    const code = `import * as holdfast from "holdfast"; console.log(typeof holdfast.startDaemon, typeof holdfast.parseConfig)`;
    expect(evaluate(code).trim()).toBe("function function");
  });

  it("has both commands", () => {
    for (const command of ["dist/cli/main.js", "dist/daemon/main.js"]) {
      expect(run(consumer, process.execPath, join(installed, command), "--version").trim()).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });

  it("carries no sources of tests, and no path of the machine that packed it", () => {
    const files = run(installed, "find", ".", "-type", "f").split("\n");
    expect(files.filter((file) => file.startsWith("./test/") || file.includes("/native/test/"))).toEqual([]);
    const search = spawnSync("grep", ["-rlF", ROOT, "dist", "native", "package.json"], {
      cwd: installed,
      encoding: "utf8",
    });
    expect(search.stdout).toBe("");
  });
});

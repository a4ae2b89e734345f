/** The spool as plain JavaScript, for child processes. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");

/** Compiles the spool alone (half a second). @returns the directory, inside the package so that imports are found. */
export function compileSpool(): { readonly spool: string; readonly check: string; readonly remove: () => void } {
  mkdirSync(join(ROOT, "out"), { recursive: true });
  const directory = mkdtempSync(join(ROOT, "out", "spool-"));
  const source = join(ROOT, "src");
  const files = ["spool.ts", "check.ts"].map((name) => join(source, "mail/spool", name));
  const flags = ["--ignoreConfig", "--target", "es2023", "--module", "nodenext", "--types", "node", "--skipLibCheck"];
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  execFileSync(process.execPath, [compiler, ...files, ...flags, "--rootDir", source, "--outDir", directory]);
  return {
    spool: join(directory, "mail/spool/spool.js"),
    check: join(directory, "mail/spool/check.js"),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

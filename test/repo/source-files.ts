import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Regular files under a folder of the repository, as paths from its root, sorted; none where there is no such folder. */
export function filesUnder(folder: string, ending: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .sort();
}

/** The text with comments blanked. Good for searching, not for parsing: a `//` inside a string ends the line too, unless
 * it follows a colon. */
export function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(?<!:)\/\/.*$/gm, "");
}

/** What a module imports, re-exports or imports dynamically, type-only imports included, as written. */
export function importsOf(code: string): readonly string[] {
  return captures(
    withoutComments(code),
    /(?:^|[\s;}])(?:(?:import|export)\s(?:[^"';]*?\sfrom\s*)?|import\(\s*)["']([^"']+)["']/g,
  );
}

/** What the first group of the pattern captured, match by match. */
export function captures(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map((match) => match[1] ?? "");
}

/** "mail" for src/mail/types.ts, "" for a file that lies in src itself. */
export function folderOf(file: string): string {
  return /^src\/([^/]+)\//.exec(file)?.[1] ?? "";
}

/** Headings of the given level in a Markdown page, in its order. */
export function headings(markdown: string, level: number): readonly string[] {
  return captures(markdown, new RegExp(`^#{${level}} (.+?) *$`, "gm"));
}

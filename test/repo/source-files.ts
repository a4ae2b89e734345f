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
  const found = withoutComments(code).matchAll(
    /(?:^|[\s;}])(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g,
  );
  return [...found].map((match) => (match[1] ?? match[2]) as string);
}

/** Headings of the given level in a Markdown page, in its order. */
export function headings(markdown: string, level: number): readonly string[] {
  return [...markdown.matchAll(new RegExp(`^#{${level}} (.+)$`, "gm"))].map((match) => (match[1] as string).trim());
}

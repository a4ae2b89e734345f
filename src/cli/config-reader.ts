/** The configuration's view of the host: its files, its name. Shared by the daemon and `holdfast config check`. */
import { readdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import type { ConfigReader, NodeFacts } from "../config/index.js";

const ABSENT: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "EISDIR"]);

export const fileReader: ConfigReader = {
  readFile: (path) => absentAsNull(() => readFileSync(path, "utf8")),
  readDirectory: (path) =>
    absentAsNull(() =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isFile() || entry.isSymbolicLink())
        .map(({ name }) => name),
    ),
};

/** @param explicit `--node`, where it was given. */
export function nodeFacts(explicit?: string): NodeFacts {
  return { explicit: explicit ?? null, environment: process.env["EC_NODE_NAME"] ?? null, hostname: hostname() };
}

/** `EC_CONF_SEARCH_PATH`, directories with colons between; undefined where it is not set. */
export function searchPathFromEnvironment(): readonly string[] | undefined {
  return process.env["EC_CONF_SEARCH_PATH"]?.split(":").filter(Boolean);
}

function absentAsNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && ABSENT.has(error.code)) return null;
    throw error;
  }
}

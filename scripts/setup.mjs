/**
 * Makes a clone ready to run: Debian packages, npm packages, the native addon, the compiled sources. Does only what is
 * missing or out of date, and says so. Plain Node: it runs before there are modules.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** How to see that a Debian package is not needed: a command on the PATH, or a file. */
const SIGNS = {
  cmake: "cmake",
  "doctest-dev": "/usr/include/doctest/doctest.h",
  "g++": "g++",
  iproute2: "ip",
  make: "make",
  python3: "python3",
};

/** What building the addon takes. */
export const COMPILER = ["g++", "make", "python3"];

/**
 * @param {{ packages?: readonly string[] }} wanted Debian packages, keys of SIGNS, besides the compiler.
 * Throws with the remedy where something cannot be had.
 */
export function prepare({ packages = [] } = {}) {
  requireNode();
  useLocalHeaders();
  if (!existsSync(join(ROOT, "dist"))) process.stdout.write("setup: the first time takes a minute or two\n");
  installPackages([...COMPILER, ...packages]);
  // Not `npm ci`: it refuses a lockfile without the optional packages of other platforms, and a mirror that lacks them
  // leaves them out. Versions and integrity are the lockfile's either way, and --no-save leaves it as it is.
  if (!modulesAreComplete()) run("npm packages (npm install)", "npm", ["install", "--no-save"]);
  if (addonIsStale()) {
    run("native addon (node-gyp), about a minute", "npm", ["run", "install"], { npm_config_build_from_source: "true" });
  }
  run("TypeScript (npm run build)", "npm", ["run", "--silent", "build"]);
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(`holdfast needs Node 20.19 or later; this is ${process.versions.node}`);
}

/** Where Debian's headers lie beside the node binary, nothing has to be downloaded to compile against it. */
function useLocalHeaders() {
  const prefix = join(process.execPath, "..", "..");
  if (process.env.npm_config_nodedir === undefined && existsSync(join(prefix, "include/node/node_api.h"))) {
    process.env.npm_config_nodedir = prefix;
  }
}

function installPackages(packages) {
  const missing = packages.filter((name) => !isThere(SIGNS[name]));
  if (missing.length === 0) return;
  const install = `apt-get install -y ${missing.join(" ")}`;
  if (process.getuid() !== 0 || !isThere("apt-get")) throw new Error(`missing packages; as root: ${install}`);
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  run("package lists (apt-get update)", "apt-get", ["update", "-q"], quiet);
  run(`Debian packages (${install})`, "apt-get", ["install", "-yq", "--no-install-recommends", ...missing], quiet);
}

function isThere(sign) {
  if (sign.startsWith("/")) return existsSync(sign);
  return process.env.PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, sign), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** npm writes its hidden lockfile last, so one that agrees with ours means a complete installation. */
function modulesAreComplete() {
  const hidden = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || installed[path]?.version === version || optional === true,
  );
}

function addonIsStale() {
  const release = join(ROOT, "build/Release");
  const addon = existsSync(release) ? readdirSync(release).find((name) => name.endsWith(".node")) : undefined;
  if (addon === undefined) return true;
  const built = statSync(join(release, addon)).mtimeMs;
  const sources = ["wire", "io", "binding"].flatMap((folder) => {
    const path = join(ROOT, "native", folder);
    return readdirSync(path).map((name) => join(path, name));
  });
  return [...sources, join(ROOT, "binding.gyp"), join(ROOT, "native/sources.txt")].some(
    (path) => statSync(path).mtimeMs > built,
  );
}

/** What the tools print is kept, and shown where one fails: nobody reads a compiler that has nothing to say. */
function run(what, command, words, environment = {}) {
  process.stdout.write(`setup: ${what} ...\n`);
  const startedAt = performance.now();
  const { status, error, stdout, stderr } = spawnSync(command, words, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) {
    process.stdout.write(`${stdout ?? ""}${stderr ?? ""}`);
    throw new Error(`setup failed: ${what}${error === undefined ? "" : `: ${error.message}`}`);
  }
  process.stdout.write(`setup: ${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

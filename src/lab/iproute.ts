/**
 * The `ip` command of iproute2, in batches. Only the lab uses it: it stands for the machines' administrator, so it must
 * not share code with what it watches (src/kernel speaks netlink by itself).
 */
import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import { HoldfastError } from "../errors.js";

/** Runs `ip` commands in order, in one process; stops at the first that fails. `namespace`: null for our own. */
export async function ipBatch(namespace: string | null, commands: readonly string[]): Promise<void> {
  await ip(namespace, ["-batch", "-"], `${commands.join("\n")}\n`);
}

/** Rows of one `ip -json` command, as `ip` structures them. */
export async function ipJson<Row>(namespace: string, args: readonly string[]): Promise<readonly Row[]> {
  const text = await ip(namespace, ["-json", ...args], "");
  return text.trim() === "" ? [] : JSON.parse(text);
}

/** For exit handlers, which cannot wait: carries on after a command that fails, and says nothing. */
export function ipBatchSync(commands: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync("ip", ["-force", "-batch", "-"], { input: `${commands.join("\n")}\n`, encoding: "utf8" });
}

function ip(namespace: string | null, args: readonly string[], input: string): Promise<string> {
  const all = namespace === null ? args : ["-n", namespace, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn("ip", all, { stdio: ["pipe", "pipe", "pipe"] });
    let out = "";
    let complaint = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
    child.stdin.on("error", () => {}); // EPIPE when ip stops early; its exit status tells
    child.on("error", (cause) => reject(failed(all, input, "is iproute2 installed?", cause)));
    child.on("close", (status) => {
      if (status === 0) resolve(out);
      else reject(failed(all, input, complaint.trim()));
    });
    child.stdin.end(input);
  });
}

function failed(args: readonly string[], input: string, why: string, cause?: unknown): HoldfastError {
  const line = /^Command failed -:(\d+)/m.exec(why)?.[1];
  const command = line === undefined ? args.join(" ") : (input.split("\n")[Number(line) - 1] ?? "");
  return new HoldfastError("ERR_LAB", `ip ${command}: ${why}`, {}, cause === undefined ? {} : { cause });
}

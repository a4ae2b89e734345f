import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DIST, Pair, until } from "./pair.js";

/** Every signal of signal(7) that ends a process by default and that a process can live through. */
const DEADLY = [
  "SIGINT",
  "SIGQUIT",
  "SIGABRT",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGIO",
  "SIGPWR",
  "SIGSTKFLT",
  "SIGSYS",
  "SIGTERM",
] as const;

let pair: Pair;

beforeEach(async () => {
  pair = await Pair.create(["10.1.1.1", "10.1.1.2", "10.1.1.3", "10.1.1.4"]);
});

afterEach(() => pair.remove());

describe("a daemon that gets a signal", () => {
  it("hands its addresses over and exits 0, whichever of the deadly ones it is", { timeout: 600_000 }, async () => {
    pair.start("two");
    for (const signal of DEADLY) {
      const one = pair.start("one");
      await pair.shared();
      const [vip = ""] = await pair.plumbed("one");
      one.child.kill(signal);
      expect(await one.exited, signal).toEqual({ status: 0, signal: null });
      await pair.all("two");
      expect(await pair.plumbed("one"), signal).toEqual([]);
      expect(await pair.greeting(vip), signal).toMatch(/^220 /);
    }
    expect((await pair.events("one", "stopping")).map(({ signal }) => signal)).toEqual(DEADLY);
    expect(await pair.events("one", "leave-timed-out")).toEqual([]);
    expect(await pair.events("one", "stopped")).toHaveLength(DEADLY.length);
  });

  it("stays for SIGHUP and SIGUSR1, says so, and opens no inspector", async () => {
    pair.start("two");
    const one = pair.start("one");
    await pair.shared();
    for (const signal of ["SIGHUP", "SIGUSR1"] as const) one.child.kill(signal);
    await until("both are told", async () => (await pair.events("one", "signal-ignored")).length === 2);
    expect(inspectors()).toEqual([]);
    expect((await pair.plumbed("one")).length).toBeGreaterThan(0);
    one.child.kill("SIGTERM");
    one.child.kill("SIGINT"); // A second one hastens nothing.
    expect(await one.exited).toEqual({ status: 0, signal: null });
    expect((await pair.events("one")).at(-1)).toMatchObject({ code: "stopped" });
  });

  it("closes an inspector that its environment asks for", async () => {
    pair.start("one", { environment: { NODE_OPTIONS: "--inspect=127.0.0.1:9229" } });
    await pair.all("one");
    expect(await pair.events("one", "inspector-closed")).toHaveLength(1);
    expect(inspectors()).toEqual([]);
  });

  it("undoes what it has begun, where the signal comes while it starts", { timeout: 600_000 }, async () => {
    for (const state of ["", "spool", "sock"]) {
      const one = pair.start("one");
      if (state === "") await until("it has its handlers", async () => catchesSignals(one.child.pid ?? 0));
      else {
        const looked = state === "spool" ? "one.spool/records.mdb" : "one.sock";
        await until(`it has made ${looked}`, async () => existsSync(join(pair.network.directory, looked)));
      }
      one.child.kill("SIGUSR2");
      expect(await one.exited, state).toEqual({ status: 0, signal: null });
      expect(await pair.plumbed("one")).toEqual([]);
      expect(existsSync(pair.file("one", "sock"))).toBe(false);
      expect((await pair.events("one")).at(-1), state).toMatchObject({ code: "stopped" });
      rmSync(join(pair.network.directory, "one.spool", "records.mdb"), { force: true });
    }
  });

  /** Sockets of node one that listen on loopback. */
  function inspectors(): readonly string[] {
    const { stdout } = spawnSync("ip", ["netns", "exec", pair.network.namespace("one"), "ss", "-ltnH"], {
      encoding: "utf8",
    });
    return stdout.split("\n").filter((line) => line.includes("127.0.0.1"));
  }
});

describe("a daemon that cannot start", () => {
  /** The lines and the status of a run, in the namespace of node one. */
  function run(args: readonly string[], dist = DIST, cwd = "/") {
    const command = [
      "netns",
      "exec",
      pair.network.namespace("one"),
      process.execPath,
      `${dist}daemon/main.js`,
      ...args,
    ];
    const { stdout, status } = spawnSync("ip", command, { encoding: "utf8", cwd, timeout: 60_000 });
    return {
      lines: stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line): unknown => JSON.parse(line)),
      status,
    };
  }

  const failed = (error: string) => [
    expect.objectContaining({ level: 50, code: "failed", error, reason: expect.any(String) }),
  ];

  it("says what is wrong with its command line or its configuration in one line", async () => {
    expect(run([])).toEqual({ lines: failed("ERR_USAGE"), status: 64 });
    expect(run(["--config", "/nowhere"])).toEqual({ lines: failed("ERR_CONFIG_UNREADABLE"), status: 66 });
    const broken = join(pair.network.directory, "broken.conf");
    await writeFile(broken, "cluster {");
    expect(run(["--config", broken])).toEqual({ lines: failed("ERR_CONFIG_INVALID"), status: 78 });
  });

  it("says what of itself it could not load in one line", async () => {
    const copy = join(pair.network.directory, "package");
    await mkdir(copy);
    await cp(DIST, join(copy, "dist"), { recursive: true });
    await cp(join(DIST, "../package.json"), join(copy, "package.json"));
    // Without its libraries.
    expect(run(["--config", pair.file("one", "conf")], `${copy}/dist/`)).toEqual({
      lines: failed("ERR_LOAD"),
      status: 70,
    });
    // Without the native part.
    await cp(join(DIST, "../node_modules"), join(copy, "node_modules"), { recursive: true });
    await writeFile(join(copy, "binding.gyp"), "");
    const { lines, status } = run(["--config", pair.file("one", "conf")], `${copy}/dist/`);
    expect({ lines, status }).toEqual({ lines: failed("ERR_NATIVE_MISSING"), status: 70 });
  });

  it("starts from a directory that is not there any more", async () => {
    const gone = mkdtempSync(join(pair.network.directory, "gone-"));
    const script = `cd ${gone} && rmdir ${gone} && exec ${process.execPath} ${DIST}daemon/main.js --config nowhere.conf`;
    const { stdout, status } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
    expect(JSON.parse(stdout)).toMatchObject({ code: "failed", error: "ERR_CONFIG_UNREADABLE" });
    expect(status).toBe(66);
  });
});

/** Whether a process has a handler for SIGUSR2, which Node has none for by itself (SigCgt of proc(5)). */
function catchesSignals(pid: number): boolean {
  try {
    const [, mask = "0"] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return ((BigInt(`0x${mask}`) >> 11n) & 1n) === 1n;
  } catch {
    return false;
  }
}

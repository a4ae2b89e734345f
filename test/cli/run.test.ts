import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../../src/cli/run.js";
import { type ControlServer, startControlServer } from "../../src/console/server.js";
import { sampleControl } from "../console/sample-control.js";

let directory: string;
let socket: string;
let server: ControlServer;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "hf-cli-"));
  socket = join(directory, "control.sock");
  server = await startControlServer(socket, sampleControl());
});

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

/** Runs `holdfast` with these words. The socket comes by the environment, as a systemd user would set it. */
async function holdfast(line: string, environment: Record<string, string> = { HOLDFAST_SOCKET: socket }) {
  let out = "";
  let err = "";
  const exit = await run(line === "" ? [] : line.split(" "), {
    environment,
    out: async (piece) => {
      out += piece;
    },
    err: (piece) => {
      err += piece;
    },
    progress: null,
    stopped: () => new AbortController().signal,
  });
  return { exit, out, err };
}

describe("holdfast", () => {
  it("passes its words to the daemon and prints the answer", async () => {
    expect(await holdfast("cluster nodename")).toEqual({ exit: 0, out: "labrat-1\n", err: "" });
    expect((await holdfast("cluster duravip move 10.80.116.50 to labrat-1")).out).toContain("Moved 2 addresses");
  });

  it("prints data with --json, before or after the words", async () => {
    const data = JSON.stringify(sampleControl().duravip());
    for (const line of ["--json cluster duravip show", "cluster duravip show --json"]) {
      expect(JSON.stringify(JSON.parse((await holdfast(line)).out))).toBe(data);
    }
  });

  it("leaves the options of a console command to the daemon", async () => {
    expect((await holdfast("mailq --limit 1 -d gmail.com")).out.split("\n")[2]).toMatch(/^default\/gmail .* 25 /);
    expect(await holdfast("mailq --colour red")).toMatchObject({ exit: 65, out: "" });
  });

  it("takes the socket from --socket rather than from the environment", async () => {
    const elsewhere = { HOLDFAST_SOCKET: "/nowhere" };
    expect((await holdfast(`--socket ${socket} cluster nodename`, elsewhere)).out).toBe("labrat-1\n");
  });

  it("exits with the status of the error, and prints its code and reason", async () => {
    expect(await holdfast("cluster duravip move nothing to labrat-1")).toEqual({
      exit: 65,
      out: "",
      err: "holdfast: ERR_COMMAND: no VIP is called nothing\n",
    });
  });

  it("names the remedy when no daemon answers", async () => {
    const { exit, err } = await holdfast("summary", { HOLDFAST_SOCKET: join(directory, "none.sock") });
    expect(exit).toBe(69);
    expect(err).toMatch(/^holdfast: ERR_CONTROL_UNREACHABLE: cannot talk to a daemon on .*none\.sock: connect ENOENT/);
    expect(err).toMatch(/\nIs holdfastd running.*--socket and HOLDFAST_SOCKET\.\n$/);
  });

  it("prints its help and its version without a daemon", async () => {
    const help = await holdfast("--help", {});
    expect(help.exit).toBe(0);
    expect(help.out).toContain("/run/holdfast/control.sock");
    expect(help.out).toContain("  cluster duravip move <vip> [to] <node> [for <time>] [anyway]\n      move a VIP");
    expect(await holdfast("--version", {})).toMatchObject({ exit: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it("prints the help of each command without a daemon", async () => {
    const nowhere = { HOLDFAST_SOCKET: join(directory, "none.sock") };
    for (const line of ["cluster duravip move --help", "cluster duravip move vip-1 -h", "help cluster duravip move"]) {
      const { exit, out, err } = await holdfast(line, nowhere);
      expect({ exit, err }, line).toEqual({ exit: 0, err: "" });
      expect(out).toMatch(/^cluster duravip move <vip> .*\n.*\n\n {4}<vip> /);
    }
    expect((await holdfast("cluster duravip --help", nowhere)).out).toMatch(
      /^cluster duravip explain .*cluster duravip show/s,
    );
    expect((await holdfast("kernel plumb --help", nowhere)).out).toMatch(/^Usage: holdfast kernel plumb /);
  });

  it("tells a typo from a daemon that is not there, and names what was meant", async () => {
    const nowhere = { HOLDFAST_SOCKET: join(directory, "none.sock") };
    const { exit, err } = await holdfast("clutser membership", nowhere);
    expect(exit).toBe(65);
    expect(err).toMatch(
      /ERR_COMMAND: there is no command "clutser membership"; did you mean "cluster membership"\?\n$/,
    );
    expect((await holdfast("confg check x.conf", nowhere)).err).toContain('did you mean "config check"?');
    expect((await holdfast("frobnicate", nowhere)).err).toContain("help lists them");
  });

  it("exits 64 when nothing is asked, and when an option lacks its value", async () => {
    expect(await holdfast("")).toMatchObject({ exit: 64, out: "", err: expect.stringMatching(/^Usage: holdfast/) });
    expect((await holdfast("--socket")).exit).toBe(64);
    expect((await holdfast("config check")).exit).toBe(64);
    expect((await holdfast("config check --frob x")).exit).toBe(64);
  });
});

describe("holdfast config check", () => {
  const file = () => join(directory, "ecelerity.conf");

  it("exits 0 for a configuration without mistakes, and needs no daemon", async () => {
    writeFileSync(file(), 'Hostname = "mail.example"\n');
    expect((await holdfast(`config check ${file()}`, {})).exit).toBe(0);
    expect(JSON.parse((await holdfast(`config check ${file()} --node node1 --json`, {})).out)).toMatchObject({
      valid: true,
    });
  });

  it("exits 78 for one with mistakes, and 66 where there is no file", async () => {
    writeFileSync(file(), "cluster { frobnicate = 1 }\n");
    const wrong = await holdfast(`config check ${file()}`);
    expect(wrong.exit).toBe(78);
    expect(wrong.out).toContain("ecelerity.conf:1:11");
    expect((await holdfast(`config check ${directory}/absent.conf`)).exit).toBe(66);
  });
});

describe("the program", () => {
  it("does not fail when its reader has seen enough", async ({ skip }) => {
    const main = join(import.meta.dirname, "../../dist/cli/main.js");
    if (!existsSync(main)) skip("needs dist/: npm run build");
    const child = spawn(process.execPath, [main, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    const complaint = text(child.stderr);
    const [status] = await once(child, "exit");
    expect({ status, complaint: await complaint }).toEqual({ status: 0, complaint: "" });
  });
});

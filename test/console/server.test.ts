import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { askControl, askForData } from "../../src/console/client.js";
import { type ControlServer, type ControlServerOptions, startControlServer } from "../../src/console/server.js";
import { hasCode, type HoldfastError } from "../../src/errors.js";
import type { MoveResult, NodeControl } from "../../src/node/control.js";
import { crowdedControl, sampleControl } from "./sample-control.js";

let directory: string;
let path: string;
let servers: ControlServer[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hf-console-"));
  path = join(directory, "control.sock");
  servers = [];
});

afterEach(async () => {
  for (const server of servers) await server.close();
  rmSync(directory, { recursive: true });
});

async function start(control: NodeControl = sampleControl(), options: ControlServerOptions = {}) {
  const server = await startControlServer(path, control, options);
  servers.push(server);
  return server;
}

async function ask(command: string, json = false): Promise<string> {
  let answer = "";
  for await (const piece of askControl(path, command, { json })) answer += piece;
  return answer;
}

/** Sends bytes as they are, closes the sending side, and returns all that comes back. */
async function raw(bytes: string | Uint8Array): Promise<string> {
  const socket = createConnection(path);
  socket.end(bytes);
  return text(socket);
}

async function failure(attempt: Promise<unknown>): Promise<HoldfastError> {
  try {
    await attempt;
  } catch (error) {
    if (hasCode(error, "ERR_COMMAND") || hasCode(error, "ERR_LISTEN") || hasCode(error, "ERR_CONTROL_UNREACHABLE")) {
      return error;
    }
    throw error;
  }
  throw new Error("nothing failed");
}

async function connected(): Promise<Socket> {
  const socket = createConnection(path);
  await once(socket, "connect");
  return socket;
}

describe("the control server", () => {
  it("answers text, and data as JSON", async () => {
    await start();
    expect(await ask("cluster nodename")).toBe("labrat-1\n");
    expect(await askForData(path, "cluster duravip show")).toEqual(sampleControl().duravip());
  });

  it("answers a bare line, and closes once its client has sent all", async () => {
    await start();
    expect(await raw("cluster nodename")).toBe("labrat-1\n");
    expect(await raw("cluster nodename --json\r\n\n  mailq -l 0\n")).toMatch(/^"labrat-1"\nGroup\/Binding .*\n-{74}\n/);
    expect(await raw("cluster xylophone\ncluster nodename\n")).toBe(
      'ERR_COMMAND: there is no command "cluster xylophone"; help lists them\nlabrat-1\n',
    );
  });

  it("answers the commands of one connection in their order, and of many at once", async () => {
    await start();
    const frame = (command: string) => `${JSON.stringify({ command })}\n`;
    expect(await raw(frame("cluster nodename") + frame("nonsense") + frame("cluster nodeaddr"))).toBe(
      [
        '{"text":"labrat-1\\n"}\n{"done":true}\n',
        '{"error":{"code":"ERR_COMMAND","message":"there is no command \\"nonsense\\"; help lists them"}}\n',
        '{"text":"10.80.116.201:4802\\n"}\n{"done":true}\n',
      ].join(""),
    );
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask("cluster nodename")));
    expect(new Set(answers)).toEqual(new Set(["labrat-1\n"]));
  });

  it("passes on a refusal with its code", async () => {
    await start();
    const refused = await failure(ask("cluster duravip move nothing to labrat-1"));
    expect([refused.code, refused.message]).toEqual(["ERR_COMMAND", "no VIP is called nothing"]);
  });

  it("reports a bug of a command, tells the client, and lives on", async () => {
    const onFault = vi.fn();
    const bug = new TypeError("x is not a function");
    const server = await start(sampleControl({ queues: () => Promise.reject(bug) }), { onFault });
    expect((await failure(ask("mailq"))).message).toBe('"mailq" failed inside the daemon: x is not a function');
    expect(onFault.mock.calls).toEqual([[bug, "mailq"]]);
    expect(server.counters()).toMatchObject({ "control.faults": 1, "control.refusedCommands": 0 });
    expect(await ask("cluster nodename")).toBe("labrat-1\n");
  });

  it("refuses what is no request, counts it and ends that connection", async () => {
    const server = await start();
    const control = "ERR_COMMAND: the line holds control characters\n";
    expect(await raw("\u0016\u0003\u0001\nsummary\n")).toBe(control);
    expect(await raw(Uint8Array.of(0xff, 0xfe, 10))).toMatch(/^ERR_COMMAND: the line is not UTF-8/);
    expect(await raw('{"command":7}\nsummary\n')).toBe(
      'ERR_COMMAND: a request looks like {"command":"cluster membership","json":true}\n',
    );
    expect(await raw(`{"command":\n`)).toMatch(/^ERR_COMMAND: a request looks like/);
    expect(await raw("x".repeat(5000))).toBe("ERR_COMMAND: the line is longer than 4096 bytes\n");
    expect(server.counters()).toMatchObject({ "control.refusedLines": 5, "control.commands": 0 });
  });

  it("survives any bytes", async () => {
    await start();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 6000 }), fc.string({ unit: "grapheme", maxLength: 300 })),
        async (bytes) => {
          await raw(bytes);
          expect(await ask("cluster nodename")).toBe("labrat-1\n");
        },
      ),
      { numRuns: 100 },
    );
  });

  it("closes a connection that is idle, but not one that waits for its command", async () => {
    const results: ((result: MoveResult) => void)[] = [];
    const move = () => new Promise<MoveResult>((resolve) => results.push(resolve));
    await start(sampleControl({ move }), { idleTimeoutMs: 300 });
    const waiting = ask("cluster duravip move a to b");
    await vi.waitFor(() => expect(results).toHaveLength(1));
    const idle = await connected();
    await once(idle.resume(), "close");
    results[0]?.({ address: "a", to: "b", forMs: 0, moved: [], elapsedMs: 1, before: null, missing: null });
    expect(await waiting).toBe("a is at b already; pinned it there.\n");
  });

  it("turns away clients above its limit and counts them", async () => {
    const server = await start();
    const crowd = await Promise.all(Array.from({ length: 64 }, connected));
    await once((await connected()).resume(), "close");
    expect(server.counters()).toMatchObject({ "control.connections": 64, "control.refusedConnections": 1 });
    for (const socket of crowd) socket.destroy();
    await vi.waitFor(async () => expect(await ask("cluster nodename")).toBe("labrat-1\n"));
  });

  it("answers for 20,000 addresses in pieces", async () => {
    const server = await start(crowdedControl(20_000));
    const lines = (await ask("cluster duravip show")).split("\n");
    expect(lines).toHaveLength(1 + 20_000 * 6 + 1);
    expect(await askForData(path, "cluster duravip show")).toHaveLength(20_000);
    expect(server.counters()).toMatchObject({ "control.commands": 2, "control.faults": 0, "control.timeouts": 0 });
  });

  it("drops a client that reads nothing of a long answer", async () => {
    const server = await start(crowdedControl(20_000), { idleTimeoutMs: 200 });
    const deaf = await connected();
    deaf.write("cluster duravip show\n");
    await vi.waitFor(() => expect(server.counters()).toMatchObject({ "control.timeouts": 1 }), { timeout: 20_000 });
    deaf.destroy();
    expect(server.counters()).toMatchObject({ "control.commands": 1, "control.faults": 0 });
  });
});

describe("the control socket", () => {
  it("is open to its owner only, and leaves nothing behind", async () => {
    const server = await start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(["control.sock"]);
    await server.close();
    servers = [];
    expect(readdirSync(directory)).toEqual([]);
  });

  it("replaces the file of a predecessor that died", async () => {
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 9))`;
    await once(spawn(process.execPath, ["-e", script]), "exit");
    expect(existsSync(path)).toBe(true);
    await start();
    expect(await ask("cluster nodename")).toBe("labrat-1\n");
  });

  it("is not taken from a daemon that lives", async () => {
    await start();
    const refused = await failure(startControlServer(path, sampleControl()));
    expect([refused.code, refused.message]).toEqual(["ERR_LISTEN", `another daemon answers on ${path}`]);
    expect(await ask("cluster nodename")).toBe("labrat-1\n");
  });

  it("does not replace a file that is no socket", async () => {
    writeFileSync(path, "precious");
    expect((await failure(startControlServer(path, sampleControl()))).message).toBe(
      `${path} exists and is not a socket`,
    );
  });

  it("cannot be where there is no directory", async () => {
    const refused = await failure(startControlServer(join(directory, "none", "control.sock"), sampleControl()));
    expect([refused.code, refused.message]).toEqual(["ERR_LISTEN", `cannot listen on ${directory}/none/control.sock`]);
  });
});

describe("the control client", () => {
  it("says so when no daemon is there", async () => {
    const refused = await failure(ask("summary"));
    expect([refused.code, refused.message]).toEqual(["ERR_CONTROL_UNREACHABLE", `cannot talk to a daemon on ${path}`]);
  });

  it("says so when the daemon ends in the middle of its answer", async () => {
    const server = await start(sampleControl({ move: () => new Promise(() => {}) }));
    const waiting = failure(ask("cluster duravip move a to b"));
    await vi.waitFor(() => expect(server.counters()).toMatchObject({ "control.commands": 1 }));
    await server.close();
    servers = [];
    expect((await waiting).code).toBe("ERR_CONTROL_UNREACHABLE");
  });

  it("does not take something else for a daemon", async () => {
    const other = createServer((socket) => socket.end("220 mail.example ESMTP\r\n")).listen(path);
    await once(other, "listening");
    const refused = await failure(ask("summary"));
    expect(refused.cause).toEqual(new Error("what answers there is no holdfast daemon"));
    other.close();
  });

  it("stops waiting when told to", async () => {
    await start(sampleControl({ move: () => new Promise(() => {}) }));
    const waiting = askForData(path, "cluster duravip move a to b", { signal: AbortSignal.timeout(20) });
    expect((await failure(waiting)).code).toBe("ERR_CONTROL_UNREACHABLE");
  });
});

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, lstatSync, renameSync, rmSync, type Stats } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { HoldfastError } from "../errors.js";
import type { NodeControl } from "../node/control.js";
import { type ConsoleCounter, serveSession } from "./session.js";

const MAX_CLIENTS = 64;

export interface ControlServerOptions {
  /** Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** A bug that a command came upon: something to log. The client is told, and the daemon lives on. */
  readonly onFault?: (fault: unknown, command: string) => void;
}

export interface ControlServer {
  /** What `summary` shows of it: "control.connections", "control.refusedLines", ... */
  counters(): Readonly<Record<string, number>>;
  /** Ends every connection and removes the socket file, unless another daemon has put its own there. */
  close(): Promise<void>;
}

/**
 * Listens on a UNIX socket of mode 0600 and answers console commands from `control`.
 *
 * The socket comes into being under another name and is renamed into place, so nobody can connect before its mode is
 * set, and a socket file that a dead predecessor left is replaced in one step. Throws ERR_LISTEN where a living daemon
 * answers on the path, something other than a socket stands there, or the directory cannot be written.
 */
export async function startControlServer(
  path: string,
  control: NodeControl,
  options: ControlServerOptions = {},
): Promise<ControlServer> {
  const counts: Record<ConsoleCounter | "connections" | "refusedConnections", number> = {
    connections: 0,
    refusedConnections: 0,
    commands: 0,
    refusedCommands: 0,
    refusedLines: 0,
    timeouts: 0,
    faults: 0,
  };
  const counters = () => Object.fromEntries(Object.entries(counts).map(([name, count]) => [`control.${name}`, count]));
  const clients = new Set<Socket>();

  // Half open: `echo command | socat - UNIX:path` closes its side before it has its answer.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    counts.connections++;
    clients.add(socket);
    socket.on("close", () => clients.delete(socket));
    socket.on("error", () => {}); // a client that went away; its session sees the same and ends
    void serveSession(socket, {
      context: () => ({ control, consoleCounters: counters() }),
      idleTimeoutMs: options.idleTimeoutMs ?? 60_000,
      count: (counter) => counts[counter]++,
      onFault: options.onFault ?? (() => {}),
    });
  });
  server.maxConnections = MAX_CLIENTS;
  server.on("drop", () => counts.refusedConnections++);

  const placed = await listenAt(server, path);
  server.on("error", () => counts.refusedConnections++); // accept(2) failed: out of file descriptors
  return {
    counters,
    async close() {
      for (const client of clients) client.destroy(new Error("the control server closes"));
      const closed = once(server, "close");
      server.close();
      await closed;
      if (statOf(path)?.ino === placed.ino) rmSync(path, { force: true });
    },
  };
}

async function listenAt(server: Server, path: string): Promise<Stats> {
  await refuseOccupied(path);
  const newcomer = join(dirname(path), `.${randomBytes(6).toString("hex")}`);
  try {
    server.listen(newcomer);
    await once(server, "listening");
    chmodSync(newcomer, 0o600);
    renameSync(newcomer, path);
    return lstatSync(path);
  } catch (cause) {
    server.close();
    rmSync(newcomer, { force: true });
    throw new HoldfastError("ERR_LISTEN", `cannot listen on ${path}`, { path }, { cause });
  }
}

async function refuseOccupied(path: string): Promise<void> {
  const found = statOf(path);
  if (found === null) return;
  if (!found.isSocket()) throw new HoldfastError("ERR_LISTEN", `${path} exists and is not a socket`, { path });
  if (await answers(path)) throw new HoldfastError("ERR_LISTEN", `another daemon answers on ${path}`, { path });
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

/** True unless the kernel says that nobody listens on the socket, because its owner is dead, or that it has just gone. */
async function answers(path: string): Promise<boolean> {
  const probe = createConnection(path);
  try {
    await once(probe, "connect");
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    return code !== "ECONNREFUSED" && code !== "ENOENT";
  } finally {
    probe.destroy();
  }
}

/** Opens a server where the configuration says, or says why not. */
import { once } from "node:events";
import type { Server } from "node:net";
import type { Endpoint } from "../config/types.js";
import { HoldfastError } from "../errors.js";
import type { Desk } from "./desk.js";
import { codeOf } from "./errno.js";

/** Longest queue of connections that the kernel has made and nobody has accepted (listen(2)). */
const BACKLOG = 1024;

/** Rejects with ERR_LISTEN, whose cause and `errno` fact are the kernel's. */
export async function openServer(server: Server, { host, port }: Endpoint, desk: Desk): Promise<void> {
  const listening = once(server, "listening");
  server.listen({ host: host === "*" ? "0.0.0.0" : host, port, backlog: BACKLOG });
  try {
    await listening;
  } catch (cause) {
    const errno = codeOf(cause) ?? "unknown";
    throw new HoldfastError("ERR_LISTEN", `cannot listen on ${host}:${port}`, { host, port, errno }, { cause });
  }
  // From here on: a connection that the kernel could not hand over.
  server.on("error", () => desk.count("accept-errors"));
}

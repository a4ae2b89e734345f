/** Opens a server where the configuration says, or says why not. */
import { once } from "node:events";
import { createServer, type ListenOptions, type Server } from "node:net";
import type { Endpoint } from "../config/types.js";
import { HoldfastError } from "../errors.js";
import type { Desk } from "./desk.js";
import { codeOf } from "./errno.js";

/** Longest queue of connections that the kernel has made and nobody has accepted (listen(2)). */
const BACKLOG = 1024;

/** Rejects with ERR_LISTEN, whose cause and `errno` fact are the kernel's. */
export async function openServer(
  server: Server,
  endpoint: Endpoint,
  desk: Desk,
  options: ListenOptions = {},
): Promise<void> {
  const { host, port } = endpoint;
  await listening(server, { host: host === "*" ? "0.0.0.0" : host, port, ...options }, endpoint, desk);
}

/** The same with a socket that is bound to the endpoint already: all that is left to do is listen(2). */
export async function openBound(server: Server, fd: number, endpoint: Endpoint, desk: Desk): Promise<void> {
  await listening(server, { fd }, endpoint, desk);
}

/** Rejects with ERR_LISTEN where this host does not have the address now. */
export async function requireAddress({ host, port }: Endpoint, desk: Desk): Promise<void> {
  const probe = createServer();
  try {
    await openServer(probe, { host, port: 0 }, desk);
  } catch (error) {
    const cause = error instanceof Error ? error.cause : error;
    throw cannotListen({ host, port }, cause);
  }
  probe.close();
}

async function listening(
  server: Server,
  where: ListenOptions & { readonly fd?: number },
  endpoint: Endpoint,
  desk: Desk,
): Promise<void> {
  const listens = once(server, "listening");
  // For a descriptor, Node 20 takes the backlog from the second argument only.
  const { backlog = BACKLOG } = where;
  server.listen({ ...where, backlog }, backlog);
  try {
    await listens;
  } catch (cause) {
    throw cannotListen(endpoint, cause);
  }
  // From here on: a connection that the kernel could not hand over.
  server.on("error", () => desk.count("accept-errors"));
}

function cannotListen({ host, port }: Endpoint, cause: unknown): HoldfastError {
  const errno = codeOf(cause) ?? "unknown";
  return new HoldfastError("ERR_LISTEN", `cannot listen on ${host}:${port}`, { host, port, errno }, { cause });
}

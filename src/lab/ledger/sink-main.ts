/**
 * Where the mail of the ledger ends: a server that does with each recipient what its address says (addresses.ts), and
 * prints one JSON line for each transaction that it takes, before it answers. Arguments: address and port to listen on.
 * Prints `{"event":"listening"}` once it does.
 */
import { createServer, type Socket } from "node:net";
import { SinkSession } from "./sink-session.js";

const [address = "127.0.0.1", port = "2525"] = process.argv.slice(2);
const attempts = new Map<string, number>();
let connections = 0;

/** How often this was tried before. */
function tried(what: string): number {
  const before = attempts.get(what) ?? 0;
  attempts.set(what, before + 1);
  return before;
}

const server = createServer((socket: Socket) => {
  const session = new SinkSession({
    connection: ++connections,
    source: (socket.remoteAddress ?? "").replace(/^::ffff:/, ""),
    tried,
    record: (line) => void process.stdout.write(`${JSON.stringify(line)}\n`),
  });
  // One after the other: a slow answer holds what the client sent behind it.
  let turn = answer(session.greet());
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    turn = turn.then(() => readAll(chunk));
  });

  async function readAll(chunk: Buffer): Promise<void> {
    session.push(chunk);
    for (let reply = session.next(); reply !== null; reply = session.next()) await answer(reply);
  }

  async function answer({ text, afterMs = 0, cut = false }: ReturnType<SinkSession["greet"]>): Promise<void> {
    if (afterMs > 0) await new Promise((resolve) => setTimeout(resolve, afterMs));
    if (text !== "" && !socket.destroyed) socket.write(text);
    if (cut) socket.destroy();
  }
});

server.on("error", (error) => process.stderr.write(`${error.message}\n`));
server.listen(Number(port), address, () => process.stdout.write(`${JSON.stringify({ event: "listening" })}\n`));

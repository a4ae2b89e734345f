/**
 * One end of TCP connections, told of line by line on stdout. Says nothing over them, and never closes one.
 *
 *     talker.mjs listen PORT ADDRESS      "listening"; "accepted"; the error that ends a connection
 *     talker.mjs connect PORT ADDRESS...  "connected" for each; the error that ends one
 */
import { connect, createServer } from "node:net";

const [, , role, port, ...addresses] = process.argv;
const say = (line) => process.stdout.write(`${line}\n`);

/** @param socket @param said once it is connected */
function tell(socket, said) {
  if (said !== null) socket.once("connect", () => say(said));
  socket.on("error", ({ code }) => say(code));
  socket.on("end", () => say("end"));
  socket.resume();
}

if (role === "listen") {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    tell(socket, null);
    say("accepted");
  });
  server.listen({ host: addresses[0], port: Number(port) }, () => say("listening"));
} else {
  for (const host of addresses) tell(connect({ host, port: Number(port), allowHalfOpen: true }), "connected");
}

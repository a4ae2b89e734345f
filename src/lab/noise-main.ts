/**
 * Sends datagrams of random bytes to a port of several hosts, until its input ends. Arguments: port, datagrams a second,
 * addresses.
 */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";

const [port = "4809", rate = "100", ...addresses] = process.argv.slice(2);
const socket = createSocket("udp4");
socket.on("error", (error) => process.stderr.write(`${error.message}\n`));
let turn = 0;
const timer = setInterval(() => {
  const address = addresses[turn++ % addresses.length];
  // Who is not there, or not to be reached, is no reason to end.
  socket.send(randomBytes(64), Number(port), address, () => {});
}, 1_000 / Number(rate));

process.stdin.resume().on("end", () => {
  clearInterval(timer);
  socket.close();
});

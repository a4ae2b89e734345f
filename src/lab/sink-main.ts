/**
 * Where all mail of the lab ends: accepts everything and prints one JSON line a message. Arguments: address and port to
 * listen on. Prints `{"event":"listening"}` once it does.
 */
import { SMTPServer } from "smtp-server";
import { type DeliveredMessage, TOKEN_HEADER } from "./records.js";

const [address = "127.0.0.1", port = "2525"] = process.argv.slice(2);
/** Trace fields come before it; a header section beyond this is not one of ours. */
const HEADER_LIMIT = 64 * 1024;
const traceId = /^Received: [^;]*\bid ([^\s;]+)/i;
const tokenLine = new RegExp(`^${TOKEN_HEADER}: *(\\S+)`, "im");

const server = new SMTPServer({
  name: "sink",
  disabledCommands: ["AUTH", "STARTTLS"],
  disableReverseLookup: true,
  hidePIPELINING: false,
  onData(stream, session, done) {
    let head = "";
    stream.on("data", (bytes: Buffer) => {
      if (head.length < HEADER_LIMIT) head += bytes.toString("latin1");
    });
    stream.on("end", () => {
      const token = tokenLine.exec(head)?.[1];
      if (token === undefined) return done(new Error("not a message of this lab"));
      // Printed before it is answered: whoever gets the 250 may count on the record.
      const id = traceId.exec(head)?.[1] ?? "";
      const record: DeliveredMessage = { event: "delivered", token, source: session.remoteAddress, id };
      process.stdout.write(`${JSON.stringify(record)}\n`);
      done();
    });
  },
});

server.on("error", (error) => process.stderr.write(`${error.message}\n`));
server.listen(Number(port), address, () => {
  process.stdout.write(`${JSON.stringify({ event: "listening" })}\n`);
});

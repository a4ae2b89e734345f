import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { greeted } from "../../src/mail/smtp-greeting.js";

let server: Server;
let accepted: Socket[];

/** Says nothing by itself. */
beforeEach(async () => {
  accepted = [];
  server = createServer((socket) => accepted.push(socket.on("error", () => undefined))).listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterEach(() => {
  for (const socket of accepted) socket.destroy();
  server.close();
});

async function conversation(): Promise<{ smtp: SMTPConnection; socket: Socket }> {
  const address = server.address();
  const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1");
  await once(socket, "connect");
  const smtp = new SMTPConnection({ connection: socket, ignoreTLS: true, name: "here", logger: false });
  smtp.on("error", () => undefined);
  return { smtp, socket };
}

describe("a conversation over a socket of ours", () => {
  it("begins with the greeting", async () => {
    const { smtp, socket } = await conversation();
    const [there] = accepted;
    there?.write("220 there\r\n");
    there?.once("data", () => there.write("250 there\r\n"));
    await greeted(smtp, socket);
    socket.destroy();
  });

  it("fails at once when the socket is cut before nodemailer listens to it", async () => {
    const { smtp, socket } = await conversation();
    const beginning = greeted(smtp, socket);
    socket.destroy();
    await expect(beginning).rejects.toThrow("ended before its greeting");
  });

  it("fails at once when the socket was cut already", async () => {
    const { smtp, socket } = await conversation();
    socket.destroy();
    await expect(greeted(smtp, socket)).rejects.toThrow("ended before its greeting");
  });

  it("fails at once when the other side closes instead", async () => {
    const { smtp, socket } = await conversation();
    const beginning = greeted(smtp, socket);
    accepted[0]?.destroy();
    await expect(beginning).rejects.toThrow();
  });
});

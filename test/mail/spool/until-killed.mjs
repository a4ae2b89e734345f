// Works on a spool until it is killed, and says what it was told is on disk: "stored|done|moved ID", one a line.
// Arguments: the compiled spool.js, the directory, the incarnation.
import { writeSync } from "node:fs";

const [module, directory, incarnation] = process.argv.slice(2);
const { openSpool } = await import(module);
const spool = openSpool({ directory, incarnation: Number(incarnation), nodename: "mail1", inlineMax: 4096 });

const say = (what, id) => writeSync(1, `${what} ${id}\n`);

async function* bodyOf(id) {
  const lines = [1, 30, 300, 3000][Number.parseInt(id.slice(-4, -3), 32) % 4];
  for (let line = 0; line < lines; line++) yield Buffer.from(`${id} ${line}\r\n`);
}

async function work(turn) {
  const id = spool.newId();
  const context = { receivedAtMs: Date.now(), expiresAtMs: Date.now(), listener: null, client: null, hops: 0 };
  const recipients = [{ address: "a@b.example", notify: null, orcpt: null }];
  const envelope = { from: "", body: null, smtpUtf8: false, ret: null, envid: null, recipients };
  await spool.accept({ id, binding: "out-1", envelope, context }, bodyOf(id));
  say("stored", id);
  if (turn % 4 === 1) {
    await spool.beginDelivery(id, [0]);
    await spool.settle(id, new Map([[0, { state: "done", outcome: "delivered", detail: "250" }]]));
    say("done", id);
  }
  if (turn % 4 === 2) {
    await spool.beginMove([id], "mail2", 1);
    await spool.finishMove([id], "mail2");
    say("moved", id);
  }
}

await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (let turn = 0; ; turn++) await work(turn);
  }),
);

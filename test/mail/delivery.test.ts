import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { unseal } from "../../src/mail/spool/codec.js";
import { readRecord } from "../../src/mail/spool/record.js";
import { openSpool } from "../../src/mail/spool/spool.js";
import { openStore } from "../../src/mail/spool/store.js";
import type { NewMessage } from "../../src/mail/spool/types.js";
import {
  addresses,
  binding,
  config,
  type ConfigParts,
  Dialog,
  engine,
  freePort,
  listen,
  scene,
  route,
  sink,
  text,
  until,
  vip,
} from "./fixtures.js";

const [host = "", own = "", remote = "", spare = ""] = addresses(21, 4);

/** An engine with one listener, whose mail goes out from a binding on the listener's address. */
async function sending(parts: ConfigParts, over: Parameters<typeof engine>[1] = {}) {
  const port = await freePort(host);
  const bindings = parts.bindings ?? [binding("out", { address: host })];
  const world = await engine({ config: config({ ...parts, bindings, listens: [listen(host, port)] }) }, over);
  const client = await Dialog.greeted(port, host);
  const submit = (to: string, content = text(to), from = "a@from.test") => client.message(from, [to].flat(), content);
  return { ...world, client, submit };
}

function replying(code: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode: code });
}

/** Where a body lies, its size, and what damages it. */
const HARMS: readonly (readonly [string, number, (directory: string, id: string) => Promise<void> | void])[] = [
  ["in the store", 10, change],
  ["in a file", 400_000, (directory, id) => changeFile(directory, id)],
  ["whose file is gone", 400_000, (directory, id) => changeFile(directory, id, true)],
];

describe("delivery", () => {
  scene("leaves from the binding's own address, with its EHLO name, and is settled once", async () => {
    const greetings: string[] = [];
    const target = await sink(remote, {
      onMailFrom: (_address, session, done) => {
        greetings.push(session.hostNameAppearsAs);
        done();
      },
    });
    const { mail, event, submit } = await sending({
      bindings: [binding("out", { address: host, ehloHostname: "own.name.test" }), binding("other", { address: own })],
      domains: [route("x.test", target)],
    });
    expect(await submit("User@x.test")).toMatch(/^250 2\.6\.0 \w{22} queued$/);
    const delivered = await event("delivery", { recipient: "User@x.test" });
    expect(delivered.facts).toMatchObject({ binding: "out", local: host, peer: remote, attempts: 1, domain: "x.test" });
    expect(target.taken).toHaveLength(1);
    expect(target.taken[0]).toMatchObject({ from: "a@from.test", to: ["User@x.test"], client: host });
    expect(target.taken[0]?.text).toMatch(
      /^Received: from client\.test .*\r\nSubject: User@x.test\r\n\r\nHello\.\r\n$/s,
    );
    expect(greetings).toEqual(["own.name.test"]);
    expect(await mail.queues()).toEqual([]);
    expect(await mail.counters()).toMatchObject({ accepted: 1, delivered: 1 });
    expect((await mail.activity()).flatMap(({ addresses }) => addresses)).toContain(host);
  });

  scene("keeps a connection for the messages that follow, and uses no other for them", async () => {
    const target = await sink(remote);
    const { submit, mail } = await sending({ domains: [route("x.test", target)] });
    for (let count = 1; count <= 5; count++) {
      await submit(`u${count}@x.test`);
      await until("it is delivered", async () => (await mail.counters())["delivered"] === count);
    }
    expect(new Set(target.taken.map((taken) => taken.session)).size).toBe(1);
  });

  scene("opens another connection where the kept one was closed at the other end", async () => {
    const target = await sink(remote);
    const { submit, mail } = await sending({ domains: [route("x.test", target)] });
    await submit("one@x.test");
    await until("it is delivered", async () => (await mail.counters())["delivered"] === 1);
    for (const connection of target.server.connections) connection.close();
    await submit("two@x.test");
    await until("it is delivered", async () => (await mail.counters())["delivered"] === 2);
    expect((await mail.counters())["deferred"]).toBeUndefined();
  });

  scene("never has more connections for a domain than its limit", async () => {
    let open = 0;
    let most = 0;
    const target = await sink(remote, {
      onData: (stream, _session, done) => {
        most = Math.max(most, ++open);
        stream.resume();
        stream.on("end", () => {
          setImmediate(() => {
            open--;
            done(null, "taken");
          });
        });
      },
    });
    const { submit, mail } = await sending({ mail: { maxOutboundConnections: 2 }, domains: [route("x.test", target)] });
    for (let count = 0; count < 12; count++) await submit(`u${count}@x.test`);
    await until("all are delivered", async () => (await mail.counters())["delivered"] === 12);
    expect(most).toBeLessThanOrEqual(2);
    expect(target.server.connections.size).toBeLessThanOrEqual(2);
  });

  scene("carries body type, sizes and DSN parameters on, each recipient's own", async () => {
    const target = await sink(remote);
    const { client, mail } = await sending({ domains: [route("x.test", target)] });
    await client.say("MAIL FROM:<a@from.test> BODY=8BITMIME RET=HDRS ENVID=e+2B1");
    await client.say("RCPT TO:<one@x.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;o+2Bne@x.test");
    await client.say("RCPT TO:<two@x.test> NOTIFY=NEVER");
    await client.say("DATA");
    client.write(text("dsn"));
    await client.say(".");
    await until("both are delivered", async () => (await mail.counters())["delivered"] === 2);
    expect(target.taken).toMatchObject([
      {
        to: ["one@x.test", "two@x.test"],
        dsn: {
          ret: "HDRS",
          envid: "e+1",
          rcpt: [{ notify: ["FAILURE", "DELAY"], orcpt: "rfc822;o+ne@x.test" }, { notify: ["NEVER"] }],
        },
      },
    ]);
  });

  scene("gives each recipient its own outcome, and sends the rest again later", async () => {
    let greylisting = true;
    const target = await sink(remote, {
      onRcptTo: ({ address }, _session, done) => {
        if (address.startsWith("never")) return done(replying(550, "no such user"));
        if (address.startsWith("later") && greylisting) return done(replying(450, "come again"));
        done();
      },
    });
    const { client, event, events, mail } = await sending({
      mail: { retryIntervalMs: 50 },
      domains: [route("x.test", target)],
    });
    await client.message("", ["now@x.test", "later@x.test", "never@x.test"], text("three"));
    expect((await event("permfail")).facts).toMatchObject({
      recipient: "never@x.test",
      text: "550 5.1.1 no such user",
    });
    expect((await event("transfail")).facts).toMatchObject({ recipient: "later@x.test", attempts: 1 });
    greylisting = false;
    expect((await event("delivery", { recipient: "later@x.test" })).facts["attempts"]).toBeGreaterThan(1);
    expect(target.taken.map((taken) => taken.to)).toEqual([["now@x.test"], ["later@x.test"]]);
    expect(events.filter((seen) => seen.code === "delivery" && seen.facts["recipient"] === "now@x.test")).toHaveLength(
      1,
    );
    await until("the queue is empty", async () => (await mail.queues()).length === 0);
  });

  scene("sends recipients with different ORCPT in one transaction, and they stay together in retries", async () => {
    let busy = true;
    const seen: string[][] = [];
    const target = await sink(remote, {
      onRcptTo: (_address, _session, done) => done(busy ? replying(450, "come again") : null),
    });
    const { client, events, mail } = await sending({
      mail: { retryIntervalMs: 1_000 },
      domains: [route("x.test", target)],
    });
    const to = Array.from({ length: 60 }, (_, at) => `u${at}@x.test`);
    await client.say("MAIL FROM:<a@from.test>");
    for (const address of to) await client.say(`RCPT TO:<${address}> ORCPT=rfc822;${address}`);
    await client.say("DATA");
    client.write(text("many"));
    await client.say(".");
    const deferred = () => events.filter((event) => event.code === "transfail");
    await until("all are deferred", () => deferred().length >= 60);
    busy = false;
    expect(new Set(deferred().map((event) => event.facts["nextAttemptMs"])).size).toBe(1);
    await until("all are delivered", async () => (await mail.counters())["delivered"] === 60);
    for (const taken of target.taken) seen.push([...taken.to]);
    expect(seen).toEqual([to]);
  });

  scene("has recorded each transaction before the next one ends", async () => {
    let last = () => {};
    let transactions = 0;
    const target = await sink(remote, {
      onData: (stream, _session, done) => {
        stream.resume();
        stream.on("end", () => {
          if (++transactions < 3) return done(null, "taken");
          last = () => done(null, "taken");
        });
      },
    });
    const { client, mail, setup } = await sending({ domains: [route("x.test", target)] });
    const to = Array.from({ length: 250 }, (_, at) => `u${at}@x.test`);
    await client.message("", to, text("many"));
    await until("the third transaction waits for its reply", () => transactions === 3);
    // What a SIGKILL leaves now: the records as they are on disk.
    const store = openStore(setup.config.mail.spoolBase, true);
    const states = [...store.messages.getRange()].map(({ key, value }) => readRecord(unseal(value), key)?.message);
    await store.close();
    expect(states[0]?.recipients.filter((state) => state.state === "done")).toHaveLength(200);
    expect(states[0]?.delivering).toHaveLength(50);
    last();
    await until("all are delivered", async () => (await mail.counters())["delivered"] === 250);
  });

  scene("delivers a message without any content, and one without a body", async () => {
    const target = await sink(remote);
    const { submit } = await sending({ domains: [route("x.test", target)] });
    for (const content of ["", "Subject: only\r\n", "Subject: only\r\n\r\n"]) await submit("u@x.test", content);
    await until("all are there", () => target.taken.length === 3);
  });

  for (const [place, size, harm] of HARMS) {
    scene(`fails the recipients of a damaged body ${place}, tells the sender, and delivers the rest`, async () => {
      const target = await sink(remote);
      const bindings = [binding("out", { address: host })];
      const setup = config({ bindings, domains: [route("x.test", target), route("from.test", target)] });
      const spool = openSpool({ directory: setup.mail.spoolBase, incarnation: 1, nodename: "n1" });
      const [bad, good] = [spool.newId(), spool.newId()];
      const content = Buffer.from(`${text("x")}${"y".repeat(size)}\r\n`);
      for (const id of [bad, good]) await spool.accept(plain(id), once1(content));
      await spool.close();
      await harm(setup.mail.spoolBase, bad);
      const { event, events, mail } = await engine({ config: setup });
      expect((await event("permfail", { id: bad })).facts).toMatchObject({ recipient: "u@x.test", expired: false });
      await event("body-unreadable", { id: bad });
      await event("delivery", { id: good });
      await until("the notice is there", () => target.taken.length === 2);
      const notice = target.taken.find((taken) => taken.from === "");
      expect(notice?.text).toContain("Final-Recipient: rfc822;u@x.test");
      expect(notice?.text).toMatch(/could not be read/);
      await until("the queue is empty", async () => (await mail.queues()).length === 0);
      expect(events.filter((seen) => seen.code === "spool-trouble")).toEqual([]);
    });
  }

  scene("tells the sender of a failure, with status, reason and the header", async () => {
    const target = await sink(remote, {
      onRcptTo: ({ address }, _session, done) => done(address.startsWith("bad") ? replying(550, "gone") : null),
    });
    const { client } = await sending({ domains: [route("x.test", target), route("from.test", target)] });
    await client.say("MAIL FROM:<anne@from.test> ENVID=E1");
    await client.say("RCPT TO:<bad1@x.test> ORCPT=rfc822;first@x.test");
    await client.say("RCPT TO:<bad2@x.test>");
    await client.say("RCPT TO:<bad3@x.test> NOTIFY=NEVER");
    await client.say("DATA");
    client.write(text("lost"));
    await client.say(".");
    await until("the notice is there", () => target.taken[0] ?? null);
    const notice = target.taken[0];
    expect(notice).toMatchObject({ from: "", to: ["anne@from.test"] });
    for (const part of [
      "report-type=delivery-status",
      "Original-Envelope-Id: E1",
      "Original-Recipient: rfc822;first@x.test",
      "Final-Recipient: rfc822;bad1@x.test",
      "Final-Recipient: rfc822;bad2@x.test",
      "Status: 5.1.1",
      "Diagnostic-Code: smtp; 550 5.1.1 gone",
      "Subject: lost",
    ]) {
      expect(notice?.text).toContain(part);
    }
    expect(notice?.text).not.toContain("bad3");
    expect(notice?.text).not.toContain("Hello.");
  });

  scene("gives up at the expiry, and says so", async () => {
    const { submit, event, mail } = await sending({
      mail: { retryIntervalMs: 20, messageExpirationMs: 60 },
      domains: [route("x.test", { host: remote, port: await freePort(remote) })],
    });
    await submit("u@x.test", text("x"), "");
    expect((await event("permfail")).facts).toMatchObject({ recipient: "u@x.test", expired: true });
    expect(await mail.queues()).toEqual([]);
  });

  scene("tries the next host when one does not answer", async () => {
    const target = await sink(remote);
    const dead = { host: spare, port: await freePort(spare) };
    const { submit, mail } = await sending({ domains: [route("x.test", dead, target)] });
    for (let count = 1; count <= 4; count++) await submit(`u${count}@x.test`);
    await until("all are delivered", async () => (await mail.counters())["delivered"] === 4);
    expect((await mail.counters())["deferred"]).toBeUndefined();
  });

  scene("follows the MX records, and fails for a null MX", async () => {
    const target = await sink(remote);
    const dns = {
      resolveMx: async (domain: string) =>
        domain === "null.test" ? [{ exchange: "", priority: 0 }] : [{ exchange: "mx.x.test", priority: 10 }],
      resolve4: async () => [remote],
      resolve6: () => Promise.reject(Object.assign(new Error("none"), { code: "ENODATA" })),
    };
    const { submit, event } = await sending({}, { dns });
    await submit("u@null.test", text("x"), "");
    expect((await event("permfail")).facts).toMatchObject({ domain: "null.test" });
    await submit("u@mx.test", text("x"), "");
    // Port 25 of the sink's address: nobody is there, but that is where it went.
    expect((await event("transfail")).facts).toMatchObject({ domain: "mx.test", peer: remote });
    expect(target.taken).toEqual([]);
  });

  scene("waits, and uses no other address, while the binding's address is not on this host", async () => {
    const target = await sink(remote);
    const { submit, event, mail } = await sending({
      // TEST-NET-1 (RFC 5737) is on no host.
      bindings: [binding("default"), binding("away", { address: "192.0.2.1" })],
      mail: { bindingHeader: "X-Binding" },
      domains: [route("x.test", target)],
    });
    await submit("u@x.test", `X-Binding: away\r\n${text("x")}`);
    expect((await event("source-missing")).facts).toMatchObject({ binding: "away", address: "192.0.2.1" });
    expect(target.taken).toEqual([]);
    expect(await mail.queues()).toMatchObject([{ binding: "away", active: 1 }]);
    expect((await mail.counters())["deferred"]).toBeUndefined();
  });

  scene("encrypts where the other side can", async () => {
    const target = await sink(remote, { disabledCommands: ["AUTH"] });
    const { submit, mail } = await sending({ domains: [route("x.test", target)] });
    await submit("u@x.test");
    await until("it is delivered", async () => (await mail.counters())["delivered"] === 1);
    expect(target.taken[0]?.tls).toBe(true);
  });

  scene("says which delivery was cut off before the reply to its final dot, and makes it again", async () => {
    let cut = true;
    const target = await sink(remote, {
      onData: (stream, session, done) => {
        stream.resume();
        stream.on("end", () => {
          if (!cut) return done(null, "taken");
          cut = false;
          for (const connection of target.server.connections)
            if (connection.id === session.id) connection._socket.destroy();
        });
      },
    });
    const { submit, event } = await sending({ mail: { retryIntervalMs: 20 }, domains: [route("x.test", target)] });
    await submit("u@x.test");
    expect((await event("delivery-in-doubt")).facts).toMatchObject({ recipients: "u@x.test" });
    expect((await event("delivery")).facts).toMatchObject({ attempts: 2 });
  });

  scene("says after a crash which deliveries are in doubt, and makes them again", async () => {
    const target = await sink(remote);
    const setup = config({ bindings: [binding("out", { address: host })], domains: [route("x.test", target)] });
    const spool = openSpool({ directory: setup.mail.spoolBase, incarnation: 1, nodename: "n1" });
    const id = spool.newId();
    const recipients = [{ address: "u@x.test", notify: null, orcpt: null }];
    await spool.accept(
      {
        id,
        envelope: { from: "a@b.test", body: null, smtpUtf8: false, ret: null, envid: null, recipients },
        binding: "out",
        context: { receivedAtMs: 1, expiresAtMs: Date.now() + 60_000, listener: null, client: null, hops: 0 },
      },
      once1(Buffer.from(text("doubt"))),
    );
    await spool.beginDelivery(id, [0]);
    await spool.close();
    const { event } = await engine({ config: setup });
    expect((await event("delivery-in-doubt")).facts).toMatchObject({ id, recipients: "u@x.test" });
    await event("delivery", { id });
    expect(target.taken).toHaveLength(1);
  });

  scene("gives the mail of a binding that is gone from the configuration to default", async () => {
    const target = await sink(remote);
    const first = config({ bindings: [vip("old", own)], mail: { bindingHeader: "X-Binding" } });
    const port = await freePort(host);
    const before = await engine({ config: { ...first, listens: [listen(host, port)] } });
    await (await Dialog.greeted(port, host)).message("a@b.test", ["u@x.test"], `X-Binding: old\r\n${text("old")}`);
    await before.mail.stop();
    const after = config({ domains: [route("x.test", target)], mail: { spoolBase: first.mail.spoolBase } });
    const { event } = await engine({ config: after });
    expect((await event("binding-gone")).facts).toEqual({ binding: "old", messages: 1 });
    expect((await event("delivery")).facts).toMatchObject({ binding: "default" });
  });

  scene("lets suspended bindings, groups and domains wait", async () => {
    const target = await sink(remote);
    const { submit, mail, event } = await sending({
      bindings: [binding("asleep", { suspended: true }), binding("grouped", { group: "g" }), binding("awake")],
      groups: { g: { bindings: ["grouped"], suspended: true } },
      mail: { bindingHeader: "X-Binding" },
      domains: [route("x.test", target), { ...route("slow.test", target), suspended: true }],
    });
    for (const name of ["asleep", "grouped"]) await submit("u@x.test", `X-Binding: ${name}\r\n${text(name)}`);
    await submit("u@slow.test", `X-Binding: awake\r\n${text("slow")}`);
    await submit("u@x.test", `X-Binding: awake\r\n${text("awake")}`);
    expect((await event("delivery")).facts).toMatchObject({ binding: "awake", domain: "x.test" });
    expect((await mail.queues()).map((row) => `${row.binding} ${row.domain}`).sort()).toEqual([
      "asleep x.test",
      "awake slow.test",
      "grouped x.test",
    ]);
    expect(target.taken).toHaveLength(1);
  });
});

async function* once1(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function plain(id: string): NewMessage {
  const recipients = [{ address: "u@x.test", notify: null, orcpt: null }];
  return {
    id,
    envelope: { from: "a@from.test", body: null, smtpUtf8: false, ret: null, envid: null, recipients },
    binding: "out",
    context: { receivedAtMs: 1, expiresAtMs: Date.now() + 600_000, listener: null, client: null, hops: 0 },
  };
}

async function change(directory: string, id: string): Promise<void> {
  const store = openStore(directory);
  const bytes = store.bodies.getBinary(id) ?? Buffer.alloc(0);
  await store.commit(() => void store.bodies.put(id, Buffer.alloc(bytes.length, 0x20)));
  await store.close();
}

function changeFile(directory: string, id: string, gone = false): void {
  const shelf = join(directory, "bodies", id.slice(17, 19));
  const path = join(shelf, readdirSync(shelf).find((name) => name.startsWith(id)) ?? "missing");
  if (gone) rmSync(path);
  else writeFileSync(path, "z", { flag: "r+" });
}

import { describe, expect } from "vitest";
import { openSpool } from "../../src/mail/spool/spool.js";
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
    const dsn = Object.fromEntries(target.taken.map((taken) => [taken.to[0], taken.dsn]));
    expect(dsn).toEqual({
      "one@x.test": { ret: "HDRS", envid: "e+1", rcpt: [expect.anything()] },
      "two@x.test": { ret: "HDRS", envid: "e+1", rcpt: [{ notify: ["NEVER"] }] },
    });
    expect(dsn["one@x.test"]).toMatchObject({ rcpt: [{ notify: ["FAILURE", "DELAY"], orcpt: "rfc822;o+ne@x.test" }] });
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

import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { describe, expect } from "vitest";
import { connectPeer, readLine } from "../../src/mail/mmove-socket.js";
import { helloLine, parseAnswer, PROLOGUE_MAX, prologueLine, recipientOf } from "../../src/mail/mmove-wire.js";
import type { MailEngineParts } from "../../src/mail/engine.js";
import { readRecord } from "../../src/mail/spool/record.js";
import { openSpool } from "../../src/mail/spool/spool.js";
import { openStore } from "../../src/mail/spool/store.js";
import type { NewMessage, SpooledMessage } from "../../src/mail/spool/types.js";
import {
  addresses,
  cleanup,
  config,
  type ConfigParts,
  Dialog,
  engine,
  freePort,
  home,
  listen,
  listening,
  scene,
  type Mail,
  route,
  sink,
  text,
  until,
  vip,
} from "./fixtures.js";

const [one = "", two = "", three = "", first = "", second = "", remote = ""] = addresses(24, 6);
const HOSTS: Readonly<Record<string, string>> = { n1: one, n2: two, n3: three };
const key = randomBytes(32);

interface Node extends Mail {
  readonly name: string;
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly inbound: number;
  /** Accepts a message for the binding v1 (or another) on this node. */
  submit(to: string, binding?: string): Promise<string>;
}

const bindings = [vip("v1", first), vip("v2", second)];

async function node(
  name: string,
  parts: ConfigParts = {},
  port?: number,
  of: Partial<MailEngineParts> = {},
): Promise<Node> {
  const host = HOSTS[name] ?? one;
  const inbound = await freePort(host);
  const endpoint = { host, port: port ?? (await freePort(host)) };
  const settings = {
    peerKey: key,
    config: config({
      nodename: name,
      peers: Object.entries(HOSTS).map(([peer, address]) => ({ name: peer, address })),
      bindings,
      listens: [listen(host, inbound)],
      clusterListen: endpoint,
      ...parts,
      mail: { bindingHeader: "X-Binding", ...parts.mail },
    }),
  };
  const world = await engine(settings, of);
  let client: Dialog | null = null;
  return {
    ...world,
    name,
    endpoint,
    inbound,
    submit: async (to, of = "v1") => {
      client ??= await Dialog.greeted(inbound, host);
      const reply = await client.message("a@from.test", [to], `X-Binding: ${of}\r\n${text(to)}`);
      return /^250 2\.6\.0 (\w{22}) /.exec(reply)?.[1] ?? `refused: ${reply}`;
    },
  };
}

/** Tells everybody where a binding lives. */
function tell(nodes: readonly Node[], binding: string, owner: Node, epoch: number): void {
  for (const each of nodes) {
    each.mail.setHomes([home(binding, owner.name, epoch, owner === each ? null : owner.endpoint)]);
  }
}

/** What the spool of a stopped node holds. */
async function spooled(of: Node): Promise<readonly SpooledMessage[]> {
  await of.mail.stop();
  const spool = openSpool({ directory: of.setup.config.mail.spoolBase, incarnation: 9_999, nodename: of.name });
  const ids = spool
    .bindings()
    .flatMap((name) => spool.due(name, Number.MAX_SAFE_INTEGER, 1_000))
    .map((due) => due.id);
  const messages = ids.flatMap((id) => spool.get(id) ?? []);
  await spool.close();
  return messages;
}

function message(id: string, over: Partial<NewMessage> = {}): NewMessage {
  return {
    id,
    envelope: {
      from: "a@from.test",
      body: null,
      smtpUtf8: false,
      ret: null,
      envid: null,
      recipients: [{ address: "u@x.test", notify: null, orcpt: null }],
    },
    binding: "v1",
    context: { receivedAtMs: Date.now(), expiresAtMs: Date.now() + 60_000, listener: null, client: null, hops: 1 },
    recipients: [{ state: "queued", attempts: 0, nextAttemptMs: 1, lastError: null }],
    ...over,
  };
}

/** Speaks as a node, step by step. */
async function peer(name: string, to: Node, psk = key) {
  const socket = await connectPeer(to.endpoint, name, psk);
  cleanup(() => socket.destroy());
  socket.on("error", () => {});
  return {
    socket,
    ask: async (line: string) => {
      const answered = readLine(socket, 5_000);
      socket.write(line);
      return parseAnswer(await answered);
    },
    smtp: async () => {
      const smtp = new SMTPConnection({ connection: socket, secured: true, secure: true, name, logger: false });
      smtp.on("error", () => {});
      await new Promise<void>((resolve) => smtp.connect(() => resolve()));
      return (moved: NewMessage, content = text("moved")) =>
        new Promise<string>((resolve) => {
          const prologue = prologueLine({ message: { recipients: [], ...moved }, epoch: 1 });
          const body = Buffer.concat([prologue, Buffer.from(content)]);
          smtp.send({ from: "", to: recipientOf(moved.id) }, body, (error, info) =>
            resolve(error ? error.message : info.response),
          );
        });
    },
  };
}

/** As it lies on the disk. */
function stored(taken: NewMessage) {
  return { ...taken, bodyBytes: 1, moving: null, delivering: [] };
}

async function* measured(body: AsyncIterable<Uint8Array>, pieces: number[]): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    pieces.push(piece.length);
    yield piece;
  }
}

/** Changes one byte of a body. */
async function damage(directory: string, id: string): Promise<void> {
  const store = openStore(directory);
  const inside = store.bodies.getBinary(id);
  if (inside !== undefined) await store.commit(() => void store.bodies.put(id, Buffer.alloc(inside.length)));
  await store.close();
  if (inside !== undefined) return;
  const shelf = join(directory, "bodies", id.slice(17, 19));
  for (const name of readdirSync(shelf)) {
    if (name.startsWith(id)) writeFileSync(join(shelf, name), "z", { flag: "r+" });
  }
}

const ID = "00000000010000000000abc";

describe("a queue", () => {
  scene("moves to the owner, which delivers it from the binding's address, and keeps ids", async () => {
    const target = await sink(remote);
    const n1 = await node("n1");
    const n2 = await node("n2", { domains: [route("x.test", target)] });
    // Two bindings, more than a batch of each.
    const COUNT = 36;
    const ids = [];
    for (let count = 0; count < COUNT; count++) ids.push(await n1.submit(`u${count}@x.test`, count % 2 ? "v1" : "v2"));
    await n2.mail.serve([first, second]);
    tell([n1, n2], "v1", n2, 1);
    tell([n1, n2], "v2", n2, 1);
    await until("all are delivered", async () => (await n2.mail.counters())["delivered"] === COUNT);
    await until("all are gone here", async () => (await n1.mail.queues()).length === 0);
    const sent = n1.events.filter((event) => event.code === "xfer").map((event) => event.facts["id"]);
    const got = n2.events.filter((event) => event.facts["protocol"] === "xfer").map((event) => event.facts["id"]);
    expect([sent.length, new Set(sent)]).toEqual([COUNT, new Set(ids)]);
    expect([got.length, new Set(got)]).toEqual([COUNT, new Set(ids)]);
    expect(new Set(target.taken.map((taken) => taken.client))).toEqual(new Set([first, second]));
    expect(new Set(target.taken.map((taken) => taken.to[0])).size).toBe(COUNT);
    expect(await n1.mail.counters()).toMatchObject({ "moved-out": COUNT });
    expect(await n2.mail.counters()).toMatchObject({ "moved-in": COUNT });
  });

  scene("moves the first message for a binding that lives elsewhere as it comes in", async () => {
    const n1 = await node("n1");
    const n2 = await node("n2", { mail: { suspended: false }, domains: [{ ...route("x.test"), suspended: true }] });
    tell([n1, n2], "v1", n2, 1);
    const id = await n1.submit("u@x.test");
    expect((await n2.event("reception", { protocol: "xfer" })).facts).toMatchObject({
      id,
      node: "n1",
      binding: "v1",
      hops: 1,
    });
    await until("it is gone here", async () => (await n1.mail.queues()).length === 0);
  });

  scene("keeps envelope, context, attempts and every byte", async () => {
    const suspended = { domains: [{ ...route("x.test"), suspended: true }] };
    const n1 = await node("n1", suspended);
    const n2 = await node("n2", suspended);
    const client = await Dialog.greeted(n1.inbound, one);
    await client.say("MAIL FROM:<Anne@XN--BCHER-KVA.test> BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=A+2Bb");
    await client.say("RCPT TO:<User@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;User+2Btag@x.test");
    await client.say("RCPT TO:<j\xc3\xb6rg@x.test>");
    await client.say("DATA");
    client.write("X-Binding: v1\r\n\r\n..dot\r\n\xc3\xa4\x00\xff\r\n");
    await client.say(".");
    const before = (await n1.event("reception")).facts;
    tell([n1, n2], "v1", n2, 7);
    await n2.event("reception", { protocol: "xfer" });
    const [moved] = await spooled(n2);
    expect(moved).toMatchObject({
      id: before["id"],
      binding: "v1",
      bodyBytes: before["bytes"],
      envelope: {
        from: "Anne@XN--BCHER-KVA.test",
        body: "8BITMIME",
        smtpUtf8: true,
        ret: "FULL",
        envid: "A+2Bb",
        recipients: [
          { address: "User@x.test", notify: "SUCCESS,FAILURE", orcpt: "rfc822;User+2Btag@x.test" },
          { address: "jörg@x.test", notify: null, orcpt: null },
        ],
      },
      context: { client: "127.0.0.1", listener: `${one}:${n1.inbound}`, hops: 1 },
    });
    const spool = openSpool({ directory: n2.setup.config.mail.spoolBase, incarnation: 10_000, nodename: "n2" });
    const chunks: Uint8Array[] = [];
    for await (const chunk of await spool.openBody(moved?.id ?? "")) chunks.push(chunk);
    await spool.close();
    const content = Buffer.concat(chunks).toString("latin1");
    expect(content.slice(content.indexOf("X-Binding"))).toBe("X-Binding: v1\r\n\r\n.dot\r\n\xc3\xa4\x00\xff\r\n");
  });

  scene("moves with attempts and last errors, without the recipients that are done", async () => {
    const target = await sink(remote, {
      onRcptTo: ({ address }, _session, done) =>
        done(address.startsWith("later") ? Object.assign(new Error("come again"), { responseCode: 450 }) : null),
    });
    const n1 = await node("n1", { domains: [route("x.test", target)] });
    const n2 = await node("n2");
    await n1.mail.serve([first]);
    const client = await Dialog.greeted(n1.inbound, one);
    await client.message("a@b.test", ["now@x.test", "later@x.test"], `X-Binding: v1\r\n${text("two")}`);
    await n1.event("transfail");
    await n1.event("delivery");
    await n1.mail.withdraw([first], 1_000);
    tell([n1, n2], "v1", n2, 1);
    await n2.event("reception", { protocol: "xfer" });
    const [moved] = await spooled(n2);
    expect(moved?.envelope.recipients.map((recipient) => recipient.address)).toEqual(["later@x.test"]);
    expect(moved?.recipients).toMatchObject([{ state: "queued", attempts: 1, lastError: "450 4.2.1 come again" }]);
  });

  scene("comes back to a node that moved it on", async () => {
    const target = await sink(remote);
    const n1 = await node("n1", { domains: [route("x.test", target)] });
    const n2 = await node("n2");
    const id = await n1.submit("u@x.test");
    tell([n1, n2], "v1", n2, 1);
    await n2.event("reception", { protocol: "xfer" });
    await n1.mail.serve([first]);
    tell([n1, n2], "v1", n1, 2);
    expect((await n1.event("delivery")).facts).toMatchObject({ id, local: first });
    expect(target.taken).toHaveLength(1);
  });

  scene("stays where it is while nobody has the address, and while all mail is suspended", async () => {
    const n1 = await node("n1", { mail: { suspended: true } });
    const n2 = await node("n2");
    n2.mail.setHomes([home("v1", "n2", 1)]);
    n1.mail.setHomes([home("v1", null, 1)]);
    await n1.submit("u@x.test");
    n1.mail.setHomes([home("v1", "n2", 1, n2.endpoint)]);
    const busy = await node("n3");
    busy.mail.setHomes([home("v1", "n2", 1, n2.endpoint)]);
    await busy.submit("u@x.test");
    await n2.event("reception", { node: "n3" });
    expect(n2.events.filter((event) => event.code === "reception")).toHaveLength(1);
    expect(await n1.mail.queues()).toMatchObject([{ binding: "#mmove", active: 1 }]);
  });

  scene("moves although its binding is suspended, and does not come back for that", async () => {
    const asleep = { bindings: [vip("v1", first, { suspended: true }), vip("v2", second)] };
    const n1 = await node("n1", asleep);
    const n2 = await node("n2", asleep);
    await n1.submit("u@x.test");
    await n2.mail.serve([first]);
    tell([n1, n2], "v1", n2, 1);
    await n2.event("reception", { protocol: "xfer" });
    await until("it is gone here", async () => (await n1.mail.queues()).length === 0);
    expect(await n2.mail.queues()).toMatchObject([{ binding: "v1", active: 1 }]);
  });

  scene("waits for an owner that does not take it, and holds up no other binding", async () => {
    const n1 = await node("n1");
    const n2 = await node("n2");
    await n1.submit("u@x.test", "v1");
    await n1.submit("u@y.test", "v2");
    n2.mail.setHomes([home("v1", "n3", 2, { host: three, port: 1 }), home("v2", "n2", 2)]);
    n1.mail.setHomes([home("v1", "n2", 1, n2.endpoint), home("v2", "n2", 2, n2.endpoint)]);
    expect((await n1.event("mmove-refused", { binding: "v1" })).facts["reply"]).toBe(
      "451 4.3.0 not the owner; owner=n3",
    );
    expect((await n2.event("reception", { protocol: "xfer" })).facts).toMatchObject({ binding: "v2" });
    n2.mail.setHomes([home("v1", "n2", 3)]);
    await n2.event("reception", { binding: "v1" });
  });

  scene("leaves a message behind that its owner does not take, names it, and goes on with the others", async () => {
    const n1 = await node("n1");
    const n2 = await node("n2", { listens: [listen(two, await freePort(two), { maxMessageBytes: 100_000 })] });
    const client = await Dialog.greeted(n1.inbound, one);
    const large = await client.message("a@from.test", ["u@x.test"], `X-Binding: v1\r\n\r\n${"x\r\n".repeat(100_000)}`);
    const others = [await n1.submit("v@x.test"), await n1.submit("w@x.test")];
    n2.mail.setHomes([home("v1", "n2", 1)]);
    n1.mail.setHomes([home("v1", "n2", 1, n2.endpoint)]);
    for (const id of others) await n2.event("reception", { protocol: "xfer", id });
    const id = /queued|(\w{22})/.exec(large)?.[1] ?? "";
    expect((await n1.event("mmove-message-refused", { id, node: "n2" })).facts["reply"]).toMatch(/^552 5\.3\.4 /);
    await n1.submit("x@x.test").then((later) => n2.event("reception", { protocol: "xfer", id: later }));
    await until("only that one is here", async () => (await n1.mail.queues())[0]?.active === 1);
    expect(n1.events.filter(({ code }) => code === "mmove-message-refused")).toHaveLength(1);
  });

  scene("waits for a peer that is not there", async () => {
    const n1 = await node("n1");
    const port = await freePort(two);
    await n1.submit("u@x.test");
    n1.mail.setHomes([home("v1", "n2", 1, { host: two, port })]);
    await n1.event("mmove-unreachable", { node: "n2" });
    const n2 = await node("n2", {}, port);
    n2.mail.setHomes([home("v1", "n2", 1)]);
    await n2.event("reception", { protocol: "xfer" });
  });
});

describe("a body that cannot be read", () => {
  for (const size of [10, 400_000]) {
    scene(`of ${size} bytes stays behind, named, and the others move`, async () => {
      const { mail } = config({});
      const spool = openSpool({ directory: mail.spoolBase, incarnation: 1, nodename: "n1" });
      const ids = Array.from({ length: 7 }, () => spool.newId());
      for (const id of ids) {
        const { recipients: _, ...fresh } = message(id);
        await spool.accept({ ...fresh, context: { ...fresh.context, hops: 0 } }, bytes(text("x".repeat(size))));
      }
      await spool.close();
      const bad = ids[0] ?? "";
      await damage(mail.spoolBase, bad);
      const n2 = await node("n2");
      const n1 = await node("n1", { mail: { spoolBase: mail.spoolBase } });
      tell([n1, n2], "v1", n2, 1);
      expect((await n1.event("mmove-left-behind")).facts).toMatchObject({ id: bad, node: "n2", damaged: true });
      await n1.event("permfail", { id: bad, recipient: "u@x.test" });
      for (const id of ids.slice(1)) await n2.event("reception", { id, protocol: "xfer" });
      const failing = n1.events.map((event) => event.code);
      expect(failing).not.toContain("mmove-unreachable");
      expect(failing).not.toContain("mmove-refused");
      // The notice of failure to the sender is all that is left.
      await n1.event("reception", { protocol: "dsn", about: bad });
    });
  }

  scene("is not the only one that stays behind alone: so does a message that the peer refuses for good", async () => {
    const n2 = await node("n2");
    const { mail } = config({});
    const spool = openSpool({ directory: mail.spoolBase, incarnation: 1, nodename: "n1" });
    const ids = Array.from({ length: 4 }, () => spool.newId());
    for (const id of ids) {
      const { recipients: _, ...fresh } = message(id);
      // A prologue longer than the receiver reads is refused with 554.
      const note = id === ids[0] ? "n".repeat(PROLOGUE_MAX) : "";
      await spool.accept({ ...fresh, context: { ...fresh.context, hops: 0, note } }, bytes(text("x")));
    }
    await spool.close();
    const n1 = await node("n1", { mail: { spoolBase: mail.spoolBase } });
    tell([n1, n2], "v1", n2, 1);
    expect((await n1.event("mmove-message-refused")).facts).toMatchObject({ id: ids[0], node: "n2" });
    for (const id of ids.slice(1)) await n2.event("reception", { id, protocol: "xfer" });
    await until("only that one is here", async () => (await n1.mail.queues())[0]?.active === 1);
    expect(n1.events.map((event) => event.code)).not.toContain("mmove-refused");
  });
});

describe("a move that was cut off", () => {
  /** A spool in which a message was offered to n2 when the node died. */
  async function offered(id: string): Promise<string> {
    const { mail } = config({});
    const spool = openSpool({ directory: mail.spoolBase, incarnation: 1, nodename: "n1" });
    const { recipients: _, ...fresh } = message(id);
    await spool.accept({ ...fresh, context: { ...fresh.context, hops: 0 } }, bytes(text("cut")));
    expect(await spool.beginMove([id], "n2", 1)).toEqual([id]);
    await spool.close();
    return mail.spoolBase;
  }

  const id = ID.slice(0, 22);

  scene("is asked about, and over when the peer has the message", async () => {
    const target = await sink(remote);
    const n2 = await node("n2");
    n2.mail.setHomes([home("v1", "n2", 1)]);
    const as1 = await peer("n1", n2);
    expect(await as1.ask(helloLine({ verb: "MMOVE", node: "n1" }))).toEqual({ verb: "GO", node: "n2" });
    expect(await (await as1.smtp())(message(id))).toMatch(/^250/);
    const n1 = await node("n1", { mail: { spoolBase: await offered(id) }, domains: [route("x.test", target)] });
    n1.mail.setHomes([home("v1", "n2", 1, n2.endpoint)]);
    expect((await n1.event("mmove-settled")).facts).toMatchObject({ id, node: "n2", taken: true });
    expect(await n1.mail.queues()).toEqual([]);
    expect(await n2.mail.queues()).toMatchObject([{ binding: "v1", active: 1 }]);
  });

  scene("begins anew when the peer does not have it, wherever the home is then", async () => {
    const target = await sink(remote);
    const n2 = await node("n2");
    const n1 = await node("n1", { mail: { spoolBase: await offered(id) }, domains: [route("x.test", target)] });
    await n1.mail.serve([first]);
    // Until n2 was asked, nobody may deliver it.
    expect(target.taken).toEqual([]);
    n1.mail.setHomes([home("v1", "n1", 2), home("v2", "n2", 1, n2.endpoint)]);
    expect((await n1.event("mmove-settled")).facts).toMatchObject({ id, taken: false });
    expect((await n1.event("delivery")).facts).toMatchObject({ id, local: first });
    expect(target.taken).toHaveLength(1);
  });

  scene("stays in doubt as long as the peer does not answer", async () => {
    const target = await sink(remote);
    const n1 = await node("n1", { mail: { spoolBase: await offered(id) }, domains: [route("x.test", target)] });
    await n1.mail.serve([first]);
    n1.mail.setHomes([home("v1", "n1", 2)]);
    await n1.event("mmove-unreachable", { node: "n2" });
    expect(target.taken).toEqual([]);
    expect(await n1.mail.queues()).toMatchObject([{ binding: "v1", active: 1 }]);
  });

  scene("is no second copy when only the 250 was lost", async () => {
    const n2 = await node("n2");
    n2.mail.setHomes([home("v1", "n2", 1)]);
    // Between the two: everything passes but the reply to the data.
    let lossy = true;
    const front = createServer((socket) => {
      const behind = connect(n2.endpoint);
      socket.pipe(behind);
      behind.on("data", (chunk: Buffer) => {
        if (!lossy || n2.events.every((event) => event.code !== "reception")) return void socket.write(chunk);
        lossy = false;
        socket.destroy();
      });
      socket.on("error", () => {});
      behind.on("error", () => {});
      socket.on("close", () => behind.destroy());
      behind.on("close", () => socket.destroy());
    });
    cleanup(() => front.close());
    const door = await listening(front, three);
    const n1 = await node("n1");
    const moved = await n1.submit("u@x.test");
    n1.mail.setHomes([home("v1", "n2", 1, door)]);
    expect((await n1.event("mmove-settled")).facts).toMatchObject({ id: moved, taken: true });
    expect(await n1.mail.queues()).toEqual([]);
    expect(await n2.mail.queues()).toMatchObject([{ binding: "v1", active: 1 }]);
  });
});

describe("the receiving end of moves", () => {
  const id = ID.slice(0, 22);

  async function owner() {
    const n2 = await node("n2", { domains: [{ ...route("x.test"), suspended: true }] });
    n2.mail.setHomes([home("v1", "n2", 1)]);
    return n2;
  }

  async function mover(to: Node) {
    const as1 = await peer("n1", to);
    await as1.ask(helloLine({ verb: "MMOVE", node: "n1" }));
    return as1.smtp();
  }

  scene("drops the copy of an id that it knows, and says 250", async () => {
    const n2 = await owner();
    const send = await mover(n2);
    expect(await send(message(id))).toBe("250 2.6.0 taken");
    expect(await send(message(id))).toBe("250 2.6.0 known, copy dropped");
    expect(await n2.mail.queues()).toMatchObject([{ active: 1 }]);
    expect(await n2.mail.counters()).toMatchObject({ "moved-in": 1, "duplicates-dropped": 1 });
  });

  scene("answers what became of ids", async () => {
    const n2 = await owner();
    await (await mover(n2))(message(id));
    const asker = await peer("n1", n2);
    const other = `${id.slice(0, 21)}0`;
    const asked = [
      { id, hops: 1 },
      { id: other, hops: 1 },
    ];
    const answer = await asker.ask(helloLine({ verb: "QUERY", node: "n1", asked }));
    expect(answer).toEqual({
      verb: "FATE",
      fates: new Map([
        [id, "queued"],
        [other, "unknown"],
      ]),
    });
  });

  scene("stops a message that goes round in circles", async () => {
    const n2 = await owner();
    const send = await mover(n2);
    const circled = message(id);
    expect(await send({ ...circled, context: { ...circled.context, hops: 30, chain: 9 } })).toMatch(/451 4\.4\.6/);
    expect(await send({ ...circled, context: { ...circled.context, hops: 30, chain: 8 } })).toMatch(/^250/);
  });

  scene("refuses a prologue that is not one, and takes the next message", async () => {
    const n2 = await owner();
    const send = await mover(n2);
    const broken: readonly Partial<NewMessage>[] = [
      { binding: "nobody" },
      { envelope: { ...message(id).envelope, recipients: [] } },
      { envelope: { ...message(id).envelope, from: "a>\r\nRCPT TO:<b" } },
      { recipients: [] },
      { context: { ...message(id).context, hops: -1 } },
    ];
    for (const over of broken) expect(await send(message(id, over))).toMatch(/(554 5\.6\.0|451 4\.3\.5)/);
    expect(await send(message(id))).toMatch(/^250/);
  });

  for (const [name, change] of [
    ["an ENVID with a line end", { envid: "x\r\nEvil: y" }],
    ["an ENVID with a space", { envid: "x y" }],
    ["an ENVID without end", { envid: "x".repeat(10_000) }],
    ["an ORCPT with a line end", { recipients: [{ address: "u@x.test", notify: null, orcpt: "rfc822\r\nEvil: y;u" }] }],
    ["a NOTIFY that is none", { recipients: [{ address: "u@x.test", notify: "NEVER\r\nDATA", orcpt: null }] }],
    ["an address with a NUL", { recipients: [{ address: "u\0@x.test", notify: null, orcpt: null }] }],
    ["an address without end", { recipients: [{ address: `${"u".repeat(1_000)}@x.test`, notify: null, orcpt: null }] }],
  ] as const) {
    scene(`refuses ${name}, as a listener and the disk do`, async () => {
      const n2 = await owner();
      const send = await mover(n2);
      const bad = message(id, { envelope: { ...message(id).envelope, ...change } });
      expect(await send(bad)).toMatch(/554 5\.6\.0/);
      expect(await send(message(id))).toMatch(/^250/);
      expect(readRecord({ message: stored(message(id)), body: { crc: 0, file: null } }, id)).not.toBeNull();
      expect(readRecord({ message: stored(bad), body: { crc: 0, file: null } }, id)).toBeNull();
    });
  }

  scene("refuses more recipients than a listener takes", async () => {
    const n2 = await owner();
    const send = await mover(n2);
    const many = (count: number) => {
      const recipients = Array.from({ length: count }, (_, at) => ({
        address: `u${at}@x.test`,
        notify: null,
        orcpt: null,
      }));
      const states = recipients.map(
        () => ({ state: "queued", attempts: 0, nextAttemptMs: 1, lastError: null }) as const,
      );
      return message(id, { envelope: { ...message(id).envelope, recipients }, recipients: states });
    };
    expect(await send(many(1_001))).toMatch(/554 5\.6\.0/);
    expect(await send(many(1_000))).toMatch(/^250/);
  });

  scene("hands a body of dots to the spool in large pieces", async () => {
    const pieces: number[] = [];
    const n2 = await node("n2", {}, undefined, {
      openSpool: (options) => {
        const spool = openSpool(options);
        const accept = spool.accept.bind(spool);
        spool.accept = (taken, body, signal) => accept(taken, measured(body, pieces), signal);
        return spool;
      },
    });
    n2.mail.setHomes([home("v1", "n2", 1)]);
    expect(await (await mover(n2))(message(id), ".\r\n".repeat(100_000))).toMatch(/^250/);
    expect(pieces.reduce((sum, size) => sum + size)).toBe(300_000);
    expect(pieces.length).toBeLessThan(10);
  });

  scene("lets nobody in without the key, or under a name that is no peer", async () => {
    const n2 = await owner();
    await expect(peer("n1", n2, randomBytes(32))).rejects.toThrow();
    await expect(peer("stranger", n2)).rejects.toThrow();
    await until("both are counted", async () => (await n2.mail.counters())["refused-mmove-tls"] === 2);
    const liar = await peer("n1", n2);
    expect(await liar.ask(helloLine({ verb: "MMOVE", node: "n3" }))).toEqual({ verb: "NO", reason: "syntax" });
  });

  scene("lives through garbage before and after TLS", async () => {
    const n2 = await owner();
    for (const garbage of [randomBytes(4_000), Buffer.from("MMOVE 1 node=n1\n")]) {
      const socket = connect(n2.endpoint);
      cleanup(() => socket.destroy());
      socket.on("error", () => {});
      socket.end(garbage);
      socket.resume();
      await closed(socket);
    }
    for (const garbage of ["hello\n", "MMOVE 2 node=n1\n", "QUERY 1 node=n1 ids=x\n"]) {
      expect(await (await peer("n1", n2)).ask(garbage)).toEqual({ verb: "NO", reason: "syntax" });
    }
    const flood = await peer("n1", n2);
    flood.socket.write("x".repeat(100_000));
    flood.socket.resume();
    await closed(flood.socket);
    expect(await (await mover(n2))(message(id))).toMatch(/^250/);
  });
});

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

async function* bytes(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

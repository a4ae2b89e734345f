import { connect } from "node:net";
import { describe, expect } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { openSpool } from "../../src/mail/spool/spool.js";
import type { Spool, SpoolOptions } from "../../src/mail/spool/types.js";
import {
  addresses,
  binding,
  cleanup,
  config,
  type ConfigParts,
  Dialog,
  engine,
  freePort,
  listen,
  scene,
  text,
  until,
} from "./fixtures.js";

const [host = "", other = "", elsewhere = ""] = addresses(22, 3);

/** Mail stays where it is received: everything is suspended. */
async function receiving(over: Parameters<typeof listen>[2] = {}, parts: ConfigParts = {}, spool?: typeof openSpool) {
  const port = await freePort(host);
  const held = { ...parts, listens: [listen(host, port, over), ...(parts.listens ?? [])] };
  const world = await engine(
    { config: config({ ...held, mail: { suspended: true, ...parts.mail } }) },
    spool === undefined ? {} : { openSpool: spool },
  );
  return { ...world, port, greeted: (client?: string) => Dialog.greeted(port, host, client) };
}

/** A spool with some of its methods replaced. */
function spoolWith(change: (spool: Spool) => Partial<Spool>): (options: SpoolOptions) => Spool {
  return (options) => {
    const real = openSpool(options);
    const changed = change(real);
    return new Proxy(real, {
      get(target, name) {
        const replaced: unknown = Reflect.get(changed, name);
        if (replaced !== undefined) return replaced;
        const found: unknown = Reflect.get(target, name);
        return typeof found === "function" ? found.bind(target) : found;
      },
    });
  };
}

describe("a listener", () => {
  scene("offers what the design names, and no AUTH", async () => {
    const { port } = await receiving({ ehloHostname: "mx.own.test", maxMessageBytes: 1234 });
    const dialog = new Dialog(connect(port, host));
    expect(await dialog.reply()).toBe("220 mx.own.test ESMTP");
    const offered = (await dialog.say("EHLO c.test")).split("\r\n").map((line) => line.slice(4));
    expect(offered).toEqual([
      "mx.own.test",
      "PIPELINING",
      "8BITMIME",
      "SMTPUTF8",
      "ENHANCEDSTATUSCODES",
      "DSN",
      "SIZE 1234",
    ]);
  });

  scene("answers 250 only after the commit", async () => {
    let commit = () => {};
    const committed = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let asked = false;
    const { greeted, mail } = await receiving(
      {},
      {},
      spoolWith((spool) => ({
        accept: async (...args) => {
          const result = await spool.accept(...args);
          asked = true;
          await committed;
          return result;
        },
      })),
    );
    const client = await greeted();
    let answered = false;
    const reply = client.message("a@x.test", ["b@x.test"], text("late")).then((line) => {
      answered = true;
      return line;
    });
    await until("the spool has it", () => asked || null);
    expect(await mail.counters()).not.toHaveProperty("accepted");
    expect(answered).toBe(false);
    commit();
    expect(await reply).toMatch(/^250 2\.6\.0/);
  });

  scene("answers 452 while the spool is full, and serves again by itself", async () => {
    let full = true;
    const { greeted, mail } = await receiving(
      {},
      {},
      spoolWith((spool) => ({
        accept: async (message, body) => {
          if (!full) return spool.accept(message, body);
          for await (const _ of body);
          throw new HoldfastError("ERR_SPOOL_FULL", "no space left");
        },
      })),
    );
    const client = await greeted();
    expect(await client.message("a@x.test", ["b@x.test"], text("no"))).toMatch(/^452 4\.3\.1 /);
    full = false;
    expect(await client.message("a@x.test", ["b@x.test"], text("yes"))).toMatch(/^250 2\.6\.0/);
    expect(await mail.counters()).toMatchObject({ accepted: 1, "refused-spool": 1 });
    expect(await mail.queues()).toEqual([
      { group: "default", binding: "default", domain: "x.test", active: 1, delayed: 0 },
    ]);
  });

  scene("relays for its Relay_Hosts and for nobody else", async () => {
    const { greeted, mail, port } = await receiving({ relayHosts: ["127.22.0.3/32"] });
    const stranger = new Dialog(connect({ port, host, localAddress: other }));
    expect(await stranger.reply()).toBe("554 5.7.1 n1.test relaying denied");
    const friend = await greeted(elsewhere);
    expect(await friend.message("a@x.test", ["b@x.test"], text("ok"))).toMatch(/^250/);
    expect(await mail.counters()).toMatchObject({ "refused-relay": 1, accepted: 1 });
  });

  scene("refuses a message over its size, announced or not, and goes on", async () => {
    const { greeted } = await receiving({ maxMessageBytes: 1_000 });
    const client = await greeted();
    expect(await client.say("MAIL FROM:<a@x.test> SIZE=1001")).toMatch(/^552 5\.3\.4 /);
    expect(await client.message("a@x.test", ["b@x.test"], `${text("big")}${"0123456789\r\n".repeat(100_000)}`)).toMatch(
      /^552 5\.3\.4 /,
    );
    expect(await client.message("a@x.test", ["b@x.test"], text("small"))).toMatch(/^250/);
  });

  for (const [name, content] of [
    ["a bare line feed", "Subject: x\r\n\r\none\ntwo\r\n"],
    ["a bare carriage return", "Subject: x\r\n\r\none\rtwo\r\n"],
    ["an end of data after a bare line feed", "Subject: x\r\n\r\none\n.\r\nMAIL FROM:<evil@x.test>\r\n"],
    ["an end of data between bare line feeds", "Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@x.test>\r\n"],
    ["an end of data between bare carriage returns", "Subject: x\r\n\r\none\r.\rMAIL FROM:<evil@x.test>\r\n"],
    ["a bare line feed in the header", "Subject: x\nEvil: y\r\n\r\none\r\n"],
  ] as const) {
    scene(`refuses ${name}, with everything up to the true end of the data`, async () => {
      const { greeted, mail } = await receiving();
      const client = await greeted();
      expect(await client.message("a@x.test", ["b@x.test"], content)).toBe("550 5.5.2 bare <CR> or <LF> received");
      expect(await client.say("NOOP")).toMatch(/^250/);
      expect(await mail.queues()).toEqual([]);
      expect(await mail.counters()).toMatchObject({ "refused-line-end": 1 });
    });
  }

  scene("keeps dots and every other byte of a message as they were", async () => {
    const seen: Buffer[] = [];
    const { greeted } = await receiving(
      {},
      {},
      spoolWith((spool) => ({
        accept: async (message, body) => {
          for await (const chunk of body) seen.push(Buffer.from(chunk));
          return spool.accept(message, empty());
        },
      })),
    );
    const client = await greeted();
    await client.message("a@x.test", ["b@x.test"], "Subject: x\r\n\r\n..dot\r\n...\r\n\x00\xff\r\n");
    const stored = Buffer.concat(seen).toString("latin1");
    expect(stored.slice(stored.indexOf("Subject"))).toBe("Subject: x\r\n\r\n.dot\r\n..\r\n\x00\xff\r\n");
  });

  scene("keeps nothing of a client that dies in the middle of its data", async () => {
    const { greeted, mail } = await receiving();
    const client = await greeted();
    await client.say("MAIL FROM:<a@x.test>");
    await client.say("RCPT TO:<b@x.test>");
    await client.say("DATA");
    client.write(text("half"));
    client.end();
    await until("the cut is counted", async () => (await mail.counters())["refused-cut-off"]);
    expect(await mail.queues()).toEqual([]);
    expect(await (await greeted()).message("a@x.test", ["b@x.test"], text("whole"))).toMatch(/^250/);
  });

  scene("keeps the envelope byte for byte", async () => {
    let envelope: unknown;
    const { greeted } = await receiving(
      {},
      {},
      spoolWith((spool) => ({
        accept: (message, body) => {
          envelope = message.envelope;
          return spool.accept(message, body);
        },
      })),
    );
    const client = await greeted();
    await client.say("MAIL FROM:<Anne@XN--BCHER-KVA.test> BODY=8BITMIME RET=HDRS ENVID=A+2Bb SIZE=10");
    await client.say("RCPT TO:<User@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;User+2Btag@x.test");
    await client.say("RCPT TO:<user@x.test>");
    await client.say("RCPT TO:<user@x.test>");
    await client.say("DATA");
    client.write(text("envelope"));
    await client.say(".");
    expect(envelope).toEqual({
      from: "Anne@XN--BCHER-KVA.test",
      body: "8BITMIME",
      smtpUtf8: false,
      ret: "HDRS",
      envid: "A+2Bb",
      recipients: [
        { address: "User@x.test", notify: "SUCCESS,FAILURE", orcpt: "rfc822;User+2Btag@x.test" },
        { address: "user@x.test", notify: null, orcpt: null },
      ],
    });
  });

  scene("wants SMTPUTF8 for addresses outside ASCII", async () => {
    const { greeted } = await receiving();
    const client = await greeted();
    expect(await client.say("MAIL FROM:<j\xc3\xb6rg@x.test>")).toMatch(/^553 5\.6\.7 /);
    expect(await client.say("MAIL FROM:<j\xc3\xb6rg@x.test> SMTPUTF8")).toMatch(/^250/);
  });

  scene("turns clients away beyond its concurrency", async () => {
    const { greeted, port } = await receiving({ maxConnections: 2 });
    const first = await greeted();
    await greeted();
    expect(await new Dialog(connect(port, host)).reply()).toMatch(/^421 4\.7\.0 /);
    first.end();
    const again = await until("a place is free", async () => {
      const reply = await new Dialog(connect(port, host)).reply();
      return reply.startsWith("220") ? reply : null;
    });
    expect(again).toMatch(/^220 /);
  });

  scene("sends idle clients away, and those that only make errors", async () => {
    const idle = await receiving({ idleTimeoutMs: 1_500 });
    const sleeper = await idle.greeted();
    expect(await sleeper.reply()).toMatch(/^421 /);
    await sleeper.ended();
    const busy = await receiving();
    const pest = await busy.greeted();
    await pest.say("MAIL FROM:<a@x.test>");
    const replies: string[] = [];
    while (!replies.at(-1)?.startsWith("421")) replies.push(await pest.say("RCPT TO:<no bracket"));
    expect(replies.length).toBeLessThan(25);
  });

  scene("stops a message that has been round in circles", async () => {
    const { greeted } = await receiving();
    const loop = "Received: from a by b\r\n".repeat(101);
    expect(await (await greeted()).message("a@x.test", ["b@x.test"], `${loop}${text("loop")}`)).toMatch(
      /^554 5\.4\.6 /,
    );
  });

  scene("lives through garbage of every kind", async () => {
    const { greeted, port } = await receiving({ idleTimeoutMs: 1_500 });
    for (const garbage of [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "GET / HTTP/1.1\r\n\r\n",
      "A".repeat(100_000),
    ]) {
      const socket = connect(port, host);
      cleanup(() => socket.destroy());
      socket.on("error", () => {});
      socket.write(garbage, "latin1");
      await until("the garbage is refused", () =>
        socket.destroyed || socket.readableEnded ? true : (socket.resume(), null),
      );
    }
    expect(await (await greeted()).say("NOOP")).toMatch(/^250/);
  });
});

describe("the binding of a message", () => {
  scene("is the one that the listener follows, or the one on its address", async () => {
    const followed = await freePort(other);
    const { event, greeted, mail } = await receiving(
      {},
      {
        bindings: [binding("on-address", { address: host }), binding("followed", { address: elsewhere })],
        listens: [listen(other, followed)],
      },
    );
    await (await greeted()).message("a@x.test", ["b@x.test"], text("one"));
    expect((await event("reception")).facts).toMatchObject({ binding: "on-address" });
    await (await Dialog.greeted(followed, other)).message("a@x.test", ["c@x.test"], text("two"));
    expect((await mail.queues()).map((row) => row.binding).sort()).toEqual(["default", "on-address"]);
  });

  scene("comes from the header that the configuration names, which stays", async () => {
    const { events, greeted, mail, event } = await receiving(
      {},
      {
        bindings: [binding("b1", { group: "g" }), binding("b2", { group: "g" })],
        groups: { g: { bindings: ["b1", "b2"] } },
        mail: { bindingHeader: "X-Binding", suspended: true },
      },
    );
    const client = await greeted();
    for (const name of ["b1", "g", "g", "G", "b1 "]) {
      await client.message(
        "a@x.test",
        [`${events.length}@x.test`],
        `X-binding: ${name}\r\nX-Binding: other\r\n${text(name)}`,
      );
    }
    const chosen = events.filter((event) => event.code === "reception").map((event) => event.facts["binding"]);
    expect(chosen).toEqual(["b1", "b1", "b2", "default", "b1"]);
    expect((await event("binding-unknown")).facts).toMatchObject({ name: "G", binding: "default" });
    expect(await mail.counters()).toMatchObject({ accepted: 5 });
  });

  scene("is refused with 451 where the default is none", async () => {
    const { greeted } = await receiving({}, { mail: { defaultBinding: "none" } });
    expect(await (await greeted()).message("a@x.test", ["b@x.test"], text("x"))).toMatch(/^451 4\.3\.5 /);
  });
});

async function* empty(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(0);
}

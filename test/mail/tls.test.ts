/** Encryption of mail that goes out: where it is had, what its failures lead to, and for how long. */
import { connect, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { APART_MS, PLAIN_MS, TlsTrouble, TOGETHER_MS } from "../../src/mail/tls-trouble.js";
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
  listening,
  route,
  scene,
  sink,
  text,
  until,
} from "./fixtures.js";

const [host = "", remote = "", front = ""] = addresses(37, 3);

async function sending(parts: ConfigParts) {
  const port = await freePort(host);
  const bindings = [binding("out", { address: host })];
  const world = await engine({ config: config({ ...parts, bindings, listens: [listen(host, port)] }) });
  const client = await Dialog.greeted(port, host);
  const delivered = (count: number) =>
    until(`${count} are delivered`, async () => (await world.mail.counters())["delivered"] === count);
  return { ...world, delivered, submit: (to: string) => client.message("", [to], text(to)) };
}

type Answer = "works" | "garbage" | "reset";

/** A server that offers STARTTLS; what it does with it may change while the test goes on. */
async function offering(initial: Answer) {
  const behind = await sink(remote, { disabledCommands: ["AUTH"] });
  const state = { answer: initial, handshakes: 0 };
  const server = createServer((socket) => {
    const inner = connect(behind.port, behind.host);
    for (const each of [socket, inner]) each.on("error", () => {});
    socket.on("close", () => inner.destroy());
    inner.on("close", () => socket.destroy());
    inner.on("data", (chunk) => socket.write(chunk));
    socket.on("data", (chunk) => {
      if (!chunk.toString("latin1").startsWith("STARTTLS")) return void inner.write(chunk);
      state.handshakes++;
      const { answer } = state;
      if (answer === "works") return void inner.write(chunk);
      socket.removeAllListeners("data");
      socket.write("220 go\r\n");
      socket.once("data", () => {
        if (answer === "reset") socket.resetAndDestroy();
        else socket.end("this is no record of TLS at all\r\n");
      });
    });
  });
  cleanup(() => server.close());
  return { ...(await listening(server, front)), state, taken: behind.taken };
}

describe("encryption of mail that goes out", () => {
  scene("is given up for minutes, with an event, at an address whose TLS is broken", async () => {
    const target = await offering("garbage");
    const good = await offering("works");
    const world = await sending({ domains: [route("x.test", target), route("y.test", good)] });
    await world.submit("u@x.test");
    await world.delivered(1);
    expect(target.taken[0]?.tls).toBe(false);
    expect((await world.event("tls-failed")).facts).toMatchObject({
      binding: "out",
      host: front,
      peer: `${front}:${target.port}`,
      plainSeconds: 300,
    });
    // Another port of the same address is another server.
    await world.submit("u@y.test");
    await world.delivered(2);
    expect(good.taken[0]?.tls).toBe(true);
    expect(target.state.handshakes).toBe(1);
  });

  scene("is not given up for connections that break off: the mail waits, and goes encrypted", async () => {
    const target = await offering("reset");
    const world = await sending({ mail: { retryIntervalMs: 20 }, domains: [route("x.test", target)] });
    await world.submit("u@x.test");
    expect((await world.event("tls-failed")).facts).toMatchObject({ plainSeconds: 0 });
    await until("it was tried again and again", () => target.state.handshakes >= 4);
    expect((await world.event("transfail")).facts["text"]).toMatch(/^STARTTLS failed: /);
    expect(target.taken).toEqual([]);
    target.state.answer = "works";
    await world.delivered(1);
    expect(target.taken.map((taken) => taken.tls)).toEqual([true]);
    expect(world.events.filter(({ code, facts }) => code === "tls-failed" && facts["plainSeconds"] !== 0)).toEqual([]);
  });

  scene("is never given up where it is required, whatever other domains do at the same server", async () => {
    const target = await offering("garbage");
    const plain = await sink(remote);
    const world = await sending({
      mail: { retryIntervalMs: 20 },
      domains: [
        route("x.test", target),
        { ...route("secret.test", target), tls: "required" },
        { ...route("none.test", plain), tls: "required" },
      ],
    });
    await world.submit("u@x.test");
    await world.delivered(1);
    for (const domain of ["secret.test", "none.test"]) {
      await world.submit(`u@${domain}`);
      await world.event("transfail", { domain });
    }
    await until("it was tried again", () => target.state.handshakes >= 3);
    expect(target.taken.map((taken) => taken.to)).toEqual([["u@x.test"]]);
    expect(plain.taken).toEqual([]);
    target.state.answer = "works";
    await world.delivered(2);
    expect(target.taken[1]).toMatchObject({ to: ["u@secret.test"], tls: true });
    // A handshake was completed: no connection in the clear is used any more, not even one that is kept.
    await world.submit("v@x.test");
    await world.delivered(3);
    expect(target.taken[2]).toMatchObject({ to: ["v@x.test"], tls: true });
  });

  scene("is required everywhere by the global option, and not asked for with `no`", async () => {
    const target = await offering("works");
    const plain = await sink(remote);
    const world = await sending({
      mail: { tls: "required" },
      domains: [route("x.test", target), route("y.test", plain), { ...route("z.test", target), tls: "no" }],
    });
    await world.submit("u@x.test");
    await world.submit("u@z.test");
    await world.delivered(2);
    await world.submit("u@y.test");
    await world.event("transfail", { domain: "y.test" });
    expect(Object.fromEntries(target.taken.map((taken) => [taken.to[0], taken.tls]))).toEqual({
      "u@x.test": true,
      "u@z.test": false,
    });
    expect(plain.taken).toEqual([]);
  });
});

describe("trouble with TLS", () => {
  it("is remembered for minutes, by address and port", () => {
    const trouble = new TlsTrouble();
    expect(trouble.failed("a:25", "refused", 1_000)).toBe(PLAIN_MS);
    expect(trouble.isPlain("a:25", 1_000 + PLAIN_MS - 1)).toBe(true);
    expect(trouble.isPlain("a:26", 1_000)).toBe(false);
    expect(trouble.isPlain("a:25", 1_000 + PLAIN_MS)).toBe(false);
  });

  it("counts handshakes that broke off only when there were two, well apart, and none that was completed between", () => {
    const trouble = new TlsTrouble();
    expect(trouble.failed("a:25", "cut", 0)).toBe(0);
    expect(trouble.failed("a:25", "cut", APART_MS - 1)).toBe(0);
    expect(trouble.isPlain("a:25", APART_MS)).toBe(false);
    expect(trouble.failed("a:25", "cut", APART_MS)).toBe(PLAIN_MS);

    expect(trouble.failed("b:25", "cut", 0)).toBe(0);
    trouble.succeeded("b:25");
    expect(trouble.failed("b:25", "cut", APART_MS)).toBe(0);

    expect(trouble.failed("c:25", "cut", 0)).toBe(0);
    expect(trouble.failed("c:25", "cut", TOGETHER_MS + 1)).toBe(0);
  });

  it("takes no more memory for more addresses, and forgets the oldest first", () => {
    const trouble = new TlsTrouble();
    for (let n = 0; n < 1_500; n++) trouble.failed(`${n}:25`, "refused", n);
    const plain = Array.from({ length: 1_500 }, (_, n) => n).filter((n) => trouble.isPlain(`${n}:25`, 1_500));
    expect(plain).toHaveLength(1_000);
    expect(plain[0]).toBe(500);
  });
});

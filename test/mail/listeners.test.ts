import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect } from "vitest";
import { greet } from "../../src/node/health/greet.js";
import {
  addresses,
  binding,
  cleanup,
  config,
  Dialog,
  engine,
  freePort,
  listen,
  route,
  scene,
  sink,
  text,
  vip,
} from "./fixtures.js";

const [plain = "", remote = "", ...vips] = addresses(29, 7);
const [first = "", second = "", third = ""] = vips;
const duravip = { enabled: true, upgraded: false, preferences: [] };

/** What a client gets there: a greeting's code, or an error's. */
async function answer(host: string, port: number): Promise<string> {
  const socket = connect(port, host);
  cleanup(() => socket.destroy());
  return new Promise((resolve) => {
    socket.once("data", (data) => resolve(data.toString().slice(0, 3)));
    socket.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    socket.once("end", () => resolve("end"));
  });
}

async function squatterOn(host: string, port: number) {
  const squatter = createServer().listen(port, host);
  await once(squatter, "listening");
  cleanup(() => squatter.close());
  return squatter;
}

const onEach = (hosts: readonly string[], port: number) => hosts.map((host) => listen(host, port, { duravip }));

describe("an address that has a socket of its own", () => {
  scene("refuses clients until it listens, greets them then, and lets no mail out before it is served", async () => {
    const target = await sink(remote);
    const port = await freePort(first);
    const { mail, event } = await engine({
      config: config({
        bindings: [vip("v1", first), binding("b1")],
        listens: [...onEach([first], port), listen(plain, port)],
        mail: { bindingHeader: "X-Binding" },
        domains: [route("x.test", target)],
      }),
    });
    expect(await answer(first, port)).toBe("ECONNREFUSED");
    expect(await mail.listen([first])).toEqual([{ address: first, error: null }]);
    await (await Dialog.greeted(port, first)).message("a@b.test", ["one@x.test"], text("waits"));
    const other = await Dialog.greeted(port, plain);
    await other.message("a@b.test", ["two@x.test"], `X-Binding: b1\r\n${text("goes")}`);
    await event("delivery", { recipient: "two@x.test" });
    expect(target.taken).toHaveLength(1);
    expect(await mail.serve([first])).toEqual([{ address: first, error: null }]);
    await event("delivery", { recipient: "one@x.test" });

    for (let round = 0; round < 3; round++) {
      await mail.withdraw([first], 0);
      expect(await answer(first, port)).toBe("ECONNREFUSED");
      await mail.serve([first]);
      expect(await answer(first, port)).toBe("220");
    }
  });

  scene("does not count as used where this node itself tries it, from the address to itself", async () => {
    const port = await freePort(first);
    const { mail } = await engine({ config: config({ listens: onEach([first], port) }) });
    await mail.serve([first]);
    const used = async () => (await mail.activity()).flatMap(({ addresses: some }) => some);
    expect(await greet({ address: first, port }, 30_000)).toBeNull();
    expect(await used()).toEqual([]);
    expect(await answer(first, port)).toBe("220");
    expect(await used()).toEqual([first]);
  });

  scene("that could not be opened is told at the start, with the reason, and works once that has gone", async () => {
    const port = await freePort(first);
    const squatter = await squatterOn(second, port);
    const { mail, events } = await engine({ config: config({ listens: onEach([first, second], port) }) });
    expect(events).toMatchObject([
      {
        code: "listen-not-ready",
        facts: { address: second, count: 1, reason: expect.stringMatching(/^EADDRINUSE: /) },
      },
    ]);
    expect(await mail.listen([first, second])).toEqual([
      { address: first, error: null },
      {
        address: second,
        error: expect.stringMatching(`cannot listen on ${second}:${port}: EADDRINUSE: .*another program`),
      },
    ]);
    squatter.close();
    await once(squatter, "close");
    expect(await mail.listen([second])).toEqual([{ address: second, error: null }]);
  });
});

describe("more addresses on a port than listen_shared_min", () => {
  const crowd = async (over: { readonly hosts?: readonly string[]; readonly listenSharedMin?: number } = {}) => {
    const { hosts = vips, listenSharedMin = 2 } = over;
    const port = await freePort(plain);
    const settings = config({ listens: [...onEach(hosts, port), listen(plain, port)], mail: { listenSharedMin } });
    return { port, settings };
  };

  scene("share a socket, on which each is served by itself, a plain one always, and all else is reset", async () => {
    const { port, settings } = await crowd();
    const { mail } = await engine({ config: settings });
    const answers = () => Promise.all([plain, first, second, remote].map((host) => answer(host, port)));
    expect(await answers()).toEqual(["220", "ECONNRESET", "ECONNRESET", "ECONNRESET"]);
    const both = [first, second].map((address) => ({ address, error: null }));
    expect(await mail.serve([first, second])).toEqual(both);
    expect(await mail.serve([first, second])).toEqual(both);
    expect(await answers()).toEqual(["220", "220", "220", "ECONNRESET"]);
    await mail.withdraw([first], 0);
    expect(await answers()).toEqual(["220", "ECONNRESET", "220", "ECONNRESET"]);
    expect(await mail.counters()).toMatchObject({ "reset-not-served": 3 + 1 + 2 });
    // One that listens on every address takes them all.
    await expect(squatterOn(third, port)).rejects.toThrow("EADDRINUSE");
  });

  scene("end their sessions each for itself", async () => {
    const { port, settings } = await crowd();
    const { mail } = await engine({ config: settings });
    await mail.serve([first, second]);
    const idle = await Dialog.greeted(port, first);
    const busy = await Dialog.greeted(port, first);
    const other = await Dialog.greeted(port, second);
    await busy.say("MAIL FROM:<a@x.test>");
    const gone = mail.withdraw([first], 10_000);
    const back = mail.serve([first]);
    expect(await idle.reply()).toMatch(/^421 4\.3\.2 /);
    expect(await answer(first, port)).toBe("ECONNRESET");
    await busy.say("RSET");
    await gone;
    expect(await back).toEqual([{ address: first, error: null }]);
    expect(await answer(first, port)).toBe("220");
    expect(await other.say("NOOP")).toMatch(/^250 /);
  });

  scene("have a socket each where another program listens on the port", async () => {
    const { port, settings } = await crowd();
    const squatter = await squatterOn(remote, port);
    const { mail, events } = await engine({ config: settings });
    const reason = expect.stringMatching(/EADDRINUSE/);
    expect(events).toMatchObject([
      { code: "listen-not-shared", facts: { host: "*", port, addresses: vips.length, reason } },
    ]);
    await mail.serve([first]);
    expect(await answer(first, port)).toBe("220");
    expect(await answer(second, port)).toBe("ECONNREFUSED");
    expect(squatter.listening).toBe(true);
  });

  for (const listenSharedMin of [5, 0]) {
    scene(`share nothing when that is ${listenSharedMin}: it is enough for each, or for never`, async () => {
      const { port, settings } = await crowd({ listenSharedMin });
      const { mail } = await engine({ config: settings });
      await mail.serve([first]);
      expect(await answer(first, port)).toBe("220");
      expect(await answer(second, port)).toBe("ECONNREFUSED");
    });
  }

  scene("are of one family: IPv6 ones share another socket", async () => {
    const { port, settings } = await crowd({ hosts: ["::1", "2001:db8::1"], listenSharedMin: 1 });
    const { mail } = await engine({ config: settings });
    expect(await answer("::1", port)).toBe("ECONNRESET");
    await mail.serve(["::1"]);
    expect(await answer("::1", port)).toBe("220");
    expect(await answer(first, port)).toBe("ECONNREFUSED");
  });

  scene("do not make up for a plain one on an address that this host does not have", async () => {
    const port = await freePort(plain);
    const settings = config({
      listens: [...onEach(vips, port), listen("192.0.2.1", port)],
      mail: { listenSharedMin: 2 },
    });
    await expect(engine({ config: settings })).rejects.toMatchObject({
      code: "ERR_LISTEN",
      message: `cannot listen on 192.0.2.1:${port}`,
      facts: { errno: "EADDRNOTAVAIL" },
    });
    expect(await answer(first, port)).toBe("ECONNREFUSED");
  });
});

import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect } from "vitest";
import {
  addresses,
  binding,
  cleanup,
  config,
  Dialog,
  engine,
  freePort,
  home,
  listen,
  scene,
  route,
  sink,
  text,
  until,
  vip,
} from "./fixtures.js";

const [plain = "", first = "", second = "", follower = "", remote = ""] = addresses(23, 5);
const duravip = { enabled: true, upgraded: false, preferences: [] };

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host);
  cleanup(() => socket.destroy());
  return Promise.race([
    once(socket, "connect").then(() => true),
    new Promise<boolean>((resolve) => socket.once("error", () => resolve(false))),
  ]);
}

describe("an address", () => {
  scene("is listened on between serve and withdraw, with the listener that follows; a plain one always", async () => {
    const port = await freePort(plain);
    const { mail } = await engine({
      config: config({
        bindings: [vip("v1", first)],
        listens: [
          listen(plain, port),
          listen(first, port, { duravip }),
          listen(follower, port, { follow: { target: "v1", binding: "v1", address: first } }),
        ],
      }),
    });
    const open = () => Promise.all([plain, first, follower].map((host) => isOpen(host, port)));
    expect(await open()).toEqual([true, false, false]);
    const served = [first, follower, second].map((address) => ({ address, error: null }));
    expect(await mail.serve([first, follower, second])).toEqual(served);
    expect(await mail.serve([first, follower, second])).toEqual(served);
    expect(await open()).toEqual([true, true, true]);
    await mail.withdraw([first, follower, second], 0);
    expect(await open()).toEqual([true, false, false]);
    expect(await mail.serve([first])).toEqual([{ address: first, error: null }]);
    expect(await open()).toEqual([true, true, false]);
  });

  scene("says what the kernel said when a port is taken, and leaves nothing of it open", async () => {
    const port = await freePort(first);
    const other = await freePort(first);
    const squatter = createServer().listen(port, first);
    await once(squatter, "listening");
    cleanup(() => squatter.close());
    const { mail } = await engine({
      config: config({ listens: [listen(first, other, { duravip }), listen(first, port, { duravip })] }),
    });
    const [result] = await mail.serve([first]);
    expect(result?.error).toMatch(/EADDRINUSE/);
    expect(await isOpen(first, other)).toBe(false);
    squatter.close();
    await once(squatter, "close");
    expect(await mail.serve([first])).toEqual([{ address: first, error: null }]);
  });

  scene("cannot be started on a taken port, and undoes what it did", async () => {
    const port = await freePort(plain);
    const free = await freePort(plain);
    const squatter = createServer().listen(port, plain);
    await once(squatter, "listening");
    cleanup(() => squatter.close());
    const settings = config({ listens: [listen(plain, free), listen(plain, port)] });
    await expect(engine({ config: settings })).rejects.toMatchObject({
      code: "ERR_LISTEN",
      facts: { errno: "EADDRINUSE" },
    });
    expect(await isOpen(plain, free)).toBe(false);
    squatter.close();
    await once(squatter, "close");
    const { mail } = await engine({ config: settings });
    expect(await mail.queues()).toEqual([]);
  });

  scene("says 421 to idle sessions at once, and lets a message in flight end", async () => {
    const port = await freePort(first);
    const { mail } = await engine({
      config: config({ listens: [listen(first, port, { duravip })], mail: { suspended: true } }),
    });
    await mail.serve([first]);
    const idle = await Dialog.greeted(port, first);
    const busy = await Dialog.greeted(port, first);
    await busy.say("MAIL FROM:<a@x.test>");
    await busy.say("RCPT TO:<b@x.test>");
    await busy.say("DATA");
    busy.write(text("in flight"));
    const gone = mail.withdraw([first], 10_000);
    expect(await idle.reply()).toMatch(/^421 4\.3\.2 /);
    await idle.ended();
    expect(await isOpen(first, port)).toBe(false);
    expect(await busy.say(".")).toMatch(/^250 /);
    expect(await busy.reply()).toMatch(/^421 4\.3\.2 /);
    await gone;
    expect(await mail.queues()).toMatchObject([{ domain: "x.test", active: 1 }]);
  });

  scene("cuts what is still in flight after the drain time, and keeps nothing of it", async () => {
    const port = await freePort(first);
    const { mail } = await engine({ config: config({ listens: [listen(first, port, { duravip })] }) });
    await mail.serve([first]);
    const slow = await Dialog.greeted(port, first);
    await slow.say("MAIL FROM:<a@x.test>");
    await slow.say("RCPT TO:<b@x.test>");
    await slow.say("DATA");
    await mail.withdraw([first], 50);
    await slow.ended();
    expect(await mail.queues()).toEqual([]);
  });

  scene("sends mail only while it is served", async () => {
    const target = await sink(remote);
    const port = await freePort(plain);
    const { mail, event } = await engine({
      config: config({
        bindings: [vip("v1", first), binding("b1")],
        listens: [listen(plain, port)],
        mail: { bindingHeader: "X-Binding" },
        domains: [route("x.test", target)],
      }),
    });
    const client = await Dialog.greeted(port, plain);
    const submit = (name: string, to: string) => client.message("a@b.test", [to], `X-Binding: ${name}\r\n${text(to)}`);
    await submit("v1", "one@x.test");
    await submit("b1", "two@x.test");
    await event("delivery", { recipient: "two@x.test" });
    expect(target.taken).toHaveLength(1);
    await mail.serve([first]);
    expect((await event("delivery", { recipient: "one@x.test" })).facts).toMatchObject({ local: first });
    await mail.withdraw([first], 1_000);
    await submit("v1", "three@x.test");
    await submit("b1", "four@x.test");
    await event("delivery", { recipient: "four@x.test" });
    expect(target.taken.map((taken) => taken.to[0])).not.toContain("three@x.test");
    expect([...target.server.connections].map((connection) => connection.remoteAddress)).not.toContain(first);
    expect(await mail.queues()).toMatchObject([{ binding: "v1", active: 1 }]);
  });

  scene("takes its deliveries along: they end within the drain time or are cut, and stay due", async () => {
    let begun = 0;
    const target = await sink(remote, {
      onData: (stream) => {
        begun++;
        stream.resume();
      },
    });
    const port = await freePort(plain);
    const { mail, event } = await engine({
      config: config({
        bindings: [vip("v1", first)],
        listens: [listen(plain, port)],
        mail: { bindingHeader: "X-Binding" },
        domains: [route("x.test", target)],
      }),
    });
    await mail.serve([first]);
    await (await Dialog.greeted(port, plain)).message("a@b.test", ["u@x.test"], `X-Binding: v1\r\n${text("slow")}`);
    await until("the delivery has begun", () => begun > 0 || null);
    await mail.withdraw([first], 50);
    await until("the sink has lost it", () => target.server.connections.size === 0 || null);
    // All of it was out, and no reply came.
    await event("delivery-in-doubt");
    await until("it is due again", async () => (await mail.queues())[0]?.active === 1 || null);
  });

  scene("has a home that somebody tells: nobody's, mine, or another's, whose mail is shown as on its way", async () => {
    const port = await freePort(plain);
    const { mail } = await engine({
      config: config({
        bindings: [vip("v1", first, { group: "g" })],
        groups: { g: { bindings: ["v1"] } },
        listens: [listen(plain, port)],
        mail: { bindingHeader: "X-Binding", suspended: true },
      }),
    });
    await (await Dialog.greeted(port, plain)).message("a@b.test", ["u@x.test"], `X-Binding: v1\r\n${text("x")}`);
    const shown = async () => (await mail.queues()).map((row) => `${row.group}/${row.binding} ${row.domain}`);
    expect(await shown()).toEqual(["g/v1 x.test"]);
    mail.setHomes([home("v1", "n2", 2, { host: remote, port: 1 })]);
    expect(await shown()).toEqual(["default/#mmove x.test"]);
    mail.setHomes([home("v1", null, 3)]);
    expect(await shown()).toEqual(["g/v1 x.test"]);
    mail.setHomes([home("v1", "n1", 4)]);
    expect(await shown()).toEqual(["g/v1 x.test"]);
  });
});

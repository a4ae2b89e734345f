/** Who gets a place at a listener: real connections, many of them. */
import { connect, type Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { ClientCounts, networkOf } from "../../src/mail/client-counts.js";
import { addresses, cleanup, config, Dialog, engine, freePort, listen, scene, text, until } from "./fixtures.js";

const [host = "", friend = "", neighbour = ""] = addresses(32, 3);
const stranger = "127.33.0.1";

async function listening(over: Parameters<typeof listen>[2]) {
  const port = await freePort(host);
  const world = await engine({ config: config({ listens: [listen(host, port, over)], mail: { suspended: true } }) });
  return { ...world, port, greeted: (client: string) => Dialog.greeted(port, host, client) };
}

/** Connections that stay for as long as they may. */
function crowd(count: number, port: number, localAddress: string): Socket[] {
  return Array.from({ length: count }, () => {
    const socket = connect({ host, port, localAddress });
    socket.on("error", () => {});
    socket.resume();
    cleanup(() => socket.destroy());
    return socket;
  });
}

describe("a listener", () => {
  scene("has places for its Relay_Hosts, whatever 1,000 connections of a stranger want", async () => {
    const { port, greeted, mail } = await listening({ relayHosts: [`${friend}/32`], maxConnections: 10 });
    const before = await greeted(friend);
    crowd(1_000, port, stranger);
    const during = await greeted(friend);
    const refused = async () => (await mail.counters())["refused-relay"] === 1_000;
    await until("every stranger is refused", refused, 60_000);
    for (const client of [before, during, await greeted(friend)]) {
      expect(await client.message("a@x.test", ["b@x.test"], text("ok"))).toMatch(/^250/);
    }
    expect((await mail.counters())["refused-concurrency"]).toBeUndefined();
  });

  scene("closes the connection of a stranger by itself, and says why", async () => {
    const { port, event } = await listening({ relayHosts: [`${friend}/32`] });
    const dialog = new Dialog(connect({ host, port, localAddress: stranger }));
    expect(await dialog.reply()).toBe("554 5.7.1 n1.test relaying denied");
    await dialog.ended();
    expect((await event("rejection")).facts).toEqual({
      client: stranger,
      listener: `${host}:${port}`,
      reason: "relaying denied",
    });
  });

  scene("gives one client no more than its part, and another one the rest", async () => {
    const { port, greeted, mail } = await listening({ maxConnections: 8, maxConnectionsPerClient: 5 });
    const many = crowd(100, port, stranger);
    const refused = async () => (await mail.counters())["refused-client-concurrency"] === 95;
    await until("the rest is refused", refused);
    await greeted(friend);
    for (const socket of many) socket.destroy();
    await until("places come back", () => greeted(stranger).catch(() => null));
  });

  scene("gives one network no more than its part", async () => {
    const { port, greeted } = await listening({ maxConnectionsPerNetwork: 2 });
    await greeted(friend);
    await greeted(neighbour);
    expect(await new Dialog(connect({ host, port, localAddress: host })).reply()).toMatch(/^421 4\.7\.0 /);
    await greeted(stranger);
  });

  scene("sends away who only talks, and nobody whose message comes", async () => {
    const { greeted } = await listening({ messageTimeoutMs: 1_500 });
    const slow = await greeted(friend);
    await slow.say("MAIL FROM:<a@x.test>");
    await slow.say("RCPT TO:<b@x.test>");
    expect(await slow.say("DATA")).toMatch(/^354/);
    const talker = await greeted(friend);
    const replies: string[] = [];
    while (replies.at(-1)?.startsWith("421") !== true) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const command of ["NOOP", "MAIL FROM:<a@x.test>", "RSET"]) replies.push(await talker.say(command));
      if (replies.includes("")) break;
    }
    expect(replies.some((reply) => reply.startsWith("421 4.4.2 no message for too long"))).toBe(true);
    await talker.ended();
    slow.write(text("slow"));
    expect(await slow.say(".")).toMatch(/^250/);
  });
});

describe("connections by client and network", () => {
  it("are counted by /24 and /64", () => {
    expect(networkOf("192.0.2.77")).toBe("192.0.2.0/24");
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(networkOf("2001:db8::6")).toBe("2001:db8:0:0::/64");
    expect(networkOf("::1")).toBe("0:0:0:0::/64");
    expect(networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  });

  it("come back when they end, and leave nothing behind", () => {
    const counts = new ClientCounts({ client: 1, network: 2 });
    const leave = counts.enter("192.0.2.1");
    expect(counts.enter("192.0.2.1")).toBeNull();
    expect(counts.enter("192.0.2.2")).not.toBeNull();
    expect(counts.enter("192.0.2.3")).toBeNull();
    leave?.();
    expect(counts.enter("192.0.2.3")).not.toBeNull();
  });
});

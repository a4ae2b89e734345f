import { once } from "node:events";
import { createSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { addressOf, PORT, TestNode, together, until } from "./nodes.js";

const running: TestNode[] = [];

async function start(name: string, options: ConstructorParameters<typeof TestNode>[1] = {}): Promise<TestNode> {
  const node = new TestNode(name, options);
  running.push(node);
  return node.start();
}

async function startThree(options: ConstructorParameters<typeof TestNode>[1] = {}) {
  const [a, b, c] = await Promise.all([start("a", options), start("b", options), start("c", options)]);
  await together(a, b, c);
  return { a, b, c };
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.channel.stop()));
});

describe("three nodes with one key", () => {
  it("come together in one view, led by the first", async () => {
    const { a, c } = await startThree();
    expect(c.views.at(-1)).toMatchObject({ leader: "a", members: ["a", "b", "c"], quorate: true });
    expect(c.views.at(-1)?.seq).toBe(a.views.at(-1)?.seq);
  });

  it("deliver what all of them say in one order", async () => {
    const { a, b, c } = await startThree();
    for (let i = 0; i < 200; i++) for (const node of [a, b, c]) node.say(`${i}`);
    await until(() => [a, b, c].map((node) => node.messages.length), [600, 600, 600]);
    expect(b.messages).toEqual(a.messages);
    expect(c.messages).toEqual(a.messages);
    const ofC = a.messages.filter((message) => message.startsWith("c"));
    expect(ofC).toEqual(Array.from({ length: 200 }, (_, i) => `c: ${i}`));
  });

  it("carry the largest message, and refuse a larger one", async () => {
    const { a, b } = await startThree();
    b.say("x".repeat(8 * 1024 * 1024));
    await until(() => a.messages.map((message) => message.length), [3 + 8 * 1024 * 1024]);
    expect(() => b.say("x".repeat(8 * 1024 * 1024 + 1))).toThrow(
      expect.objectContaining({ code: "ERR_GROUP_PAYLOAD" }),
    );
  });

  it("deliver a message after the call that sends it, never within", async () => {
    const { a } = await startThree();
    a.say("hello");
    expect(a.messages).toEqual([]);
    await until(() => a.messages, ["a: hello"]);
  });
});

describe("a member that dies", () => {
  it("is out of the view at once, long before it would be suspected", async () => {
    const { a, b, c } = await startThree({ failureTimeoutMs: 30_000 });
    const views = a.views.length;
    await c.crash();
    await together(a, b);
    expect(a.views.slice(views)).toMatchObject([{ members: ["a", "b"], stayed: ["a", "b"], quorate: true }]);
    expect(a.events.map((event) => event.code)).toContain("peer-lost");
  });

  it("comes back as a new member", async () => {
    const { a, b, c } = await startThree();
    await c.crash();
    await together(a, b);
    const again = await start("c");
    await together(a, b, again);
    expect(a.views.at(-1)?.stayed).toEqual(["a", "b"]);
    expect(again.views).toMatchObject([{ stayed: ["c"] }]);
    again.say("back");
    await until(() => [a.messages, b.messages], [["c: back"], ["c: back"]]);
  });

  it("is said to have left when it left in order, and what it said before is delivered", async () => {
    const { a, b, c } = await startThree();
    c.say("goodbye");
    await c.channel.stop();
    await together(a, b);
    expect([a.messages, b.messages]).toEqual([["c: goodbye"], ["c: goodbye"]]);
    expect(a.events.map((event) => event.code)).toContain("peer-left");
    expect(a.events.map((event) => event.code)).not.toContain("peer-lost");
  });
});

describe("a node with another key", () => {
  it("never enters a view of theirs, and is counted, reported and known to be there on both sides", async () => {
    const [a, b] = await Promise.all([start("a"), start("b")]);
    await together(a, b);
    const views = a.views.length;
    const c = await start("c", { key: "another key, also long enough", failureTimeoutMs: 300 });
    await until(
      () => c.counter("refusedHandshake") > 2 && a.counter("dialsFailed") > 2 && a.counter("heartbeatsRefused") > 20, // c has long waited for peers by then
    );
    expect(a.views.length).toBe(views);
    await until(() => [a.refused, b.refused, c.refused].join(" "), "c key c key a key,b key");
    // One of a kind, however often it tries.
    for (const node of [a, c]) {
      expect(node.events.filter((event) => event.code === "heartbeat-refused")).toHaveLength(1);
      expect(node.events.filter((event) => event.code === "connection-refused")).toEqual([]);
    }
    expect(a.events.filter((event) => event.code === "peer-refused")).toMatchObject([
      { level: "error", facts: { peer: "c", reason: "key" } },
    ]);
    await until(() => c.members, "c");
    await Promise.all([a.crash(), b.crash()]);
    await until(() => c.refused, "");
  });

  it("is a refused peer of nodes that it dials, too", async () => {
    const a = await start("a", { key: "another key, also long enough", failureTimeoutMs: 300 });
    const c = await start("c", { failureTimeoutMs: 300 });
    await until(() => [a.refused, c.refused].join(" "), "c key a key");
    const mended = () => a.channel.stop().then(() => start("a"));
    await together(await mended(), c);
    await until(() => c.refused, "");
  });

  it("is known to be there as soon as it says anything, however seldom it is dialled", async () => {
    const options = { failureTimeoutMs: 300, reconnectIntervalMs: 3_600_000 };
    const a = await start("a", options);
    await until(() => a.members, "a"); // It has dialled in vain.
    const c = await start("c", { ...options, key: "another key, also long enough" });
    await until(() => [a.refused, c.refused].join(" "), "c key a key");
  });

  it("that another name does not expect is a refused peer for its name, on both sides", async () => {
    const peers = ["b", "c"].map((name) => ({ name, address: addressOf(name) }));
    const c = await start("c", { peers, failureTimeoutMs: 300 });
    const a = await start("a", { failureTimeoutMs: 300 });
    await until(() => a.refused, "c name");
    // Its address is nobody's in the configuration of c.
    expect(c.refused).toBe("");
    const renamed = [...peers, { name: "x", address: addressOf("a") }];
    await c.channel.stop();
    const other = await start("c", { peers: renamed, failureTimeoutMs: 300 });
    await until(() => [a.refused, other.refused].join(" "), "c name x name");
  });
});

describe("datagrams from the address of a peer", () => {
  it("are no sign of life, whatever is in them, and do not keep a node from a view of itself", async () => {
    const b = await start("b", { failureTimeoutMs: 300 });
    const datagrams = createSocket("udp4");
    await new Promise<void>((resolve) => datagrams.bind({ address: addressOf("c") }, resolve));
    const bytes = new Uint8Array(64).fill(0x41);
    await until(() => {
      datagrams.send(bytes, PORT, addressOf("b"));
      return b.members === "b" && b.counter("heartbeatsRefused") > 0;
    });
    expect(b.refused).toBe("");
    datagrams.close();
  });
});

describe("a stranger", () => {
  it("that sends garbage is refused and counted, and the view stays", async () => {
    const { a, b, c } = await startThree();
    const views = a.views.length;
    const socket = connect({ host: addressOf("a"), port: PORT });
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await once(socket, "close");
    const datagrams = createSocket("udp4");
    const bytes = new Uint8Array(64).fill(0x41);
    await until(() => {
      datagrams.send(bytes, PORT, addressOf("a"));
      return a.counter("heartbeatsRefused") > 0;
    });
    datagrams.close();
    await until(() => a.counter("refusedHandshake"), 1);
    b.say("still here");
    await until(() => [a.messages, c.messages], [["b: still here"], ["b: still here"]]);
    expect(a.views.length).toBe(views);
  });

  it("that says nothing is not waited for, and takes no place from a peer", async () => {
    const a = await start("a", { connectTimeoutMs: 1000 });
    const sockets: Socket[] = [];
    for (let i = 0; i < 20; i++) {
      const socket = connect({ host: addressOf("a"), port: PORT });
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    await until(() => a.counter("refusedCrowd"), 12);
    const b = await start("b");
    await together(a, b);
    await until(() => sockets.every((socket) => socket.closed));
    expect(a.counter("refusedHandshake")).toBe(8);
  });
});

describe("a node", () => {
  it("that is stopped while it starts ends all the same, and may start again", async () => {
    const node = new TestNode("a");
    const starting = node.start();
    await node.channel.stop();
    await starting;
    await start("a");
  });

  it("whose port is taken says so", async () => {
    const server = createServer().listen(PORT, addressOf("a"));
    await once(server, "listening");
    const start = new TestNode("a").start();
    await expect(start).rejects.toMatchObject({ code: "ERR_LISTEN", facts: { protocol: "tcp", port: PORT } });
    server.close();
    const datagrams = createSocket("udp4").bind(PORT, addressOf("a"));
    await once(datagrams, "listening");
    await expect(new TestNode("a").start()).rejects.toMatchObject({ code: "ERR_LISTEN", facts: { protocol: "udp" } });
    datagrams.close();
  });

  it("that finds nobody is soon in a view of its own, which is not quorate", async () => {
    const a = await start("a", { failureTimeoutMs: 200 });
    await until(() => a.views.length, 1);
    expect(a.views).toEqual([{ seq: 1, leader: "a", members: ["a"], stayed: ["a"], quorate: false }]);
  });

  it("takes no more than 64 MiB while no view lets it send", async () => {
    const a = await start("a", { failureTimeoutMs: 60_000 });
    for (let i = 0; i < 8; i++) a.say("x".repeat(8 * 1024 * 1024));
    expect(() => a.say("x")).toThrow(expect.objectContaining({ code: "ERR_GROUP_BACKLOG" }));
  });
});

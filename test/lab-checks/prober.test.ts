import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { monotonicMs } from "../../src/lab/clock.js";
import { type ProbeEvent, Prober } from "../../src/lab/prober.js";

const PACE = { idleMs: 30, fastMs: 5, connectMs: 2_000, greetMs: 2_000 };
const [A, B] = ["127.0.71.1", "127.0.71.2"];

const closing: (() => void)[] = [];

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

interface FakeNode {
  readonly port: number;
  /** Cuts every session, and listens no more. */
  stop(): void;
}

/** Greets as holdfast does, and then leaves the session open. Its port: any that is free, or the one given. */
async function serve(address: string, greeting: string, port = 0): Promise<FakeNode> {
  const sessions = new Set<Socket>();
  const server = createServer((socket) => {
    sessions.add(socket.on("error", () => {}));
    socket.write(greeting);
  });
  await once(server.listen(port, address), "listening");
  const stop = () => {
    server.close();
    for (const socket of sessions) socket.destroy();
  };
  closing.push(stop);
  return { port: portOf(server), stop };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no TCP server");
  return address.port;
}

/** Starts a prober; `next` resolves with its next event. */
function probe(addresses: readonly string[], port: number, pace = PACE) {
  const events: ProbeEvent[] = [];
  const waiting: ((event: ProbeEvent) => void)[] = [];
  const prober = new Prober({ addresses, port, ...pace }, (event) => {
    const wanted = waiting.shift();
    if (wanted === undefined) events.push(event);
    else wanted(event);
  });
  closing.push(() => prober.close());
  const next = async (): Promise<ProbeEvent> =>
    events.shift() ?? new Promise<ProbeEvent>((resolve) => waiting.push(resolve));
  return { prober, next };
}

describe("the prober", () => {
  it("tells the node that greets, the end of it, and the next node", async () => {
    const first = await serve(A, "220 n1 ESMTP\r\n");
    const { next } = probe([A], first.port);
    expect(await next()).toMatchObject({ event: "good", address: A, node: "n1" });

    first.stop();
    const gone = await next();
    expect(gone).toMatchObject({ event: "bad", reason: "ECONNREFUSED" });

    await serve(A, "220 n2 ESMTP\r\n", first.port);
    const back = await next();
    expect(back).toMatchObject({ event: "good", node: "n2" });
    expect(back.since).toBeGreaterThan(gone.since);
  });

  it("misses an address from the moment at which it cuts the session that is held, however seldom it asks", async () => {
    const first = await serve(A, "220 n1 ESMTP\r\n");
    const { next } = probe([A], first.port, { ...PACE, idleMs: 1_000_000 });
    await next();

    const before = monotonicMs();
    first.stop();
    const gone = await next();

    expect(gone).toMatchObject({ event: "bad", reason: "ECONNREFUSED" });
    expect(gone.since).toBeGreaterThan(before);
  });

  it("counts a change of node as an absence from the cut to the new node's connection", async () => {
    const first = await serve(A, "220 n1 ESMTP\r\n");
    const { next } = probe([A], first.port, { ...PACE, idleMs: 1_000_000 });
    await next();

    first.stop();
    await serve(A, "220 n2 ESMTP\r\n", first.port);
    const gone = await next();
    const back = await next();

    expect([gone.event, back.event]).toEqual(["bad", "good"]);
    expect(back.since).toBeGreaterThanOrEqual(gone.since);
  });

  it("does not mind a session that is cut by a node which serves on", async () => {
    const sessions: Socket[] = [];
    const server = createServer((socket) => {
      sessions.push(socket.on("error", () => {}));
      socket.write("220 n1 ESMTP\r\n");
    });
    await once(server.listen(0, A), "listening");
    closing.push(() => server.close());
    const { next, prober } = probe([A], portOf(server));
    await next();

    sessions[0]?.end("421 4.4.2 idle\r\n");
    expect(await prober.round()).toEqual({ [A]: "n1" });
    for (const socket of sessions) socket.destroy();
    server.close();
    expect(await next()).toMatchObject({ event: "bad" });
  });

  it("takes a greeting that is not 220 for no service", async () => {
    const { port } = await serve(A, "421 4.3.2 going down\r\n");
    const { next } = probe([A], port);
    expect(await next()).toMatchObject({ event: "bad", reason: "421 4.3.2 going down" });
  });

  it("takes a connection that ends without a greeting for no service", async () => {
    const server = createServer((socket) => void socket.on("error", () => {}).end());
    await once(server.listen(0, A), "listening");
    closing.push(() => server.close());
    const { next } = probe([A], portOf(server));
    expect(await next()).toMatchObject({ event: "bad", reason: "closed" });
  });

  it("takes a multi-line greeting in pieces", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.write("220-n1 wel");
      setImmediate(() => socket.end("come\r\n220 ready\r\n"));
    });
    await once(server.listen(0, A), "listening");
    closing.push(() => server.close());
    const { next } = probe([A], portOf(server));
    expect(await next()).toMatchObject({ event: "good", node: "n1" });
  });

  it("asks every address once a round", async () => {
    const { port } = await serve(A, "220 n1 ESMTP\r\n");
    const { prober } = probe([A, B], port);
    expect(await prober.round()).toEqual({ [A]: "n1", [B]: null });
  });
});

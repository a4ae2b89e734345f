import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { greet } from "../../../src/node/health/greet.js";
import { sourceTowards } from "../../../src/node/health/routes.js";

const closing: (() => void)[] = [];
afterEach(() => closing.splice(0).forEach((close) => close()));

async function service(answer: (socket: Socket) => void): Promise<{ address: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    answer(socket);
  }).listen(0, "127.0.0.1");
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("it is bound to no port");
  return { address: bound.address, port: bound.port };
}

describe("a service that is tried", () => {
  it.each(["220 mx.test ESMTP\r\n", "220-mx.test\r\n220 ESMTP\r\n", "421 4.7.0 too many connections\r\n"])(
    "is well when it says %j",
    async (greeting) => {
      expect(await greet(await service((socket) => socket.write(greeting)), 30_000)).toBeNull();
    },
  );

  it("is told goodbye", async () => {
    let said = "";
    const ended = new Promise<void>((resolve) => {
      void service((socket) => {
        socket.write("220 mx.test\r\n");
        socket.on("data", (bytes) => (said += bytes.toString()));
        socket.on("end", resolve);
      }).then((place) => greet(place, 30_000));
    });
    await ended;
    expect(said).toBe("QUIT\r\n");
  });

  it("is not when it says something else, hangs up, is not there, or is silent", async () => {
    expect(await greet(await service((socket) => socket.write("554 no\r\n")), 30_000)).toBe('it says "554 no"');
    expect(await greet(await service((socket) => socket.end()), 30_000)).toBe("closed without a greeting");
    const gone = await service(() => {});
    closing.splice(0).forEach((close) => close());
    expect(await greet(gone, 30_000)).toBe("ECONNREFUSED");
    // Where this host is so busy that its timer is late, it cannot tell.
    expect(["no greeting within 0.1 s", undefined]).toContain(await greet(await service(() => {}), 100));
  });
});

describe("the way of the kernel", () => {
  it("has a source, the one that was asked for, or cannot be found out for an address that is not here", async () => {
    expect(await sourceTowards("127.0.0.1")).toBe("127.0.0.1");
    expect(await sourceTowards("127.0.0.1", "127.0.0.7")).toBe("127.0.0.7");
    expect(await sourceTowards("127.0.0.1", "192.0.2.9")).toBeUndefined();
  });
});

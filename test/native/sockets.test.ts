import { describe, expect, it } from "vitest";
import { killFailures, packConnections, packIps, unpackConnections } from "../../src/kernel/sockets.js";
import { tickleAll } from "../../src/kernel/tickler.js";
import type { Connection } from "../../src/kernel/types.js";

const IPV4: Connection = { local: "10.1.1.1", localPort: 25, remote: "198.51.100.7", remotePort: 65_535 };
const IPV6: Connection = { local: "2001:db8::1", localPort: 1, remote: "fd00::7", remotePort: 40_000 };

describe("packed sockets", () => {
  it("have IPv4 addresses as IPv4-mapped ones", async () => {
    const packed = await packIps(["10.1.1.1", "2001:db8::1"]);
    expect(packed.toString("hex")).toBe("00000000000000000000ffff0a01010120010db8000000000000000000000001");
  });

  it("come back as they went in", async () => {
    expect(await unpackConnections(await packConnections([IPV4, IPV6]))).toEqual([IPV4, IPV6]);
  });

  it.each([
    ["no address", { ...IPV4, local: "10.1.1" }],
    ["two families", { ...IPV4, remote: "fd00::1" }],
    ["port 0", { ...IPV4, localPort: 0 }],
    ["port 65536", { ...IPV4, remotePort: 65_536 }],
    ["half a port", { ...IPV4, remotePort: 1.5 }],
  ])("refuse a connection with %s as a TypeError", async (_what, connection) => {
    await expect(packConnections([IPV6, connection])).rejects.toThrow(TypeError);
    await expect(packIps(["10.1.1.1", "localhost"])).rejects.toThrow(TypeError);
  });
});

describe("sockets that stay", () => {
  it("are told with the kernel's words, and with the reason where it closes none at all", () => {
    const none = ": this kernel closes no sockets of others (CONFIG_INET_DIAG_DESTROY)";
    expect(
      killFailures([
        [-1, 2],
        [-95, 3],
      ]),
    ).toEqual([
      { errno: "EPERM", count: 2, reason: "operation not permitted" },
      { errno: "ENOTSUP", count: 3, reason: `operation not supported on socket${none}` },
    ]);
  });
});

describe("tickles", () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ ...IPV4, remotePort: i + 1 }));

  it("go out in parts, as many at a time as the rate allows, each once", async () => {
    const parts: Buffer[] = [];
    const tickle = async (packed: Uint8Array) => {
      parts.push(Buffer.from(packed));
      return { sent: packed.length / 18, failed: 0, errno: 0 };
    };
    expect(await tickleAll({ tickle }, many(120), 1000)).toEqual({ sent: 240, failed: 0, reason: null });
    expect(parts.map((part) => part.length / 36)).toEqual([50, 50, 20]);
    expect(await unpackConnections(Buffer.concat(parts))).toEqual(many(120));
  });

  it("tell the first failure of all parts", async () => {
    const errnos = [0, -101, -1];
    const tickle = async () => ({ sent: 1, failed: 1, errno: errnos.shift() ?? 0 });
    const reason = "network is unreachable";
    expect(await tickleAll({ tickle }, many(3), 20)).toEqual({ sent: 3, failed: 3, reason });
    await expect(tickleAll({ tickle }, many(3), 0)).rejects.toThrow(TypeError);
  });
});

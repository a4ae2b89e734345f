/**
 * What a byte of a message costs, by what it is: hostile content beside plain content, in one run, as a ratio. Nothing
 * else runs in this process meanwhile, and the other end of each connection costs the same for any content.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { ByteReader } from "../../src/mail/byte-reader.js";
import { readHead } from "../../src/mail/message-head.js";
import { SmtpClient } from "../../src/mail/smtp-data.js";
import { greeted } from "../../src/mail/smtp-greeting.js";
import { Bodies } from "../../src/mail/spool/bodies.js";
import { addresses, config, Dialog, directory, engine, freePort, listen, listening, played } from "./fixtures.js";

const [host = ""] = addresses(31, 1);
const BYTES = 6 * 1024 * 1024;
const ROUNDS = 4;
/** The law is a factor of two. */
const MOST = 2;

const line = `${"abcdefghi ".repeat(7)}\r\n`;
const PLAIN = ["plain lines", line] as const;
/** As they go over the wire. */
const HOSTILE = [
  ["lines of one dot", "..\r\n"],
  ["lines of dots", "..........\r\n"],
  ["empty lines", "\r\n"],
  ["lone CRs", "\r"],
  ["lone LFs", "\n"],
  ["NULs", "\0"],
  ["one line without end", "x"],
  ["dots without lines", "."],
] as const;

function wireOf(unit: string): Buffer {
  return Buffer.from(`Subject: x\r\n\r\n${unit.repeat(BYTES / unit.length)}\r\n.\r\n`, "latin1");
}

/** Milliseconds of CPU that a step costs at least, of this whole process. */
async function cpuOf(step: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await step();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The cheapest of some rounds each, in turn, so that a busy machine is busy for all. */
async function costs(steps: ReadonlyMap<string, () => Promise<void>>): Promise<ReadonlyMap<string, number>> {
  const least = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, step] of steps) least.set(name, Math.min(await cpuOf(step), least.get(name) ?? Infinity));
  }
  return least;
}

function expectAlike(found: ReadonlyMap<string, number>): void {
  const plain = found.get(PLAIN[0]) ?? 0;
  const ratios = [...found].map(([name, cost]) => [name, cost / plain] as const);
  const report = ratios.map(([name, ratio]) => `${name} ${ratio.toFixed(2)}`).join(", ");
  expect(
    ratios.filter(([, ratio]) => ratio > MOST).map(([name]) => name),
    report,
  ).toEqual([]);
}

describe("a hostile body", () => {
  it("costs a listener at most twice what a plain one of its length costs", { timeout: 240_000 }, () =>
    played(async () => {
      const port = await freePort(host);
      await engine({ config: config({ listens: [listen(host, port)], mail: { suspended: true } }) });
      const client = await Dialog.greeted(port, host);
      const steps = new Map(
        [PLAIN, ...HOSTILE].map(([name, unit]) => {
          const wire = wireOf(unit);
          return [name, async () => void (await client.data(wire))];
        }),
      );
      expectAlike(await costs(steps));
    }),
  );

  it("costs a delivery or a move at most twice what a plain one of its length costs", { timeout: 240_000 }, () =>
    played(async () => {
      const server = createServer((socket) => {
        let data = false;
        let tail = "";
        socket.write("220 sink\r\n");
        socket.on("error", () => {});
        socket.on("data", (chunk) => {
          tail = (tail + chunk.subarray(-5).toString("latin1")).slice(-5);
          if (data && tail !== "\r\n.\r\n") return;
          const command = data ? "." : chunk.toString("latin1").slice(0, 4);
          data = command === "DATA";
          socket.write(data ? "354 go\r\n" : "250 ok\r\n");
        });
      });
      const endpoint = await listening(server, host);
      const socket = connect(endpoint.port, endpoint.host);
      await once(socket, "connect");
      const smtp = new SmtpClient({ connection: socket, ignoreTLS: true, name: "here", logger: false });
      await greeted(smtp, socket);
      const steps = new Map(
        [PLAIN, ...HOSTILE].map(([name, unit]) => {
          const content = Buffer.from(unit.repeat(BYTES / unit.length), "latin1");
          return [
            name,
            () =>
              new Promise<void>((resolve, reject) => {
                smtp.send({ from: "a@x.test", to: "b@x.test" }, Readable.from(slices(content)), (error) =>
                  error ? reject(error) : resolve(),
                );
              }),
          ];
        }),
      );
      expectAlike(await costs(steps));
      smtp.close();
      server.close();
    }),
  );

  it("is not kept in memory while it comes", () =>
    played(async () => {
      setFlagsFromString("--expose-gc");
      const collect = () => void runInNewContext("gc()");
      const seen: WeakRef<Buffer>[] = [];
      let kept = Infinity;
      async function* body(): AsyncGenerator<Buffer> {
        for (let at = 0; at < 500; at++) {
          const chunk = Buffer.alloc(4096);
          seen.push(new WeakRef(chunk));
          yield chunk;
          await new Promise((resolve) => setImmediate(resolve));
        }
        collect();
        kept = seen.filter((chunk) => chunk.deref() !== undefined).length;
      }
      const bodies = new Bodies(directory(), 1024, 1, () => 0);
      await bodies.drain(body(), new AbortController().signal);
      expect(kept).toBeLessThan(50);
    }));

  it("has a head that costs no more for its lines than for its length", async () => {
    const head = (unit: string) => Buffer.from(unit.repeat(65_536 / unit.length), "latin1");
    const steps = new Map(
      [PLAIN, ["short fields", "a:\r\n"] as const, ["trace fields", "Received:\r\n"] as const].map(([name, unit]) => {
        const bytes = head(unit);
        return [
          name,
          async () => {
            for (let times = 0; times < 100; times++) {
              const reader = new ByteReader(slices(bytes, 512));
              await reader.readThrough("\r\n\r\n", 65_536);
              readHead(bytes, "X-Binding");
            }
          },
        ];
      }),
    );
    expectAlike(await costs(steps));
  });
});

async function* slices(bytes: Buffer, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

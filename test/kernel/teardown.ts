/**
 * An environment that ends in the middle of a batch, watched by a monitor, with a LAN port open and announcements under way:
 * first a worker thread that holds a lifeline, and sockets of which every other one listens, then this process, whose batch
 * of aliases would take the kernel minutes.
 * Prints one JSON line, and exits with status 3.
 */
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { isMainThread, Worker } from "node:worker_threads";
import { openKernel } from "../../src/kernel/index.js";

const kernel = openKernel();
const addresses = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
const onLoopback = { ifindex: 1, plumbing: "route" } as const;
const names = async () => (await kernel.links()).map(({ name }) => name);
const plumbed = async () => (await kernel.addresses({ protocol: 104 })).length;

await kernel.watch(() => {});
const lo = (await kernel.links()).find(({ index }) => index === 1)!;
const lan = await kernel.openLan(lo, () => {});
await lan.own(addresses, false);
kernel.announce(addresses, { link: lo, rounds: 100 });

const sockets = () => readdirSync("/proc/self/fd").filter((fd) => isSocket(`/proc/self/fd/${fd}`)).length;

/** The descriptor that lists them is gone by then. */
function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    return false;
  }
}

if (isMainThread) {
  const before = sockets();
  const worker = new Worker(new URL(import.meta.url));
  while ((await plumbed()) === 0) await pause(1);
  const during = { names: await names(), sockets: sockets() - before };
  await worker.terminate();
  const after = { names: await names(), sockets: sockets() - before };
  process.stdout.write(`${JSON.stringify({ during, after })}\n`);
  await kernel.remove(addresses, onLoopback);
  void kernel.add(addresses, { ifindex: 1, plumbing: "address" });
  while ((await plumbed()) === 0) await pause(1);
  process.exit(3);
} else {
  const endpoints = Array.from({ length: 100 }, (_, i) => ({ address: `10.9.0.${i}`, port: 25 }));
  const { results } = await kernel.bindSockets(endpoints);
  for (const [i, fd] of results.entries()) {
    if (i % 2 === 0) continue;
    kernel.releaseSocket(fd);
    await once(createServer().listen({ fd }), "listening");
  }
  await kernel.openLifeline("hf7");
  await kernel.add(addresses, onLoopback);
}

/**
 * An environment that ends in the middle of a batch, watched by a monitor: first a worker thread that holds a lifeline, then
 * this process, whose batch of aliases would take the kernel minutes.
 * Prints one JSON line, and exits with status 3.
 */
import { setTimeout as pause } from "node:timers/promises";
import { isMainThread, Worker } from "node:worker_threads";
import { openKernel } from "../../src/kernel/index.js";

const kernel = openKernel();
const addresses = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
const onLoopback = { ifindex: 1, plumbing: "route" } as const;
const names = async () => (await kernel.links()).map(({ name }) => name);
const plumbed = async () => (await kernel.addresses({ protocol: 104 })).length;

await kernel.watch(() => {});

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url));
  while ((await plumbed()) === 0) await pause(1);
  const during = await names();
  await worker.terminate();
  process.stdout.write(`${JSON.stringify({ during, after: await names() })}\n`);
  await kernel.remove(addresses, onLoopback);
  void kernel.add(addresses, { ifindex: 1, plumbing: "address" });
  while ((await plumbed()) === 0) await pause(1);
  process.exit(3);
} else {
  await kernel.openLifeline("hf7");
  await kernel.add(addresses, onLoopback);
}

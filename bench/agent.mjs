/** The kernel layer of holdfast inside a host: one JSON call a line, one JSON answer a line. Times are milliseconds. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { writeMapped } from "../dist/kernel/address.js";
import { loadAddon } from "../dist/kernel/addon.js";
import { openKernel } from "../dist/kernel/index.js";
import { range } from "./host.mjs";

const kernel = openKernel();
const addon = loadAddon();

/** Whoever is to send them may have ended. */
const FRAMES_LIMIT_MS = 60_000;

async function timed(work) {
  const startedAt = performance.now();
  const result = await work();
  return { ms: performance.now() - startedAt, result };
}

async function isBindable(address) {
  const socket = createSocket("udp4").bind(0, address);
  try {
    await once(socket, "listening");
    return true;
  } catch {
    return false;
  } finally {
    socket.close();
  }
}

/** How many of a range of so many the kernel has. */
async function countPlumbed(count, plumbing) {
  const addresses = new Set(range(count));
  let there = 0;
  for (const { address } of await kernel.addresses({ plumbing })) if (addresses.has(address)) there++;
  return there;
}

/** Frames a second between two counts of them, looked at every millisecond. */
async function frameRate(read, from, to) {
  const end = performance.now() + FRAMES_LIMIT_MS;
  const reached = async (wanted) => {
    for (;;) {
      const look = { at: performance.now(), frames: read() };
      if (look.frames >= wanted) return look;
      if (look.at > end) throw new Error(`${look.frames} frames of ${wanted} within ${FRAMES_LIMIT_MS} ms`);
      await delay(1);
    }
  };
  const early = await reached(from);
  const late = await reached(to);
  return ((late.frames - early.frames) * 1000) / (late.at - early.at);
}

async function change(method, count, target) {
  const addresses = range(count);
  const { ms, result } = await timed(() => kernel[method](addresses, { prefix: 32, ...target }));
  if (result.statuses.some((status) => status !== 0)) throw new Error(`${method} failed`);
  return ms;
}

const calls = {
  add: (count, target) => change("add", count, target),
  remove: (count, target) => change("remove", count, target),
  openLifeline: async () => (await kernel.openLifeline("hf0")).ifindex,
  count: (count) => countPlumbed(count, "address"),
  /** From the first to the last of a range of so many that another program plumbs in this order. To bind a socket costs the kernel
   * a look into a table of its own, no lock that the other program needs; in between, the core is left to others. */
  awaitAll: async (count) => {
    const addresses = range(count);
    while (!(await isBindable(addresses[0]))) await delay(1);
    const startedAt = performance.now();
    while (!(await isBindable(addresses[count - 1]))) await delay(1);
    return performance.now() - startedAt;
  },
  /** Until no address of a range of so many can be bound any more, and no dump finds one. The kernel takes the aliases of an
   * interface away one by one, after the interface itself, which is when a dump does not see them any more. */
  awaitNone: async (count, plumbing) => {
    const addresses = range(count);
    const some = [0, count >> 1, count - 1].map((i) => addresses[i]);
    for (const address of some) while (await isBindable(address)) await delay(1);
    while ((await countPlumbed(count, plumbing)) > 0);
  },
  dump: async () => (await timed(() => kernel.addresses({ plumbing: "address" }))).ms,
  dumpObjects: async () => (await timed(async () => [...(await kernel.addresses({ plumbing: "address" }))])).ms,
  dumpAll: async () => (await timed(() => kernel.addresses())).ms,
  /** Each address of a range of so many, once, in the cache of a monitor. */
  lookUp: async (count) => {
    const monitor = await kernel.watch(() => {});
    const addresses = range(count);
    let found = 0;
    const { ms } = await timed(async () => {
      for (const address of addresses) if (monitor.has(address)) found++;
    });
    await monitor.close();
    if (found !== count) throw new Error(`${found} of ${count} found`);
    return ms;
  },
  networkInterfaces: async () => (await timed(async () => networkInterfaces())).ms,
  /** As fast as it goes, two frames an address. */
  announce: async (count, ifindex) => {
    const packed = new Uint8Array(16 * count);
    range(count).forEach((address, i) => writeMapped(address, packed, 16 * i));
    const fd = addon.openAnnouncer();
    const everybody = new Uint8Array(6).fill(0xff);
    const { ms, result } = await timed(() =>
      addon.announce(fd, ifindex, Uint8Array.of(2, 0, 0, 0, 0, 1), everybody, packed),
    );
    await addon.close(fd);
    if (result.sent !== 2 * count) throw new Error(`${result.failed} frames failed`);
    return ms;
  },
  /** Frames a second between the first and the last tenth of one round: the budget lets a burst of 50 ms go ahead. */
  announcePaced: async (count, ifindex, arpRate) => {
    const paced = openKernel({ arpRate });
    const link = (await paced.links()).find(({ index }) => index === ifindex);
    paced.announce(range(count), { link, rounds: 1 });
    const rate = await frameRate(() => paced.counters.announceFramesSent, 0.2 * count, 1.8 * count);
    await paced.close();
    return rate;
  },
  /** Of another program on eth1, between a tenth and nine tenths of so many since there is that interface. */
  countFrames: (frames) => {
    const counter = "/sys/class/net/eth1/statistics/tx_packets";
    return frameRate(() => Number(readFileSync(counter, "utf8")), 0.1 * frames, 0.9 * frames);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify((await calls[method](...args)) ?? null)}\n`);
}
process.exit(0);

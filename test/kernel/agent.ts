/**
 * The kernel layer as a process of its own, inside whatever namespace it was started in: one JSON call a line on stdin,
 * one JSON answer a line on stdout. Ends when stdin does.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { explain, HoldfastError } from "../../src/errors.js";
import { loadAddon } from "../../src/kernel/addon.js";
import { slicesOf } from "../../src/kernel/append.js";
import { Batches } from "../../src/kernel/batches.js";
import { findOrphans, HOLDFAST_PROTOCOL, type Lifeline, openKernel } from "../../src/kernel/index.js";
import type {
  AddressFilter,
  AnnounceSource,
  Connection,
  Lan,
  Link,
  PlumbResult,
  PlumbTarget,
  Sighting,
} from "../../src/kernel/types.js";
import { Watcher } from "./watcher.js";

const protocol = Number(process.env["AGENT_PROTOCOL"] ?? HOLDFAST_PROTOCOL);
const kernel = openKernel({ protocol, arpRefreshMs: Number(process.env["AGENT_ARP_REFRESH_MS"] ?? 0) });
const lifelines = new Map<string, Lifeline>();

const plain = ({ statuses, texts }: PlumbResult) => ({ statuses: [...statuses], texts: [...texts] });

/** One address, so often: how many a call takes goes by their number alone. */
const many = (count: number, address = "10.7.0.1") => Array.from({ length: count }, () => address);

const watcher = new Watcher(kernel);
let lan: Lan | null = null;
const sightings: Sighting[] = [];

export const calls = {
  links: () => kernel.links(),
  addresses: async (filter: AddressFilter = {}) => [...(await kernel.addresses(filter))],
  add: async (addresses: string[], target: PlumbTarget) => plain(await kernel.add(addresses, target)),
  remove: async (addresses: string[], target: PlumbTarget) => plain(await kernel.remove(addresses, target)),
  /** @param forMs how long it may be there; nothing is added when that is over. */
  addFor: async (addresses: string[], target: PlumbTarget, forMs: number) => {
    const until = performance.now() + forMs;
    return plain(await kernel.add(addresses, target, { notAfter: until, validUntil: until }));
  },
  /** @param forMs null: for ever. */
  extendFor: async (addresses: string[], target: PlumbTarget, forMs: number | null) => {
    const validUntil = forMs === null ? Number.POSITIVE_INFINITY : performance.now() + forMs;
    return plain(await kernel.extend(addresses, target, { validUntil }));
  },
  /** @param cancelAt cancels once so many are done. @returns what came of it, and each progress that was told. */
  addFollowed: async (addresses: string[], target: PlumbTarget, cancelAt?: number) => {
    const told: number[] = [];
    const cancel = new AbortController();
    const onProgress = (done: number) => {
      told.push(done);
      if (cancelAt !== undefined && done >= cancelAt) cancel.abort();
    };
    return { ...plain(await kernel.add(addresses, target, { onProgress, signal: cancel.signal })), told };
  },
  /** Adds three batches, of which the second is cancelled while it waits. @returns the order in which they end, and the
   * statuses of the second. */
  addThree: async (batches: string[][], target: PlumbTarget) => {
    const order: number[] = [];
    const cancel = new AbortController();
    const calls = batches.map(async (addresses, i) => {
      const result = await kernel.add(addresses, target, i === 1 ? { signal: cancel.signal } : {});
      order.push(i);
      return result;
    });
    cancel.abort();
    const results = await Promise.all(calls);
    return { order, second: [...(results[1]?.statuses ?? [])] };
  },
  /** Cancelled before it begins, so that only its size matters. @returns how many statuses it has. */
  countStatuses: async (operation: "add" | "remove", count: number, target: PlumbTarget) => {
    const { statuses } = await kernel[operation](many(count), target, { signal: AbortSignal.abort() });
    return statuses.length;
  },
  /** Cancelled before it begins. */
  cancelled: async (operation: "add" | "remove", addresses: string[], target: PlumbTarget) =>
    plain(await kernel[operation](addresses, target, { signal: AbortSignal.abort() })),
  removeMany: async (count: number, target: PlumbTarget) => {
    const one = { address: "10.7.0.1", prefix: 32, protocol, alias: false, ...target };
    return plain(await kernel.removeFound(Array.from({ length: count }, () => one)));
  },
  killMany: (address: string, count: number) => kernel.killSockets(many(count, address)),
  connectionsOfMany: async (address: string, count: number) => (await kernel.connections(many(count, address))).length,
  /** Two calls, of which nobody waits for the first. */
  addThenRemove: async (addresses: string[], leaving: string[], target: PlumbTarget) => {
    const [added, removed] = await Promise.all([kernel.add(addresses, target), kernel.remove(leaving, target)]);
    return { added: plain(added), removed: plain(removed) };
  },
  /** With so little room for answers that the kernel drops most of them. */
  addDeaf: async (addresses: string[], target: PlumbTarget) => {
    const batches = new Batches(loadAddon(), protocol, 1);
    return plain(await batches.run("add", addresses.length, slicesOf(addresses, target)));
  },
  /** Removes orphans, as a daemon does at its start. */
  cleanSlate: async (vips: [string, { ifindex: number; prefix: number }][]) => {
    const { orphans, hostOwn } = findOrphans(await kernel.addresses(), new Map(vips), protocol);
    return { hostOwn, orphans, ...plain(await kernel.removeFound(orphans)) };
  },
  openLifeline: async (name: string) => {
    const lifeline = await kernel.openLifeline(name);
    lifelines.set(name, lifeline);
    return lifeline.ifindex;
  },
  closeLifeline: async (name: string) => lifelines.get(name)?.close(),
  announce: async (addresses: string[], from: AnnounceSource) => kernel.announce(addresses, from),
  neighbours: (filter: { ifindex?: number } = {}) => kernel.neighbours(filter),
  cancelAnnounce: async (addresses: string[]) => kernel.cancelAnnounce(addresses),
  killSockets: (addresses: string[], options: { listening?: boolean } = {}) => kernel.killSockets(addresses, options),
  connections: (addresses: string[]) => kernel.connections(addresses),
  tickle: (connections: readonly Connection[], options: { rate?: number } = {}) => kernel.tickle(connections, options),
  /** Listens on a socket that is bound ahead. @returns why not, or null. */
  listenAhead: async (address: string, port: number) => {
    const { results, texts } = await kernel.bindSockets([{ address, port }]);
    const [fd = -1] = results;
    if (fd < 0) return texts.get(fd) ?? null;
    kernel.releaseSocket(fd);
    const server = createServer((socket) => socket.end("hello")).listen({ fd });
    await once(server, "listening");
    return null;
  },
  /** Binds that many sockets, and closes them. @returns how many of these descriptors this process has between, and after. */
  bindMany: async (count: number) => {
    const endpoints = Array.from({ length: count }, (_, i) => ({ address: `10.9.${i >> 8}.${i & 255}`, port: 25 }));
    const { results, texts } = await kernel.bindSockets(endpoints);
    const fds = [...results].filter((fd) => fd >= 0);
    const open = () => fds.filter((fd) => existsSync(`/proc/self/fd/${fd}`)).length;
    const between = open();
    await kernel.closeSockets(fds);
    return { bound: fds.length, between, after: open(), texts: [...texts.values()] };
  },
  counters: async () => kernel.counters,
  /** From here on `sightings` tells what was seen. */
  openLan: async (link: Link) => {
    lan = await kernel.openLan(link, (some) => sightings.push(...some));
  },
  own: async (addresses: string[], onLink: boolean) => lan?.own(addresses, onLink),
  disown: async (addresses: string[]) => lan?.disown(addresses),
  sightings: async () => sightings,
  answers: async () => lan?.answers ?? 0,
  closeLan: async () => lan?.close(),
  probe: (addresses: string[], link: Link, waitMs: number) => kernel.probe(addresses, link, { waitMs }),
  /** From here on `watched` tells what has changed. @param receiveBytes where it is not to be the monitor's own choice. */
  watch: async (receiveBytes?: number) => watcher.open(receiveBytes),
  watched: async () => watcher.report(),
  closeMonitor: async () => watcher.close(),
  /** Whether the monitor's table and its changes say what a dump says, and none of `absent` is in the table. */
  watchedRight: async (absent: string[]) => watcher.isRight(absent),
  missingCapabilities: async () => kernel.missingCapabilities(),
  /** A child that inherits whatever may be inherited. @returns its process id. */
  startChild: async () => spawn("sleep", ["300"], { stdio: "ignore" }).pid,
  /** @returns milliseconds that `add` took, and the longest the event loop was away meanwhile. */
  addWatched: async (addresses: string[], target: PlumbTarget) => {
    let longest = 0;
    let last = performance.now();
    const watch = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 1);
    const start = performance.now();
    await kernel.add(addresses, target);
    clearInterval(watch);
    return { took: performance.now() - start, longest };
  },
};

async function answer(line: string): Promise<unknown> {
  const { method, args }: { method: keyof typeof calls; args: never[] } = JSON.parse(line);
  try {
    const call: (...args: never[]) => Promise<unknown> = calls[method];
    return { result: (await call(...args)) ?? null };
  } catch (error) {
    return { error: explain(error), code: error instanceof HoldfastError ? error.code : null };
  }
}

process.stdout.write("ready\n");
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
process.exit(0);

/** `Kernel` over the native addon: checks, packs, queues and explains; the kernel itself is asked in C++. */
import { getSystemErrorName } from "node:util";
import type { HoldfastError } from "../errors.js";
import { type Addon, loadAddon, type SystemCallError, systemError } from "./addon.js";
import { Announcer, type FindHosts, type SendAnnouncements } from "./announcer.js";
import { placesOf, slicesOf } from "./append.js";
import { Batches } from "./batches.js";
import { bindTexts, packEndpoints } from "./bind.js";
import { Budget } from "./budget.js";
import { capabilityError, missingCapabilities } from "./capabilities.js";
import { PackedAddresses } from "./found.js";
import { Lans } from "./lans.js";
import { openMonitor } from "./monitor.js";
import { unpackNeighbours } from "./neighbours.js";
import { killFailures, packIps, unpackConnections } from "./sockets.js";
import { tickleAll } from "./tickler.js";
import { unpackUses } from "./uses.js";
import type {
  AddOptions,
  AddressFilter,
  AddressUse,
  AnnounceSource,
  BatchOptions,
  BindEndpoint,
  BindResult,
  Connection,
  FoundAddress,
  FoundAddresses,
  Host,
  Kernel,
  KernelChanges,
  KillResult,
  Lan,
  Lifeline,
  Link,
  Monitor,
  Neighbour,
  PlumbResult,
  PlumbTarget,
  ProbeOptions,
  Sighting,
  TickleResult,
  WatchOptions,
} from "./types.js";

/**
 * Our tag, IFA_PROTO on addresses and rtm_protocol on routes: "h" in ASCII. Neither linux/rtnetlink.h nor
 * linux/if_addr.h nor iproute2's rt_protos gives 104 to anybody, and the kernel reads no meaning into it.
 */
export const HOLDFAST_PROTOCOL = 104;

export interface KernelOptions {
  /** Tag of everything that is plumbed, 4 to 255. Two that share a host need two. Default HOLDFAST_PROTOCOL. */
  readonly protocol?: number;
  /** Budget of announcements, frames a second. Default 10,000. */
  readonly arpRate?: number;
  /** Period in which each announced address is announced again, in milliseconds; 0: never. Default 60,000. */
  readonly arpRefreshMs?: number;
}

/** Needs no privileges by itself; the calls that do say so. @throws ERR_NATIVE_MISSING. */
export function openKernel(options: KernelOptions = {}): Kernel {
  const { protocol = HOLDFAST_PROTOCOL, arpRate = 10_000, arpRefreshMs = 60_000 } = options;
  // Up to RTPROT_STATIC - 1 the numbers are the kernel's own (linux/rtnetlink.h).
  if (!Number.isInteger(protocol) || protocol < 4 || protocol > 255) {
    throw new TypeError(`expected a protocol from 4 to 255, not ${protocol}`);
  }
  if (!(arpRate >= 1)) throw new TypeError(`expected an arpRate of at least 1 frame a second, not ${arpRate}`);
  if (!(arpRefreshMs >= 0)) throw new TypeError(`expected an arpRefreshMs of 0 or more, not ${arpRefreshMs}`);
  return new LinuxKernel(loadAddon(), protocol, arpRate, arpRefreshMs);
}

class LinuxKernel implements Kernel {
  readonly #announcer: Announcer;
  readonly #lifelines = new Set<number>();
  readonly #monitors = new Set<Monitor>();
  readonly #batches: Batches;
  readonly #sockets = { socketsBound: 0, socketsKilled: 0, socketsNotKilled: 0, ticklesSent: 0, ticklesFailed: 0 };
  readonly #lans: Lans;
  #announcerFd: number | null = null;

  constructor(
    private readonly addon: Addon,
    readonly protocol: number,
    arpRate: number,
    arpRefreshMs: number,
  ) {
    this.#batches = new Batches(addon, protocol);
    const budget = new Budget(arpRate, performance.now());
    this.#announcer = new Announcer(this.#sendAnnouncements, this.#findHosts, budget, arpRefreshMs);
    this.#lans = new Lans(addon, budget, () => this.#openAnnouncer());
  }

  async links(): Promise<readonly Link[]> {
    return asked("cannot list the interfaces", this.addon.links());
  }

  async addresses({ protocol = -1, ifindex = 0, plumbing }: AddressFilter = {}): Promise<FoundAddresses> {
    const kinds = plumbing === undefined ? 3 : plumbing === "address" ? 1 : 2;
    return new PackedAddresses(
      await asked("cannot list the addresses", this.addon.addresses(protocol, ifindex, kinds)),
    );
  }

  async neighbours(filter: { readonly ifindex?: number } = {}): Promise<readonly Neighbour[]> {
    return unpackNeighbours(await asked("cannot list the neighbours", this.addon.neighbours(filter.ifindex ?? 0)));
  }

  async add(addresses: readonly string[], target: PlumbTarget, options?: AddOptions): Promise<PlumbResult> {
    return this.#batches.run("add", addresses.length, slicesOf(addresses, this.#on(target)), options);
  }

  async extend(addresses: readonly string[], target: PlumbTarget, options?: AddOptions): Promise<PlumbResult> {
    return this.#batches.run("extend", addresses.length, slicesOf(addresses, this.#on(target)), options);
  }

  async remove(addresses: readonly string[], target: PlumbTarget, options?: BatchOptions): Promise<PlumbResult> {
    const parts = slicesOf(addresses, this.#on(target));
    const cancel = () => this.#announcer.cancel(addresses);
    const result = await this.#batches.run("remove", addresses.length, parts, options, cancel);
    await this.#announcer.idle(); // Whoever is told that they are gone may announce them next.
    return result;
  }

  async removeFound(found: readonly FoundAddress[], options?: BatchOptions): Promise<PlumbResult> {
    return this.#batches.run("remove", found.length, placesOf(found), options);
  }

  async removeOthers(found: readonly FoundAddress[]): Promise<PlumbResult> {
    const statuses = new Int32Array(found.length);
    const texts = new Map<number, string>();
    for (const protocol of new Set(found.map((one) => one.protocol))) {
      const indices = found.flatMap((one, i) => (one.protocol === protocol ? [i] : []));
      const some = indices.flatMap((i) => found[i] ?? []);
      const result = await this.#batches.run("remove", some.length, placesOf(some), {}, () => {}, protocol);
      for (const [at, i] of indices.entries()) statuses[i] = result.statuses[at] ?? 0;
      for (const [status, text] of result.texts) texts.set(status, text);
    }
    return { statuses, texts };
  }

  async keepsTags(): Promise<boolean> {
    return asked("cannot ask the kernel whether it keeps tags", this.addon.keepsTags());
  }

  async uses(addresses: readonly string[]): Promise<readonly AddressUse[]> {
    return unpackUses(await asked("cannot list routes and sockets", this.addon.uses(await packIps(addresses))));
  }

  async openLifeline(name: string): Promise<Lifeline> {
    if (!/^hf[0-9]{1,6}$/.test(name)) throw new TypeError(`expected a lifeline's name like hf0, not ${name}`);
    const { fd, ifindex } = await this.addon.openLifeline(name).catch((cause: SystemCallError) => {
      throw lifelineError(name, cause);
    });
    this.#lifelines.add(ifindex);
    let closing: Promise<void> | null = null;
    const close = async () => {
      this.#lifelines.delete(ifindex);
      await this.addon.close(fd);
    };
    return { name, ifindex, close: () => (closing ??= close()) };
  }

  announce(addresses: readonly string[], from: AnnounceSource): void {
    this.#announcer.announce(addresses, from);
  }

  cancelAnnounce(addresses: readonly string[]): void {
    this.#announcer.cancel(addresses);
  }

  hushAnnouncements(on: boolean): void {
    this.#announcer.hush(on);
  }

  async watch(handler: (changes: KernelChanges) => void, options: WatchOptions = {}): Promise<Monitor> {
    const monitor = await asked("cannot watch the kernel", openMonitor(this.addon, handler, options));
    this.#monitors.add(monitor);
    const close = async () => {
      this.#monitors.delete(monitor);
      await monitor.close();
    };
    return { has: (address) => monitor.has(address), close };
  }

  async killSockets(
    addresses: readonly string[],
    { listening = false }: { readonly listening?: boolean } = {},
  ): Promise<KillResult> {
    const doing = `cannot close the sockets on ${addresses.length} addresses`;
    const missing = missingCapabilities();
    if (missing.includes("CAP_NET_ADMIN")) throw capabilityError(doing, missing);
    const { closed, failed } = await asked(doing, this.addon.killSockets(await packIps(addresses), listening));
    this.#sockets.socketsKilled += closed;
    this.#sockets.socketsNotKilled += failed.reduce((sum, [, count]) => sum + count, 0);
    return { closed, failures: killFailures(failed) };
  }

  async connections(addresses: readonly string[]): Promise<readonly Connection[]> {
    const packed = await packIps(addresses);
    return unpackConnections(await asked("cannot list the connections", this.addon.connections(packed)));
  }

  async tickle(
    connections: readonly Connection[],
    { rate = 10_000 }: { readonly rate?: number } = {},
  ): Promise<TickleResult> {
    const missing = missingCapabilities();
    if (missing.includes("CAP_NET_RAW")) throw capabilityError(`cannot tickle ${connections.length} peers`, missing);
    const result = await tickleAll(this.addon, connections, rate);
    this.#sockets.ticklesSent += result.sent;
    this.#sockets.ticklesFailed += result.failed;
    return result;
  }

  async bindSockets(endpoints: readonly BindEndpoint[]): Promise<BindResult> {
    const results = await this.addon.bindSockets(await packEndpoints(endpoints));
    const texts = bindTexts(results);
    this.#sockets.socketsBound += results.filter((result) => result >= 0).length;
    return { results, texts };
  }

  releaseSocket(fd: number): void {
    this.addon.releaseSocket(fd);
  }

  async closeSockets(fds: readonly number[]): Promise<void> {
    const wrong = fds.find((fd) => !Number.isInteger(fd) || fd < 0 || fd > 2 ** 31 - 1);
    if (wrong !== undefined) throw new TypeError(`expected descriptors of sockets, not ${wrong}`);
    await this.addon.closeSockets(Int32Array.from(fds));
  }

  async openLan(link: Link, handler: (sightings: readonly Sighting[]) => void): Promise<Lan> {
    return this.#lans.open(link, handler);
  }

  async probe(addresses: readonly string[], link: Link, options: ProbeOptions): Promise<readonly Host[]> {
    return this.#lans.probe(addresses, link, options);
  }

  missingCapabilities(): readonly string[] {
    return missingCapabilities();
  }

  get counters(): Readonly<Record<string, number>> {
    const counters = { ...this.#batches.counters, ...this.#sockets, ...this.#announcer.counters };
    return { ...counters, ...this.#lans.counters };
  }

  async close(): Promise<void> {
    const monitors = [...this.#monitors].map((monitor) => monitor.close());
    await Promise.all([this.#announcer.close(), this.#batches.idle(), this.#lans.close(), ...monitors]);
    const fd = this.#announcerFd;
    this.#announcerFd = null;
    if (fd !== null) await this.addon.close(fd);
  }

  /** On a lifeline, host aliases only (see PlumbTarget). */
  #on({ prefix, ...target }: PlumbTarget): PlumbTarget {
    return prefix === undefined || this.#lifelines.has(target.ifindex) ? target : { ...target, prefix };
  }

  /** Opened when first needed, so that a kernel that only looks needs no CAP_NET_RAW. */
  #openAnnouncer(): number | null {
    return (this.#announcerFd ??= nonNegative(this.addon.openAnnouncer()));
  }

  readonly #sendAnnouncements: SendAnnouncements = async (link, mac, to, addresses) => {
    const fd = this.#openAnnouncer();
    return fd === null ? null : this.addon.announce(fd, link.index, mac, to, addresses);
  };

  readonly #findHosts: FindHosts = async ({ index }) => {
    try {
      return (await this.neighbours({ ifindex: index })).map(({ mac }) => mac);
    } catch {
      return null;
    }
  };
}

function nonNegative(value: number): number | null {
  return value < 0 ? null : value;
}

/** @param doing what was being done, "cannot ...". */
async function asked<T>(doing: string, call: Promise<T>): Promise<T> {
  return call.catch((cause: SystemCallError) => {
    // What a dump comes to when each of its tries was interrupted (NLM_F_DUMP_INTR): it may lack some, so it is none.
    const changing = getSystemErrorName(cause.errno) === "EINTR";
    const remedy = changing ? ": they changed while they were read, each time; try again when that is over" : "";
    throw systemError("ERR_NETLINK", `${doing}${remedy}`, cause);
  });
}

/** The remedy for each way in which a lifeline is not to be had. */
const LIFELINE_REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: "; load the module (modprobe tun), or give the container --device /dev/net/tun",
  ENODEV: "; load the module (modprobe tun)",
  ENXIO: "; load the module (modprobe tun)",
  EACCES: "; /dev/net/tun is not open to this user: give it to the user's group by chgrp and chmod 660",
  EBUSY: "; another process holds it, perhaps a second holdfastd",
};

function lifelineError(name: string, cause: SystemCallError): HoldfastError {
  const doing = `cannot open the lifeline ${name}`;
  const missing = missingCapabilities();
  if (cause.errno === -1 && missing.includes("CAP_NET_ADMIN")) return capabilityError(doing, missing, cause);
  const remedy = LIFELINE_REMEDIES[getSystemErrorName(cause.errno)] ?? "";
  return systemError("ERR_LIFELINE", `${doing} (${cause.syscall})${remedy}`, cause);
}

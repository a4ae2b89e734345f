/**
 * The kernel and the mail service of one host, as models: addresses come and go after some time, each may fail,
 * service stands on plumbed addresses only. What a daemon plumbed outlives it when it is killed, unless it sits on a
 * lifeline; without one it has a lifetime, and goes when nobody extends it, whether the daemon is dead, stopped or
 * stuck. Contract: a kernel may be slow; it may fail to add an address, say so though it added it, or say that it
 * added it and have not; and it may lose one later. Somebody else may put an address there that
 * the cluster manages; then it takes no other. What it says of an address that was removed is true: the shell
 * asks until it is. A lifetime is in whole seconds, rounded up, and ends up to LATENESS_MS late by the host's clock.
 * What was handed to the kernel goes on while the daemon is stopped.
 */
import { networkFinder } from "../core/catalogue/networks.js";
import type { Clock } from "./clock.js";
import { TOPOLOGIES } from "./layout.js";
import type { Random } from "./random.js";
import type { Schedule, Timer } from "./schedule.js";

/** Of what is under no lease; extended after a third of it (src/node/lifetimes.ts). */
export const PLAIN_LIFETIME_MS = 120_000;
/** check_lifetime() in net/ipv4/devinet.c. */
export const LATENESS_MS = 1_250;

const topologyOf = networkFinder(TOPOLOGIES.map((block): [string, string] => [block, block]));

export interface HostTimes {
  /** Of one batch, and of each address in it. */
  readonly batchMs: number;
  readonly addressMs: number;
  /** Longest wait for deliveries in flight in a planned release. */
  readonly drainMs: number;
}

export interface HostWatcher {
  /** `serving` addresses answer, `plumbed` ones are in the kernel; called after each change. */
  changed(host: string, address: string, plumbed: boolean, serving: boolean): void;
  /** The daemon tells the LAN. */
  announces(addresses: readonly string[]): void;
  /** It has nothing more to tell about them. */
  silences(addresses: readonly string[]): void;
  /** It tells nothing again until it is off. */
  hushes(on: boolean): void;
}

export interface Failure {
  readonly address: string;
  readonly reason: string;
}

export class Host {
  readonly #plumbed = new Set<string>();
  readonly #serving = new Set<string>();
  readonly #jobs = new Set<Timer>();
  readonly #lifetimes = new Map<string, Timer>();
  readonly #lateness: Random;
  /** How many times slower than usual. */
  slowness = 1;
  /** Addresses that the kernel does not take. */
  failing: ReadonlySet<string> = new Set();
  /** Addresses that it takes, and says that it does not. */
  denying: ReadonlySet<string> = new Set();
  /** Addresses that it does not take, and says that it does. */
  pretending: ReadonlySet<string> = new Set();

  constructor(
    readonly name: string,
    readonly lifeline: boolean,
    readonly clock: Clock,
    private readonly times: HostTimes,
    private readonly schedule: Schedule,
    private readonly random: Random,
    private readonly watcher: HostWatcher,
  ) {
    this.#lateness = random.stream("lifetimes");
  }

  /** What others have put there, by hand or as the host's own: whether it has to stay, or the daemon may remove it. */
  readonly foreign = new Map<string, "stays" | "removable">();

  /** Topologies whose interface has no carrier. */
  unplugged: readonly string[] = [];
  /** Topologies on whose network nothing reaches it, and from where nothing of it reaches others, though there is a carrier. */
  deaf: ReadonlySet<string> = new Set();
  mute: ReadonlySet<string> = new Set();
  /** Topologies in which it has lost its own address. */
  flushed: ReadonlySet<string> = new Set();
  /** Its service does not greet. */
  dumb = false;

  /** Topologies whose interface is not there. */
  readonly #absent = new Set<string>();
  /** Its lifeline was deleted, and cannot be made again yet. */
  #lacksLifeline = false;

  /** Topologies that it cannot serve. */
  get down(): string[] {
    const isDown = (block: string) => this.#lacksLifeline || this.unplugged.includes(block) || this.#absent.has(block);
    return TOPOLOGIES.filter(isDown);
  }

  /** The interface of a Topology goes, and with it what is on it: with a lifeline, that is not on it. */
  deleteInterface(block: string): void {
    this.#absent.add(block);
    if (!this.lifeline) for (const address of this.#plumbed) if (this.#isAbsent(address)) this.lose(address);
  }

  makeInterface(block: string): void {
    this.#absent.delete(block);
  }

  deleteLifeline(): void {
    this.#lacksLifeline = true;
    for (const address of this.#plumbed) this.lose(address);
  }

  makeLifeline(): void {
    this.#lacksLifeline = false;
  }

  #isAbsent(address: string): boolean {
    return this.#lacksLifeline || this.#absent.has(topologyOf(address) ?? "");
  }

  /** A question and its answer need both directions. */
  hearsIn(topology: string): boolean {
    return !this.down.includes(topology) && !this.deaf.has(topology) && !this.mute.has(topology);
  }

  plumbed(): ReadonlySet<string> {
    return this.#plumbed;
  }

  serves(address: string): boolean {
    return this.#serving.has(address);
  }

  /**
   * Plumb, announce, serve; an address that failed is taken away again.
   * @param until when each may not be here any more, by the host's clock.
   */
  acquire(
    addresses: readonly string[],
    until: (address: string) => number,
    done: (failed: readonly Failure[]) => void,
  ): void {
    this.#job(this.#batchTime(addresses), () => {
      const late = new Set(addresses.filter((address) => until(address) <= this.clock.now));
      const fails = (address: string) =>
        late.has(address) ||
        this.foreign.has(address) ||
        this.failing.has(address) ||
        this.denying.has(address) ||
        this.#isAbsent(address);
      const failed = addresses.filter(fails);
      const taken = addresses.filter((address) => !failed.includes(address));
      for (const address of addresses) {
        if (late.has(address) || !this.#takes(address)) continue;
        this.#set(address, true, false);
        this.#live(address, until(address));
      }
      this.watcher.announces(taken);
      this.#job(this.#batchTime([]), () => {
        for (const address of taken) if (this.#plumbed.has(address)) this.#set(address, true, true);
        this.#giveBack(failed, () =>
          done(failed.map((address) => ({ address, reason: "the kernel does not take it" }))),
        );
      });
    });
  }

  #takes(address: string): boolean {
    const refuses = this.failing.has(address) || this.pretending.has(address) || this.foreign.has(address);
    return !refuses && !this.#isAbsent(address);
  }

  #giveBack(addresses: readonly string[], done: () => void): void {
    if (addresses.length === 0) return done();
    this.#job(this.#batchTime(addresses), () => {
      this.watcher.silences(addresses);
      for (const address of addresses) if (this.#plumbed.has(address)) this.#set(address, false, false);
      done();
    });
  }

  /** Those that are here may be until then. */
  extend(addresses: readonly string[], until: number): void {
    for (const address of addresses) if (this.#plumbed.has(address)) this.#live(address, until);
  }

  /** At once, service or not. */
  drop(addresses: readonly string[]): void {
    for (const address of addresses) if (this.#plumbed.has(address)) this.#set(address, false, false);
  }

  #live(address: string, until: number): void {
    this.#lifetimes.get(address)?.cancel();
    if (this.lifeline) return; // As local routes: those have no lifetime.
    const leftMs = until === Number.POSITIVE_INFINITY ? PLAIN_LIFETIME_MS : until - this.clock.now;
    const validMs = 1000 * Math.max(1, Math.ceil(leftMs / 1000));
    const end = this.clock.now + validMs + this.#lateness.between(0, LATENESS_MS);
    const expire = () => this.#set(address, false, false);
    this.#lifetimes.set(address, this.schedule.at(this.clock.trueTimeOf(end), expire));
  }

  announce(addresses: readonly string[]): void {
    this.watcher.announces(addresses);
  }

  hush(on: boolean): void {
    this.watcher.hushes(on);
  }

  /** Stop service, let deliveries in flight end, unplumb. */
  release(addresses: readonly string[], urgent: boolean, done: () => void): void {
    for (const address of addresses) if (this.#plumbed.has(address)) this.#set(address, true, false);
    if (urgent) this.watcher.silences(addresses);
    const drain = urgent ? 0 : this.random.between(0, this.times.drainMs);
    this.#job(drain + this.#batchTime(addresses), () => {
      this.watcher.silences(addresses);
      for (const address of addresses) this.#set(address, false, false);
      done();
    });
  }

  /** What a daemon does first: nothing of its predecessor stays. */
  clear(done: () => void): void {
    this.release([...this.#plumbed], true, done);
  }

  /** Somebody else takes an address away; the daemon finds out at its next look. */
  lose(address: string): void {
    if (this.#plumbed.has(address)) this.#set(address, false, false);
  }

  /** The daemon removes those that it may. */
  removeForeign(addresses: readonly string[], done: () => void): void {
    this.#job(this.#batchTime(addresses), () => {
      for (const address of addresses) if (this.foreign.get(address) === "removable") this.foreign.delete(address);
      done();
    });
  }

  /** The daemon is gone, in the middle of what it did. */
  processDied(how: "killed" | "power" | "exited"): void {
    for (const job of this.#jobs) job.cancel();
    this.#jobs.clear();
    const vanishes = this.lifeline || how !== "killed";
    for (const address of this.#plumbed) this.#set(address, !vanishes, false);
  }

  #batchTime(addresses: readonly string[]): number {
    const { batchMs, addressMs } = this.times;
    return (batchMs * this.random.between(0.5, 1.5) + addressMs * addresses.length) * this.slowness;
  }

  #job(ms: number, run: () => void): void {
    const timer = this.schedule.after(ms, () => {
      this.#jobs.delete(timer);
      run();
    });
    this.#jobs.add(timer);
  }

  #set(address: string, plumbed: boolean, serving: boolean): void {
    if (plumbed) this.#plumbed.add(address);
    else {
      this.#plumbed.delete(address);
      this.#lifetimes.get(address)?.cancel();
      this.#lifetimes.delete(address);
    }
    if (serving) this.#serving.add(address);
    else this.#serving.delete(address);
    this.watcher.changed(this.name, address, plumbed, serving);
  }
}

/**
 * The kernel and the mail service of one host, as models: addresses come and go after some time, each may fail, service
 * stands on plumbed addresses only. What a daemon plumbed outlives it when it is killed, unless it sits on a lifeline.
 * Contract: a kernel may be slow; it may fail to add an address, say so though it added it, or say that it added it and
 * have not; and it may lose one later. What it says of an address that was removed is true: the shell asks until it is.
 * What was handed to the kernel goes on while the daemon is stopped.
 */
import type { Clock } from "./clock.js";
import type { Random } from "./random.js";
import type { Schedule, Timer } from "./schedule.js";

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
  ) {}

  /** Topologies whose interface has no carrier. */
  down: readonly string[] = [];

  plumbed(): ReadonlySet<string> {
    return this.#plumbed;
  }

  serves(address: string): boolean {
    return this.#serving.has(address);
  }

  /** Plumb, announce, serve; an address that failed is taken away again. */
  acquire(addresses: readonly string[], done: (failed: readonly Failure[]) => void): void {
    this.#job(this.#batchTime(addresses), () => {
      const failed = addresses.filter((address) => this.failing.has(address) || this.denying.has(address));
      const taken = addresses.filter((address) => !failed.includes(address));
      for (const address of addresses) if (this.#takes(address)) this.#set(address, true, false);
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
    return !this.failing.has(address) && !this.pretending.has(address);
  }

  #giveBack(addresses: readonly string[], done: () => void): void {
    if (addresses.length === 0) return done();
    this.#job(this.#batchTime(addresses), () => {
      this.watcher.silences(addresses);
      for (const address of addresses) if (this.#plumbed.has(address)) this.#set(address, false, false);
      done();
    });
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
    else this.#plumbed.delete(address);
    if (serving) this.#serving.add(address);
    else this.#serving.delete(address);
    this.watcher.changed(this.name, address, plumbed, serving);
  }
}

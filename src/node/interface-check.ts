/**
 * What the kernel has under our tag against what this node holds: every `if_check_interval`, and as soon as the kernel tells
 * that an address went that this node holds, or that one came which nobody here holds. Missing addresses go back to the core,
 * which plumbs them again or hands them on; present ones that nobody here holds are unplumbed. Managed addresses that
 * others have put there are for the ForeignWatch.
 */
import type { Hands } from "../core/ownership/hands.js";
import type { FoundAddress, Kernel, KernelChanges, Monitor } from "../kernel/types.js";
import type { ForeignWatch } from "./foreign-watch.js";
import type { NodeEventSink } from "./node.js";
import { aloneAmong, closeSockets } from "./sockets.js";

export interface CheckHandler {
  lost(addresses: readonly string[]): void;
  removed(addresses: readonly string[]): void;
  /** A link came, went or changed. */
  links(): void;
  failed(error: unknown): void;
  readonly event: NodeEventSink;
  readonly foreign: Pick<ForeignWatch, "isManaged" | "look">;
}

/**
 * A change waits this long for others to come along. Also the rate at which this node and a program that takes its
 * addresses away can go on against each other.
 */
const SETTLE_MS = 100;

export class InterfaceCheck {
  #timer: NodeJS.Timeout | null = null;
  #soon: NodeJS.Timeout | null = null;
  #monitor: Monitor | null = null;
  #running = false;
  #keepsTags = true;

  constructor(
    private readonly kernel: Pick<
      Kernel,
      "protocol" | "addresses" | "keepsTags" | "killSockets" | "removeFound" | "watch"
    >,
    private readonly intervalMs: number,
    private readonly hands: Hands,
    private readonly handler: CheckHandler,
  ) {}

  /** Where the kernel cannot be watched, that is told, and the period alone has to do. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => {
      this.handler.links();
      void this.#check();
    }, this.intervalMs);
    this.#timer.unref();
    try {
      this.#keepsTags = await this.kernel.keepsTags();
      this.#monitor = await this.kernel.watch((changes) => this.#onChanges(changes));
    } catch (error) {
      this.handler.failed(error);
    }
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#monitor?.close();
    if (this.#soon !== null) clearTimeout(this.#soon);
  }

  /** This node's own doings are in the changes too; while they last, the address is not "present". */
  #onChanges({ removed, added, links }: KernelChanges): void {
    if (links.length > 0) this.handler.links();
    const lost = removed.some(({ address }) => this.hands.state(address) === "present");
    const stray = added.some((one) => this.#isTagged(one) && this.hands.state(one.address) === undefined);
    const isForeign = (one: FoundAddress) => !this.#isOurs(one) && this.handler.foreign.isManaged(one.address);
    if (lost || stray || added.some(isForeign) || removed.some(isForeign)) this.checkSoon();
  }

  /** Also when there may be other addresses to look for. */
  checkSoon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      if (this.#running) this.checkSoon();
      else void this.#check();
    }, SETTLE_MS);
  }

  async #check(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      // What comes or goes while the kernel is asked is not held against anybody: only what was so before and after.
      const before = new Set(this.hands.present());
      const there = new Set<string>();
      const tagged: FoundAddress[] = [];
      const foreign: FoundAddress[] = [];
      const found = await this.kernel.addresses();
      for await (const some of found.slices()) {
        for (const one of some) {
          if (this.#isOurs(one)) there.add(one.address);
          else if (this.handler.foreign.isManaged(one.address)) foreign.push(one);
          if (this.#isTagged(one)) tagged.push(one);
        }
      }
      // First: what was taken over by somebody else comes back once it has gone.
      await this.handler.foreign.look(foreign, found);
      const lost = this.hands.present().filter((address) => before.has(address) && !there.has(address));
      if (lost.length > 0) this.handler.lost(lost);
      // Removed where they stand, which may be where this node would never plumb them.
      const strays = tagged.filter(({ address }) => this.hands.state(address) === undefined && !before.has(address));
      if (strays.length === 0) return;
      await closeSockets(this.kernel, await aloneAmong(strays, found), this.handler.event);
      await this.kernel.removeFound(strays);
      this.handler.removed(strays.map(({ address }) => address));
    } catch (error) {
      this.handler.failed(error);
    } finally {
      this.#running = false;
    }
  }

  #isTagged({ protocol }: FoundAddress): boolean {
    return protocol === this.kernel.protocol;
  }

  /** On a kernel that keeps no tags of addresses (docs/KERNELS.md) what this node plumbs is found as an alias without
   * one. */
  #isOurs(one: FoundAddress): boolean {
    if (this.#isTagged(one)) return true;
    return !this.#keepsTags && one.protocol === 0 && one.alias && this.hands.state(one.address) !== undefined;
  }
}

/**
 * Every `if_check_interval`: what the kernel has under our tag against what this node holds. Missing addresses go back
 * to the core, which plumbs them again or hands them on; present ones that nobody here holds are unplumbed.
 */
import type { Config } from "../config/types.js";
import type { Hands } from "../core/ownership/hands.js";
import { HOLDFAST_PROTOCOL } from "../kernel/index.js";
import type { Kernel } from "../kernel/types.js";

export interface CheckHandler {
  lost(addresses: readonly string[]): void;
  removed(addresses: readonly string[]): void;
  failed(error: unknown): void;
}

export class InterfaceCheck {
  #timer: NodeJS.Timeout | null = null;
  #running = false;

  constructor(
    private readonly kernel: Kernel,
    private readonly config: Config,
    private readonly hands: Hands,
    private readonly handler: CheckHandler,
  ) {}

  start(): void {
    this.#timer = setInterval(() => void this.#check(), this.config.cluster.ifCheckIntervalMs);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      // What comes or goes while the kernel is asked is not held against anybody: only what was so before and after.
      const before = this.#present();
      const found = await this.kernel.addresses({ protocol: HOLDFAST_PROTOCOL });
      const there = new Set(found.map(({ address }) => address));
      const after = this.#present();
      const lost = [...before].filter((address) => after.has(address) && !there.has(address));
      if (lost.length > 0) this.handler.lost(lost);
      // Removed where they stand, which may be where this node would never plumb them.
      const strays = found.filter(({ address }) => this.hands.state(address) === undefined && !before.has(address));
      if (strays.length === 0) return;
      await this.kernel.removeFound(strays);
      this.handler.removed(strays.map(({ address }) => address));
    } catch (error) {
      this.handler.failed(error);
    } finally {
      this.#running = false;
    }
  }

  #present(): Set<string> {
    return new Set([...this.hands.held()].filter(([, state]) => state === "present").map(([address]) => address));
  }
}

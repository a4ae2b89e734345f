/**
 * A node that runs out of descriptors would go on to accept connections and close them without a word: Node does not
 * tell when accept(2) says EMFILE. So what is open is counted, and before all are in use the node lets go of addresses
 * that it has most connections on, refuses new ones, and takes again what comes to it once there is room.
 */
import { describeAddresses } from "../core/address.js";
import { explain } from "../errors.js";
import { type Descriptors, readDescriptors } from "../mail/descriptors.js";
import type { CrowdedAddress, MailService } from "../mail/types.js";
import type { NodeEventSink } from "./node.js";

/**
 * With fewer left, a node is short. No node starts with less than four times that (src/daemon/descriptor-need.ts).
 */
const SHORT = 32;
/** With so many left, for so long, it is no more. */
const ENOUGH = 2 * SHORT;
const ENOUGH_MS = 5_000;
/** A burst that is over by then does not move anything; then so long between two steps. */
const PATIENCE_MS = 1_000;
const LOOK_MS = 500;

/** What to do about what is left. No clock of its own. */
export class DescriptorWatch {
  #short = false;
  /** Since when there have been too few, or, while short, enough. */
  #since: number | null = null;
  #stepAt = 0;

  /** Nothing is to be taken meanwhile. */
  get short(): boolean {
    return this.#short;
  }

  /** @param now milliseconds, on one clock. @returns how many descriptors to make free now, 0 for none. */
  look(left: number, now: number): number {
    const turns = this.#short ? left >= ENOUGH : left < SHORT;
    if (!turns) this.#since = null;
    else this.#since ??= now;
    if (this.#since !== null && now - this.#since >= (this.#short ? ENOUGH_MS : PATIENCE_MS)) {
      this.#short = !this.#short;
      this.#since = null;
      this.#stepAt = now;
    }
    if (!this.#short || left >= SHORT || now < this.#stepAt) return 0;
    this.#stepAt = now + PATIENCE_MS;
    return ENOUGH - left;
  }
}

/**
 * Those with the most connections, until there are as many of these as descriptors are wanted; half of all addresses
 * at most, so that what weighs on one node does not fall on the next one all at once. Where connections are not what
 * takes the descriptors: half.
 */
export function addressesToGive(
  present: readonly string[],
  crowded: readonly CrowdedAddress[],
  wanted: number,
): readonly string[] {
  const half = Math.ceil(present.length / 2);
  const here = new Set(present);
  const give: string[] = [];
  let free = 0;
  for (const { address, connections } of crowded) {
    if (free >= wanted || give.length >= half) break;
    if (!here.has(address)) continue;
    give.push(address);
    free += connections;
  }
  return give.length > 0 ? give : present.slice(0, half);
}

interface GuardParts {
  readonly mail: Pick<MailService, "crowded">;
  readonly sink: NodeEventSink;
  /** Addresses that this node has. */
  present(): readonly string[];
  /** Whether anybody else could have them: if not, bad service is better than none. */
  othersAreThere(): boolean;
  /** Ends what these addresses serve, unplumbs them, and tells the core. */
  giveUp(addresses: readonly string[]): Promise<void>;
  /** For tests. */
  readonly descriptors?: () => Descriptors;
}

export class DescriptorGuard {
  readonly #watch = new DescriptorWatch();
  #timer: NodeJS.Timeout | null = null;
  #busy = false;

  constructor(private readonly parts: GuardParts) {}

  start(): void {
    this.#timer = setInterval(() => void this.#look(), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Why this node takes nothing now, or null. */
  refusal(): string | null {
    return this.#watch.short && this.parts.othersAreThere() ? "too few file descriptors are left" : null;
  }

  async #look(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      const { open, limit } = (this.parts.descriptors ?? readDescriptors)();
      const before = this.#watch.short;
      const wanted = this.#watch.look(limit - open, performance.now());
      if (this.#watch.short !== before) this.#tell({ open, limit });
      if (wanted > 0 && this.parts.othersAreThere()) await this.#give(wanted);
    } catch (error) {
      this.parts.sink({ level: "error", code: "descriptor-check-failed", facts: { reason: explain(error) } });
    } finally {
      this.#busy = false;
    }
  }

  async #give(wanted: number): Promise<void> {
    const give = addressesToGive(this.parts.present(), await this.parts.mail.crowded(), wanted);
    if (give.length === 0 || this.#timer === null) return;
    const facts = { addresses: describeAddresses(give) };
    this.parts.sink({ level: "error", code: "descriptors-given-up", facts });
    await this.parts.giveUp(give);
  }

  #tell(facts: { readonly open: number; readonly limit: number }): void {
    if (this.#watch.short) this.parts.sink({ level: "error", code: "descriptors-short", facts });
    else this.parts.sink({ level: "info", code: "descriptors-enough", facts });
  }
}

/** The LAN ports of a kernel, and what it asks LANs: opens, counts, explains and closes. */
import type { HoldfastError } from "../errors.js";
import { type Addon, type SystemCallError, systemError } from "./addon.js";
import type { Budget } from "./budget.js";
import { capabilityError, missingCapabilities } from "./capabilities.js";
import { openLan, openNativeLan, pack } from "./lan.js";
import { probe, type ProbeCalls } from "./prober.js";
import type { Host, Lan, Link, ProbeOptions, Sighting } from "./types.js";

export class Lans {
  readonly #open = new Set<Lan>();
  #answersOfClosed = 0;
  readonly #probed = { probeFramesSent: 0, probeFramesFailed: 0 };

  /** @param announcer the descriptor that frames are sent by; null where there is none. */
  constructor(
    private readonly addon: Addon,
    private readonly budget: Budget,
    private readonly announcer: () => number | null,
  ) {}

  get counters() {
    const lanFramesAnswered = [...this.#open].reduce((sum, { answers }) => sum + answers, this.#answersOfClosed);
    return { ...this.#probed, lanFramesAnswered };
  }

  async open(link: Link, handler: (sightings: readonly Sighting[]) => void): Promise<Lan> {
    const lan = await openLan(this.addon, link, handler).catch((cause: SystemCallError | TypeError) => {
      throw lanError(link, cause);
    });
    this.#open.add(lan);
    const close = async () => {
      this.#open.delete(lan);
      this.#answersOfClosed += lan.answers;
      await lan.close();
    };
    let closing: Promise<void> | null = null;
    return {
      own: (addresses, onLink) => lan.own(addresses, onLink),
      disown: (addresses) => lan.disown(addresses),
      get answers() {
        return lan.answers;
      },
      close: () => (closing ??= close()),
    };
  }

  async probe(addresses: readonly string[], link: Link, { waitMs, from = [] }: ProbeOptions): Promise<readonly Host[]> {
    if (!(waitMs >= 1)) throw new TypeError(`expected a waitMs of at least 1, not ${waitMs}`);
    const open: ProbeCalls["open"] = (on, handler) =>
      openNativeLan(this.addon, on, handler).catch((cause: SystemCallError | TypeError) => {
        throw lanError(on, cause);
      });
    const sender = pack(from);
    const send: ProbeCalls["send"] = (on, mac, some) => this.#send(on, mac, some, sender);
    const found = await probe({ open, send }, this.budget, addresses, link, waitMs);
    // A bond may answer by the hardware address of any of its ports.
    const own = new Set((await this.addon.links()).map(({ mac }) => mac));
    return found.filter(({ mac }) => !own.has(mac));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((lan) => lan.close()));
  }

  async #send(link: Link, mac: Uint8Array, addresses: Uint8Array, from: Uint8Array): Promise<void> {
    const fd = this.announcer();
    if (fd === null) return;
    const { sent, failed } = await this.addon.probe(fd, link.index, mac, addresses, from);
    this.#probed.probeFramesSent += sent;
    this.#probed.probeFramesFailed += failed;
  }
}

function lanError({ name }: Link, cause: SystemCallError | TypeError): HoldfastError | TypeError {
  if (cause instanceof TypeError) return cause;
  const missing = missingCapabilities();
  const doing = `cannot listen to ARP and neighbour discovery on ${name}`;
  if (cause.errno === -1 && missing.includes("CAP_NET_RAW")) return capabilityError(doing, missing, cause);
  return systemError("ERR_NETLINK", doing, cause);
}

/** `holdfast kernel announce`: a set of addresses is announced, to its end. */
import { setTimeout as delay } from "node:timers/promises";
import { capabilityError } from "../../kernel/capabilities.js";
import type { Kernel, Link } from "../../kernel/index.js";
import { usageError } from "./addresses.js";

/** Plain data: what `--json` prints. */
export interface AnnounceReport {
  readonly link: string;
  readonly addresses: number;
  readonly framesSent: number;
  readonly framesFailed: number;
  readonly elapsedMs: number;
}

const POLL_MS = 20;

/** @param kernel without announcements of anybody else's. @throws ERR_CAPABILITY_MISSING, ERR_USAGE. */
export async function announceAll(
  kernel: Kernel,
  addresses: readonly string[],
  link: Link,
  rounds: number,
): Promise<AnnounceReport> {
  const missing = kernel.missingCapabilities();
  if (missing.includes("CAP_NET_RAW")) throw capabilityError(`cannot announce on ${link.name}`, missing);
  if (link.mac === null) throw usageError(`${link.name} has no hardware address to announce`);
  const startedAt = performance.now();
  kernel.announce(addresses, { link, rounds });
  const expected = framesFor(addresses) * rounds;
  let frames = framesOf(kernel);
  // The announcer's own timers do not keep a process alive; this one does.
  while (frames.framesSent + frames.framesFailed < expected) {
    await delay(POLL_MS);
    frames = framesOf(kernel);
  }
  const elapsedMs = Math.round(performance.now() - startedAt);
  return { link: link.name, addresses: addresses.length, ...frames, elapsedMs };
}

/** A request and a reply, or an advertisement (see Announcer). */
function framesFor(addresses: readonly string[]): number {
  return addresses.reduce((sum, address) => sum + (address.includes(":") ? 1 : 2), 0);
}

function framesOf({ counters }: Kernel): Pick<AnnounceReport, "framesSent" | "framesFailed"> {
  return { framesSent: counters["announceFramesSent"] ?? 0, framesFailed: counters["announceFramesFailed"] ?? 0 };
}

export function formatAnnounce({ link, addresses, framesSent, framesFailed, elapsedMs }: AnnounceReport): string {
  const failed = framesFailed === 0 ? "" : `, ${framesFailed} refused by the interface`;
  return `announced ${addresses} addresses on ${link}: ${framesSent} frames sent${failed}, in ${elapsedMs} ms\n`;
}

/** `holdfast kernel announce`: gratuitous ARP for a set of addresses, to its end. */
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

/** A request and a reply (see Announcer). */
const FRAMES_AN_ADDRESS = 2;
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
  const other = addresses.find((address) => address.includes(":"));
  if (other !== undefined) throw usageError(`${other} is IPv6: ARP announces IPv4 addresses only`);
  const startedAt = performance.now();
  kernel.announce(addresses, { link, rounds });
  const expected = FRAMES_AN_ADDRESS * addresses.length * rounds;
  let frames = framesOf(kernel);
  // The announcer's own timers do not keep a process alive; this one does.
  while (frames.framesSent + frames.framesFailed < expected) {
    await delay(POLL_MS);
    frames = framesOf(kernel);
  }
  const elapsedMs = Math.round(performance.now() - startedAt);
  return { link: link.name, addresses: addresses.length, ...frames, elapsedMs };
}

function framesOf({ counters }: Kernel): Pick<AnnounceReport, "framesSent" | "framesFailed"> {
  return { framesSent: counters["arpFramesSent"] ?? 0, framesFailed: counters["arpFramesFailed"] ?? 0 };
}

export function formatAnnounce({ link, addresses, framesSent, framesFailed, elapsedMs }: AnnounceReport): string {
  const failed = framesFailed === 0 ? "" : `, ${framesFailed} refused by the interface`;
  return `announced ${addresses} addresses on ${link}: ${framesSent} frames sent${failed}, in ${elapsedMs} ms\n`;
}

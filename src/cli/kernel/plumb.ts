/** `holdfast kernel plumb` and `unplumb`: one batch, and what became of each address. */
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { HoldfastError } from "../../errors.js";
import type { BatchOptions, Kernel, Lifeline, Link, PlumbResult } from "../../kernel/index.js";
import { hostPrefix } from "../../kernel/records.js";
import { usageError } from "./addresses.js";

const CANCELLED = -constants.errno.ECANCELED;

/** Where the addresses go, as the command line says it. */
export interface PlumbPlace {
  readonly mode: "address" | "route";
  /** Of aliases; the host's where it is not given. */
  readonly prefix?: number;
}

export interface PlumbFailure {
  readonly address: string;
  /** "EEXIST", ... */
  readonly errno: string;
  /** The kernel's own for the first address of each errno; for the others, those of the C library. */
  readonly words: string;
}

/** Plain data: what `--json` prints. */
export interface PlumbReport {
  readonly operation: "plumb" | "unplumb";
  /** Of the interface, or of the lifeline. */
  readonly link: string;
  readonly mode: PlumbPlace["mode"];
  readonly addresses: number;
  readonly done: number;
  /** Those that were not begun, since the command was told to stop. */
  readonly cancelled: number;
  readonly elapsedMs: number;
  readonly failures: readonly PlumbFailure[];
}

/** @throws ERR_USAGE for a prefix that does not fit. */
export function checkPlace(addresses: readonly string[], { mode, prefix }: PlumbPlace): void {
  if (prefix === undefined) return;
  if (mode === "route") throw usageError("--prefix is for --mode address: a route leads to its one address");
  const most = hostPrefix(addresses.some((address) => !address.includes(":")) ? 4 : 6);
  if (prefix > most) throw usageError(`expected a --prefix of at most ${most}, not ${prefix}`);
}

export async function plumbOrUnplumb(
  kernel: Kernel,
  operation: PlumbReport["operation"],
  addresses: readonly string[],
  on: Pick<Lifeline, "name" | "ifindex">,
  { mode, prefix }: PlumbPlace,
  options: BatchOptions,
): Promise<PlumbReport> {
  const startedAt = performance.now();
  const target = { ifindex: on.ifindex, plumbing: mode, ...(prefix !== undefined && { prefix }) };
  const result = await (operation === "plumb"
    ? kernel.add(addresses, target, options)
    : kernel.remove(addresses, target, options));
  const failures = failuresOf(addresses, result);
  const cancelled = result.statuses.filter((status) => status === CANCELLED).length;
  return {
    operation,
    link: on.name,
    mode,
    addresses: addresses.length,
    done: addresses.length - failures.length - cancelled,
    cancelled,
    elapsedMs: Math.round(performance.now() - startedAt),
    failures,
  };
}

/** "plumb: 4096 of 10240", while it works. */
export function progressOf(
  operation: PlumbReport["operation"],
  print: (text: string) => void,
): NonNullable<BatchOptions["onProgress"]> {
  return (done, total) => print(done === total ? "" : `${operation}: ${done} of ${total}`);
}

/** @throws ERR_CANCELLED where the command was not let to its end. */
export function checkEnded({ operation, addresses, done, cancelled }: PlumbReport): void {
  if (cancelled === 0) return;
  const message =
    `told to stop: ${done} of ${addresses} addresses are ${operation}ed, ${cancelled} were not begun; ` +
    "the same command does the rest";
  throw new HoldfastError("ERR_CANCELLED", message, { done, cancelled });
}

/** The kernel layer keeps the kernel's words of the first failure of each errno, and they may name its address. */
function failuresOf(addresses: readonly string[], { statuses, texts }: PlumbResult): PlumbFailure[] {
  const told = new Set<number>();
  return addresses.flatMap((address, i) => {
    const status = statuses[i] ?? 0;
    if (status === 0 || status === CANCELLED) return [];
    const [errno, common] = getSystemErrorMap().get(status) ?? [`${-status}`, "unknown error"];
    const words = told.has(status) ? common : (texts.get(status) ?? common);
    told.add(status);
    return [{ address, errno, words }];
  });
}

export function formatPlumb({
  operation,
  link,
  mode,
  addresses,
  done,
  cancelled,
  elapsedMs,
  failures,
}: PlumbReport): string {
  const what = mode === "route" ? "local routes" : "addresses";
  const lines = failures.map(({ address, errno, words }) => `failed: ${address}: ${errno}: ${words}\n`);
  const rest = cancelled === 0 ? "" : `; ${cancelled} not begun`;
  return `${lines.join("")}${operation}ed ${done} of ${addresses} ${what} on ${link} in ${elapsedMs} ms${rest}\n`;
}

/**
 * What keeps a link from answering ARP for addresses that stand elsewhere, on a lifeline or as local routes; null where
 * nothing does. The kernel takes the larger of the two settings (ip-sysctl, "arp_ignore").
 */
export function arpObstacle({ name }: Pick<Link, "name">): string | null {
  const setting = (of: string) => Number(readFileSync(`/proc/sys/net/ipv4/conf/${of}/arp_ignore`, "utf8"));
  if (setting("all") === 0 && setting(name) === 0) return null;
  return `${name} will not answer ARP for these addresses: net.ipv4.conf.{all,${name}}.arp_ignore must be 0`;
}

/** Above a daemon's, which has the number of its tag. @returns the first name that no link has. */
export function freeLifelineName(links: readonly Link[]): string {
  const taken = new Set(links.map(({ name }) => name));
  let number = 1000;
  while (taken.has(`hf${number}`)) number++;
  return `hf${number}`;
}

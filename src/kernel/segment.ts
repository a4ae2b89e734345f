/** Whom an announcement reaches: the LAN behind an interface, and who on it is told. */
import { MAC_BYTES, macBytes } from "./neighbours.js";
import type { AnnounceSource, Host, Link } from "./types.js";

/** One object for each, however often it is asked for: announcements of one segment go out together. */
export interface Segment {
  readonly link: Link;
  readonly mac: Uint8Array;
  /** Who is told: packed Ethernet addresses. The broadcast address stands for everybody. */
  hosts: Uint8Array;
  /** Told besides who is looked up. */
  readonly always: readonly string[];
  /** performance.now() up to which `hosts` are good; Infinity where there is nothing to look up. */
  goodUntil: number;
}

const BROADCAST = "ff:ff:ff:ff:ff:ff";
/** Hosts that were looked up are good for so long: less than the time between two rounds. */
const HOSTS_FRESH_MS = 1000;
const NO_HOSTS: readonly Host[] = [];

export class Segments {
  /** By the identity of the list of hosts, then by link. */
  readonly #known = new WeakMap<readonly Host[], Map<string, Segment>>();

  /** Null for a link without a hardware address. @throws TypeError for a host without one. */
  of({ link, allHosts = true, hosts = NO_HOSTS }: AnnounceSource): Segment | null {
    if (link.mac === null) return null;
    const known = this.#known.get(hosts) ?? new Map<string, Segment>();
    this.#known.set(hosts, known);
    const key = `${link.index} ${link.mac} ${allHosts}`;
    const segment = known.get(key) ?? segmentOf(link, link.mac, allHosts, hosts);
    known.set(key, segment);
    return segment;
  }
}

function segmentOf(link: Link, mac: string, allHosts: boolean, hosts: readonly Host[]): Segment {
  const always = hosts.map((host) => host.mac).filter((other) => other !== mac);
  const who = allHosts
    ? { hosts: packHosts([BROADCAST, ...always]), goodUntil: Number.POSITIVE_INFINITY }
    : { hosts: packHosts(always), goodUntil: Number.NEGATIVE_INFINITY };
  return { link, mac: macBytes(mac), always, ...who };
}

/** @param found hardware addresses; null when they could not be asked for: who was known is told all the same. */
export function update(segment: Segment, found: readonly string[] | null, now: number): void {
  if (found !== null) segment.hosts = packHosts([...found, ...segment.always]);
  segment.goodUntil = now + HOSTS_FRESH_MS;
}

/** How many are told; 1 where it is nobody, so that a great many addresses for nobody are paced too. */
export function hostsTold({ hosts }: Segment): number {
  return Math.max(1, hosts.length / MAC_BYTES);
}

/** Each once. */
function packHosts(macs: readonly string[]): Uint8Array {
  return Buffer.concat([...new Set(macs)].map(macBytes));
}

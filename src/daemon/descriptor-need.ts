/**
 * How many descriptors a configuration takes, before a single connection comes: asked at the start and not found out
 * at a failover.
 */
import type { Config } from "../config/types.js";
import { HoldfastError } from "../errors.js";
import { countOwnListens } from "../mail/listeners.js";
import { readDescriptors } from "../mail/descriptors.js";
import { RAISE_LIMIT } from "./failure.js";

export interface DescriptorNeed {
  readonly total: number;
  /** By what they are for. */
  readonly parts: Readonly<Record<string, number>>;
}

/**
 * Node's two threads, its loader's and its pools', the log, the console and its callers, the spool, netlink. An idle
 * node of one address without peers has 38 of them open; loading and starting take some more for a moment.
 */
const PROCESS = 80;
/** A listener and packets for each interface: what is heard, what is sent. */
const OF_INTERFACE = 3;
/** The group's two connections, and those of moves in both directions beside `mmove_connections`. */
const OF_PEER = 4;
/**
 * For clients, deliveries and look-ups: a node that has fewer left is short (src/node/descriptor-guard.ts), so no node
 * starts with less.
 */
export const RESERVE = 128;

export function descriptorNeed(config: Config): DescriptorNeed {
  const { topologies, peers, mail } = config;
  const others = Math.max(0, peers.length - 1);
  const parts = {
    process: PROCESS,
    listeners: countOwnListens(config),
    interfaces: OF_INTERFACE * new Set(topologies.map((topology) => topology.interface)).size,
    peers: others * (OF_PEER + 2 * mail.mmoveConnections),
    connections: RESERVE,
  };
  return { total: Object.values(parts).reduce((sum, part) => sum + part, 0), parts };
}

/** @throws ERR_DESCRIPTORS with the numbers and the remedy. */
export function requireDescriptors(config: Config, { limit } = readDescriptors()): void {
  const { total, parts } = descriptorNeed(config);
  if (limit >= total) return;
  const what = Object.entries(parts).map(([name, part]) => `${part} ${name}`);
  throw new HoldfastError(
    "ERR_DESCRIPTORS",
    `this configuration needs ${total} file descriptors (${what.join(", ")}), and the limit is ${limit}: ${RAISE_LIMIT}`,
    { needed: total, limit },
  );
}

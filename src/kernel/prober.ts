/**
 * Asks a LAN who has which address: one port hears, frames go out within the budget, before any announcement. Where two ask for
 * one address at the same time (RFC 5227 section 2.1.1), both would find it free: the lower hardware address has it.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { NativeLan } from "./addon.js";
import type { Budget } from "./budget.js";
import { type Heard, inSlices, pack } from "./lan.js";
import { macBytes } from "./neighbours.js";
import type { Host, Link } from "./types.js";

export interface ProbeCalls {
  open(link: Link, handler: (heard: readonly Heard[]) => void): Promise<NativeLan>;
  /** Sends one question for each of the packed addresses; never rejects. */
  send(link: Link, mac: Uint8Array, addresses: Uint8Array): Promise<void>;
}

/** How often the budget is looked at while it is short. */
const TICK_MS = 10;
/** So many questions at once, however large the budget. */
const MOST_AT_ONCE = 4096;

/** @returns each address that somebody has, or will have who asks at the same time, with the hardware address of who does. */
export async function probe(
  calls: ProbeCalls,
  budget: Budget,
  addresses: readonly string[],
  link: Link,
  waitMs: number,
): Promise<Host[]> {
  const found = new Map<string, string>();
  const { mac: own } = link;
  /** Asked for by others whose turn is after ours, which they may not know: they may have begun after we asked. */
  const repeated = new Set<string>();
  const repeat = (asked: readonly string[]) => {
    const news = asked.filter((address) => !repeated.has(address));
    for (const address of news) repeated.add(address);
    return ask(calls, budget, news, link);
  };
  const lan = await calls.open(link, (heard) => {
    const later: string[] = [];
    for (const { kind, address, mac } of heard) {
      if (kind === "answerer" || (kind === "prober" && own !== null && mac < own)) found.set(address, mac);
      else if (kind === "prober") later.push(address);
    }
    void repeat(later);
  });
  try {
    await inSlices(addresses, (packed) => lan.seek(packed));
    await ask(calls, budget, addresses, link);
    await pause(waitMs / 2);
    // A frame may be lost. Texts that are not canonical are asked for once more than they need be.
    const silent = addresses.filter((address) => !found.has(address));
    await Promise.all([ask(calls, budget, silent, link), pause(waitMs / 2)]);
  } finally {
    await lan.close();
  }
  return [...found].map(([address, mac]) => ({ address, mac }));
}

async function ask(calls: ProbeCalls, budget: Budget, addresses: readonly string[], link: Link): Promise<void> {
  if (addresses.length === 0 || link.mac === null) return;
  const mac = macBytes(link.mac);
  budget.reserve();
  try {
    for (let next = 0; next < addresses.length; ) {
      const frames = Math.min(Math.floor(budget.left(performance.now())), MOST_AT_ONCE);
      if (frames < 1) {
        await pause(TICK_MS);
        continue;
      }
      const some = addresses.slice(next, next + frames);
      next += some.length;
      budget.spend(some.length);
      await calls.send(link, mac, pack(some));
    }
  } finally {
    budget.free();
  }
}

/** Tickles for many connections, so many a second. */
import { setTimeout as delay } from "node:timers/promises";
import { getSystemErrorMap } from "node:util";
import type { Addon } from "./addon.js";
import { packConnections } from "./sockets.js";
import type { Connection, TickleResult } from "./types.js";

/** What goes out together; the pause after it is what is left of this. */
const TICK_MS = 50;

/** @param rate connections a second. @throws TypeError naming the first that is no connection; nothing was sent then. */
export async function tickleAll(
  addon: Pick<Addon, "tickle">,
  connections: readonly Connection[],
  rate: number,
): Promise<TickleResult> {
  if (!(rate >= 1)) throw new TypeError(`expected a rate of at least 1 connection a second, not ${rate}`);
  const packed = await packConnections(connections);
  const record = packed.length / Math.max(1, connections.length);
  const atOnce = Math.max(1, Math.floor((rate * TICK_MS) / 1000));
  let sent = 0;
  let failed = 0;
  let firstErrno = 0;
  for (let at = 0; at < connections.length; at += atOnce) {
    const next = performance.now() + (1000 * atOnce) / rate;
    const result = await addon.tickle(packed.subarray(at * record, (at + atOnce) * record));
    sent += result.sent;
    failed += result.failed;
    if (firstErrno === 0) firstErrno = result.errno;
    if (at + atOnce < connections.length) await delay(Math.max(0, next - performance.now()));
  }
  const reason = firstErrno === 0 ? null : (getSystemErrorMap().get(firstErrno)?.[1] ?? `errno ${-firstErrno}`);
  return { sent, failed, reason };
}

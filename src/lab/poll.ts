import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs } from "./clock.js";

/** Calls `attempt` until it returns something else than null, `everyMs`; null once `limitMs` are over. */
export async function poll<T>(
  attempt: () => Promise<T | null>,
  { everyMs, limitMs }: { readonly everyMs: number; readonly limitMs: number },
): Promise<T | null> {
  const until = monotonicMs() + limitMs;
  for (;;) {
    const result = await attempt();
    if (result !== null || monotonicMs() > until) return result;
    await sleep(everyMs);
  }
}

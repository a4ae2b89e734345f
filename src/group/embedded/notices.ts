/** Events about what strangers do: one of a kind in ten seconds, with the number of those left out since. */
import type { GroupEvent } from "../channel.js";

/** Documented in docs/EVENTS.md. */
export type NoticeEventCode = "connection-refused" | "heartbeat-refused" | "peer-unreachable";

const EVERY_MS = 10_000;

export class Notices {
  readonly #said = new Map<NoticeEventCode, { at: number; leftOut: number }>();

  constructor(readonly say: (event: GroupEvent) => void) {}

  notice(code: NoticeEventCode, facts: Record<string, string | number | boolean>): void {
    const now = performance.now();
    const last = this.#said.get(code);
    if (last !== undefined && now - last.at < EVERY_MS) {
      last.leftOut++;
      return;
    }
    this.#said.set(code, { at: now, leftOut: 0 });
    this.say({ code, level: "warn", facts: { ...facts, leftOut: last?.leftOut ?? 0 } });
  }
}

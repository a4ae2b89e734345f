/**
 * JSON lines on standard output: an event a line, its stable code in `code`, and never more than a second's worth
 * (event-limiter.ts).
 */
import { pino } from "pino";
import type { NodeEventSink } from "../node/node.js";
import { EventLimiter, type LogLine } from "./event-limiter.js";
import type { LogWriter } from "./log-writer.js";

/** Left out after all others, while nobody reads: what the state of the node and its addresses is read from. */
const IMPORTANT = new Set(["started", "stopping", "stopped", "view", "owner", "settled", "vip-lost", "vip-refused"]);

export interface EventLog {
  readonly sink: NodeEventSink;
  /** Writes what has been held back. The sink goes on to work. */
  flush(): void;
}

/** @param level lowest that is written. The sink never waits. */
export function eventLog(level: string, out: Pick<LogWriter, "write" | "flush">): EventLog {
  const limiter = new EventLimiter();
  let important = false;
  const destination = { write: (line: string) => out.write(line, important) };
  const log = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  let timer: NodeJS.Timeout | null = null;

  const write = ({ level: severity, code, facts }: LogLine) => {
    important = severity === "error" || IMPORTANT.has(code);
    log[severity]({ code, ...facts });
  };
  const arm = () => {
    const { deadline } = limiter;
    if (timer !== null || deadline === Number.POSITIVE_INFINITY) return;
    const tick = () => {
      timer = null;
      for (const line of limiter.due(performance.now())) write(line);
      arm();
    };
    timer = setTimeout(tick, Math.max(1, deadline - performance.now()));
    timer.unref();
  };
  return {
    sink: (event) => {
      if (!log.isLevelEnabled(event.level)) return;
      const line = limiter.offer(event, performance.now());
      if (line !== null) write(line);
      arm();
    },
    flush: () => {
      for (const line of limiter.flush()) write(line);
      out.flush();
    },
  };
}

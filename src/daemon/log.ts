/** JSON lines on standard output: one event a line, its stable code in `code`. */
import { pino } from "pino";
import type { NodeEvent } from "../node/node.js";

export interface EventLog {
  event(event: NodeEvent): void;
}

/** @param level lowest that is written. Lines are written before `event` returns, so that a crash loses none. */
export function eventLog(level: string): EventLog {
  const log = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 1, sync: true }),
  );
  return {
    event: ({ level: severity, code, facts }) => log[severity]({ code, ...facts }),
  };
}

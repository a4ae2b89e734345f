/** JSON lines on standard output: one event a line, its stable code in `code`. */
import { pino } from "pino";
import type { NodeEventSink } from "../node/node.js";

/** @param level lowest that is written. Lines are written before the sink returns, so that a crash loses none. */
export function eventLog(level: string): NodeEventSink {
  const timestamp = pino.stdTimeFunctions.isoTime;
  const log = pino({ level, base: null, timestamp }, pino.destination({ fd: 1, sync: true }));
  return ({ level: severity, code, facts }) => log[severity]({ code, ...facts });
}

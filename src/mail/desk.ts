/** What every part of the mail engine works with. */
import type { Config } from "../config/types.js";
import type { Places } from "./places.js";
import type { Spool } from "./spool/types.js";
import type { MailEvent } from "./types.js";

export interface Desk {
  readonly config: Config;
  readonly spool: Spool;
  readonly places: Places;
  /** Codes are in docs/EVENTS.md. */
  readonly emit: (code: string, level: MailEvent["level"], facts: MailEvent["facts"]) => void;
  /** Adds to a counter that `counters()` shows. */
  readonly count: (name: string, by?: number) => void;
  /** Mail of this binding is new, due or free again: whoever has to carry it looks. */
  readonly wake: (binding: string) => void;
}

/** Name of the group that a binding is in, for log records. */
export function groupOf(desk: Desk, binding: string): string {
  return desk.places.binding(binding)?.group ?? "default";
}

/** Part of an address after its last "@", lower case; "" where there is none. */
export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "" : address.slice(at + 1).toLowerCase();
}

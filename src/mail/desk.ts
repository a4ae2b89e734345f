/** What every part of the mail engine works with. */
import type { Config } from "../config/types.js";
import type { Activity } from "./activity.js";
import type { Places } from "./places.js";
import type { NewMessage, Spool } from "./spool/types.js";
import type { MailEvent } from "./types.js";

export interface Desk {
  readonly config: Config;
  readonly spool: Spool;
  readonly places: Places;
  readonly activity: Activity;
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

/** A message is on disk: says so, and has it carried. @param how `protocol`, and who gave it to us. */
export function reportReception(
  desk: Desk,
  { id, binding, envelope }: NewMessage,
  bytes: number,
  how: MailEvent["facts"] & { readonly protocol: "smtp" | "xfer" | "dsn" },
): void {
  desk.emit("reception", "info", {
    id,
    group: groupOf(desk, binding),
    binding,
    sender: envelope.from,
    recipients: envelope.recipients.length,
    domain: domainOf(envelope.recipients[0]?.address ?? ""),
    bytes,
    ...how,
  });
  desk.wake(binding);
}

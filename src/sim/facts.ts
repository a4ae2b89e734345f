/** What goes into a core and comes out of it, as facts to read in a trace. */
import type { NodeInput, NodeOutput } from "../core/io.js";
import { decodeMessage } from "../core/wire/messages.js";
import type { TraceFacts } from "./trace.js";

export function factsOf(event: NodeInput | NodeOutput): TraceFacts {
  const facts = Object.entries(event).filter(([name]) => !["kind", "at", "payload"].includes(name));
  return { ...Object.fromEntries(facts), ...("payload" in event ? messageFacts(event.payload) : {}) };
}

function messageFacts(payload: Uint8Array): TraceFacts {
  const message = decodeMessage(payload);
  if (message === null || message === "unknown") return { kind: message ?? "malformed" };
  if (message.kind !== "announce") return { ...message };
  const { kind, mature, leaving, claims } = message;
  return { kind, mature, leaving, claims: claims.map(({ address }) => address) };
}

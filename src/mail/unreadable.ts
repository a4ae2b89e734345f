/** The end of a message whose body nobody will read again, where no delivery is under way that would tell. */
import { type Desk, domainOf, groupOf } from "./desk.js";
import type { FailureNotices } from "./failure-notices.js";
import type { Outcome } from "./reply.js";
import type { MessageId, RecipientState } from "./spool/types.js";

/** Fails all recipients that wait, with a notice to the sender. Rejects when the spool does; then it is queued still. */
export async function failUnreadable(
  desk: Desk,
  notices: FailureNotices,
  id: MessageId,
  reason: string,
): Promise<void> {
  const message = desk.spool.get(id);
  if (message === null || message.moving !== null) return;
  const text = `the message could not be read from the queue: ${reason}`;
  const outcome: Outcome & { peer: null } = { kind: "permanent", text, status: "5.3.0", remote: false, peer: null };
  const failed: RecipientState = { state: "done", outcome: "failed", detail: text };
  const waiting = message.recipients.flatMap((state, index) => (state.state === "queued" ? [index] : []));
  const states = new Map(waiting.map((index) => [index, failed]));
  await notices.tell(message, states, new Map(waiting.map((index) => [index, outcome])));
  await desk.spool.settle(id, states);
  for (const index of waiting) {
    const recipient = message.envelope.recipients[index]?.address ?? "";
    desk.count("failed");
    desk.emit("permfail", "warn", {
      id,
      group: groupOf(desk, message.binding),
      binding: message.binding,
      recipient,
      domain: domainOf(recipient),
      bytes: message.bodyBytes,
      text,
      expired: false,
    });
  }
}

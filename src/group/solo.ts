/** The group of a node that has no peers: one view, and its own messages back in their order. */
import type { GroupChannel, GroupHandler } from "./channel.js";

export function soloChannel(self: string): GroupChannel {
  let handler: GroupHandler | null = null;
  return {
    start: async (given) => {
      handler = given;
      given.onView({ seq: 1, leader: self, members: [self], stayed: [self], quorate: true });
    },
    // Never from within the call: the sender is still in the middle of its own step.
    multicast: (payload) => queueMicrotask(() => handler?.onMessage(self, payload)),
    stop: async () => {
      handler = null;
    },
    counters: () => ({}),
  };
}

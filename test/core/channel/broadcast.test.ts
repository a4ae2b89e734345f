import { describe, expect, it } from "vitest";
import { Broadcast } from "../../../src/core/channel/broadcast.js";
import { Links } from "../../../src/core/channel/links.js";
import { Outbox } from "../../../src/core/channel/outbox.js";

const view = { counter: 1, coordinator: "a", incarnation: 1 };
const payload = new Uint8Array(3);

/** Node `self` of a view of a and b, the other one behind link 1. */
function inView(self: "a" | "b") {
  const links = new Links();
  const outbox = new Outbox();
  const peer = self === "a" ? "b" : "a";
  const link = links.open(1, peer, 1, 0);
  const broadcast = new Broadcast(self, links, outbox);
  const installedOver = { a: self === "a" ? null : 1, b: self === "b" ? null : 1 };
  broadcast.begin(view, ["a", "b"], new Map(Object.entries(installedOver)));
  const replace = () => {
    links.remove(link);
    return links.open(2, peer, 1, 0);
  };
  return { broadcast, outbox, link, replace };
}

describe("multicasts in a view", () => {
  for (const self of ["a", "b"] as const) {
    it(`do not go over a connection that is younger than the view (${self})`, () => {
      const { broadcast, outbox, replace } = inView(self);
      broadcast.multicast(payload);
      expect(outbox.take().filter((output) => output.kind === "send")).toHaveLength(1);
      replace();
      broadcast.multicast(payload);
      expect(outbox.take().filter((output) => output.kind === "send")).toEqual([]);
    });
  }

  it("are not taken from a connection that is younger than the view", () => {
    const member = inView("b");
    const message = { seq: 1, from: "a", number: 1, payload };
    const ordered = { kind: "ordered", view, stable: 0, message } as const;
    expect(member.broadcast.onOrdered(member.replace(), ordered)).toBeNull();
    expect(member.outbox.take()).toEqual([]);
    const sequencer = inView("a");
    expect(sequencer.broadcast.onSubmit(sequencer.replace(), { kind: "submit", view, number: 1, payload })).toBeNull();
    expect(sequencer.outbox.take()).toEqual([]);
  });

  it("wait from the promise of a new view until it begins, in their order", () => {
    const { broadcast, outbox } = inView("a");
    broadcast.close();
    broadcast.multicast(new Uint8Array([1]));
    broadcast.multicast(new Uint8Array([2]));
    expect(outbox.take()).toEqual([]);
    broadcast.begin({ ...view, counter: 2 }, ["a"], new Map([["a", null]]));
    expect(outbox.take().map((output) => output.kind === "deliver" && output.payload[0])).toEqual([1, 2]);
  });

  it("that break the order of the view, or of their sender, are the peer's fault", () => {
    const { broadcast, link } = inView("b");
    const message = { seq: 2, from: "a", number: 1, payload };
    expect(broadcast.onOrdered(link, { kind: "ordered", view, stable: 0, message })).toBe("order has a gap");
    const sequencer = inView("a");
    const submit = { kind: "submit", view, number: 2, payload } as const;
    expect(sequencer.broadcast.onSubmit(sequencer.link, submit)).toBe("multicasts out of sequence");
    const ack = { kind: "ack", view, delivered: 1, stable: 0 } as const;
    expect(sequencer.broadcast.onAck(sequencer.link, ack)).toBe("acknowledges what was never sent");
  });
});

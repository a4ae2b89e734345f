import { describe, expect, it } from "vitest";
import { ViewOrder } from "../../../src/core/channel/order.js";

const view = { counter: 1, coordinator: "a", incarnation: 1 };
const payload = new Uint8Array(1000);

function sequencer(): ViewOrder {
  const order = new ViewOrder(view, "a", ["a", "b", "c"]);
  for (let i = 0; i < 10; i++) order.accept(order.place(order.submit(payload)));
  return order;
}

describe("the order of a view", () => {
  it("keeps a message until every member has acknowledged it", () => {
    const order = sequencer();
    order.acknowledge("b", 10);
    expect(order.held(0)).toHaveLength(10);
    order.acknowledge("c", 4);
    expect(order.held(0).map((message) => message.seq)).toEqual([5, 6, 7, 8, 9, 10]);
    order.acknowledge("c", 10);
    expect([order.held(0).length, order.keptBytes, order.unsettledBytes]).toEqual([0, 0, 0]);
  });

  it("knows who holds up the pruning", () => {
    const order = sequencer();
    order.acknowledge("b", 7);
    expect(order.laggards()).toEqual(["c"]);
  });

  it("refuses acknowledgements of what there is not, and from strangers", () => {
    const order = sequencer();
    expect([order.acknowledge("b", 11), order.settle(11), order.acknowledge("x", 1)]).toEqual([false, false, false]);
  });

  it("refuses a message out of turn, of the order or of its sender", () => {
    const order = new ViewOrder(view, "b", ["a", "b"]);
    const message = { seq: 1, from: "a", number: 1, payload };
    expect(order.accept({ ...message, seq: 2 })).toBe(false);
    expect(order.accept({ ...message, number: 2 })).toBe(false);
    expect(order.accept({ ...message, from: "x" })).toBe(false);
    expect(order.accept(message)).toBe(true);
    expect(order.accept(message)).toBe(false);
  });

  it("counts what a member has submitted until it sees it in the order", () => {
    const order = new ViewOrder(view, "b", ["a", "b"]);
    const message = order.submit(payload);
    expect(order.unsettledBytes).toBeGreaterThan(1000);
    expect(order.held(0)).toEqual([message]);
    order.accept({ ...message, seq: 1 });
    order.settle(1);
    expect([order.unsettledBytes, order.held(0).length]).toEqual([0, 0]);
  });

  it("of a node alone keeps nothing", () => {
    const order = new ViewOrder(view, "a", ["a"]);
    order.accept(order.place(order.submit(payload)));
    expect(order.keptBytes).toBe(0);
  });
});

import { describe, expect, it } from "vitest";
import { alike, loads, recorded, rested, started, vips } from "../scenario.js";

const ABC = ["a", "b", "c"];

describe("a cluster", () => {
  it("spreads its addresses evenly, each served by exactly one node", () => {
    const three = started(alike(ABC, vips(30)));

    expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
    expect(Object.keys(three.homes())).toHaveLength(30);
  });

  it("gives nothing to a node before it is mature", () => {
    const three = alike(ABC, vips(6));
    three.start("a", "b", "c");
    three.run(three.options.viewMatureTimeMs * 0.9);

    expect(three.homes()).toEqual({});
  });

  it("matures in spite of a member that joins over and over again", () => {
    const two = alike(["a", "b"], vips(6));
    two.start("a");
    for (let i = 0; i < 12; i++) {
      two.start("b");
      two.run(400);
      two.die("b", "killed");
      two.run(100);
    }

    expect(loads(two)).toEqual({ a: 6 });
  });

  it("moves only what the departed had when a node dies, and takes no more than balance asks when it is back", () => {
    const three = started(alike(ABC, vips(30)));
    const before = three.homes();

    three.die("b", "killed");
    rested(three);
    const without = three.homes();
    expect(Object.keys(before).filter((address) => without[address] !== before[address]).length).toBe(10);
    expect(loads(three)).toEqual({ a: 15, c: 15 });

    three.start("b");
    rested(three);
    const after = three.homes();
    expect(Object.keys(without).filter((address) => after[address] !== without[address]).length).toBe(10);
    expect(loads(three)).toEqual({ a: 10, b: 10, c: 10 });
  });

  it("balances no more addresses a round than the smallest duravip_balance_set_size allows", () => {
    const three = started(alike(ABC, vips(30), { balanceSetSize: 2 }));
    three.die("c", "killed");
    rested(three);

    const steps = recorded(three);
    three.start("c");
    rested(three);
    const given = steps.flatMap(({ on, outputs }) =>
      outputs.flatMap((output) => (output.kind === "acquire" && on === "c" ? [output.addresses.length] : [])),
    );
    expect(given.length).toBeGreaterThanOrEqual(5);
    expect(Math.max(...given)).toBeLessThanOrEqual(2);
  });
});

/** Views that were larger than the bus could carry, and so were never the same everywhere (#5146 of the original). */
import { describe, expect, it } from "vitest";
import { alike, cluster, rested, vip } from "../scenario.js";

const long = "a-binding-whose-name-is-as-long-as-names-of-bindings-can-well-be-";
const entries = Array.from({ length: 5_000 }, (_, i) =>
  vip(1, { address: `10.1.${i >> 8}.${i & 255}`, names: [`${long}${i}`] }),
);

describe("thousands of addresses with long names", () => {
  it("are known to all members, and served, over the channel", () => {
    const three = alike(["a", "b", "c"], entries, { engine: "channel" });
    three.start("a", "b", "c");
    rested(three);

    expect(Object.keys(three.homes())).toHaveLength(entries.length);
  });

  it("are so too where every member configures others", () => {
    const parts = { a: entries.slice(0, 4_000), b: entries.slice(500, 4_500), c: entries.slice(1_000) };
    const three = cluster(parts, { engine: "channel" });
    three.start("a", "b", "c");
    rested(three);

    expect(Object.keys(three.homes())).toHaveLength(entries.length);
  });
});

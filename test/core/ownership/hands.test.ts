import { describe, expect, it } from "vitest";
import { define } from "../../../src/core/ownership/definitions.js";
import { Hands } from "../../../src/core/ownership/hands.js";
import { emptyRow } from "../../../src/core/ownership/table.js";
import { run } from "../../../src/core/slices.js";
import { entry } from "./clusters.js";

const LEAD = "10.0.0.1";
const FOLLOWER = "10.0.0.2";
const may = { hold: () => true, take: () => true, barred: () => false };

/** The table as node a sees it, which is to plumb an address and its follower. @param follower how b knows that one's name. */
function table(follower = "follower") {
  const own = [entry(LEAD), entry(FOLLOWER, { names: ["follower"], follows: LEAD })];
  const others = [entry(LEAD), entry(FOLLOWER, { names: [follower], follows: LEAD })];
  const definitions = define(
    new Map([
      ["a", own],
      ["b", others],
    ]),
  );
  const row = { ...emptyRow(), phase: "acquiring" as const, target: "a", epoch: 1 };
  return { self: "a", definitions, rows: new Map([[LEAD, row]]), may };
}

/** Another name for the same address: a unit has it no more. */
const BROKEN = table("of b");
const AGREED = table();

describe("an address that could not be plumbed", () => {
  it("is refused with the unit that it belongs to", () => {
    const hands = new Hands();
    expect(hands.look(AGREED, [LEAD]).acquire).toEqual([LEAD, FOLLOWER]);
    hands.failed(FOLLOWER, "no room");
    hands.acquired(LEAD);
    expect(hands.look(AGREED, [LEAD])).toMatchObject({ acquire: [], release: [LEAD] });
    hands.released(LEAD);

    expect(hands.look(AGREED, [LEAD]).refused).toEqual([{ lead: LEAD, reason: "no room" }]);
  });

  it.each(["before it fails", "after it has failed"])("is tried anew where it was broken meanwhile, %s", (when) => {
    const hands = new Hands();
    hands.look(AGREED, [LEAD]);
    hands.acquired(LEAD);
    hands.failed(FOLLOWER, "no room");
    const looked = when === "before it fails" ? [FOLLOWER] : hands.known();
    expect(run(hands.strays(BROKEN, looked))).toEqual([]);

    expect(hands.look(AGREED, [LEAD])).toMatchObject({ acquire: [FOLLOWER], refused: [] });
  });
});

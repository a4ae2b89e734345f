import { describe, expect, it } from "vitest";
import { explain, hasCode, HoldfastError } from "../src/errors.js";

describe("an error", () => {
  const refusal = Object.assign(new Error("Operation not permitted"), { code: "EPERM" });
  const failure = new HoldfastError("ERR_NETLINK", "cannot add 192.0.2.7/32 to eth0", {}, { cause: refusal });

  it("is explained with the whole chain of its causes on one line", () => {
    expect(explain(failure)).toBe("cannot add 192.0.2.7/32 to eth0: Operation not permitted");
    expect(explain(new Error("it failed", { cause: "no reason" }))).toBe("it failed: no reason");
    expect(explain({ errno: -1 })).toBe("{ errno: -1 }");
    expect(explain(undefined)).toBe("");
  });

  it("is explained even when its causes go round in a circle", () => {
    const snake = new Error("a");
    snake.cause = snake;
    expect(explain(snake)).toBe("a: a: a: a: a: a: a: a");
  });

  it("is known by its code, whichever copy of the class made it", () => {
    const stranger = Object.assign(new Error("from another copy"), { code: "ERR_NETLINK" });
    expect([failure, stranger, refusal, null].map((each) => hasCode(each, "ERR_NETLINK"))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("says whether to try again", () => {
    expect(failure.retry).toBe(true);
    expect(new HoldfastError("ERR_USAGE", "no").retry).toBe(false);
  });
});

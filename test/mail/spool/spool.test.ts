import { describe, expect, it } from "vitest";
import { bodyOf, messageTo, spoolIn, stored, temporaryDirectory, textOf, NOON } from "./fixtures.js";

describe("the spool", () => {
  it("gives a message back as it came, after it was closed and opened", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory);
    const message = messageTo(spool, ["A@B.example", "c@d.example"]);

    expect(await spool.accept(message, bodyOf("small"))).toBe("stored");
    await spool.close();
    const reopened = spoolIn(directory, { incarnation: 2 });

    expect(reopened.get(message.id)).toEqual({
      ...message,
      bodyBytes: 5,
      recipients: Array(2).fill({ state: "queued", attempts: 0, nextAttemptMs: NOON, lastError: null }),
      moving: null,
      delivering: [],
    });
    expect(await textOf(await reopened.openBody(message.id))).toBe("small");
    expect(reopened.due("out-1", NOON, 10)).toEqual([
      { id: message.id, binding: "out-1", domains: ["b.example", "d.example"], nextAttemptMs: NOON },
    ]);
  });
});

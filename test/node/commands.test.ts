import { describe, expect, it } from "vitest";
import { Commands } from "../../src/node/commands.js";

describe("a command that the cluster answers", () => {
  it("resolves with what was moved", async () => {
    const commands = new Commands();
    const moved = [{ address: "10.1.1.1", from: "n1", to: "n2" }];
    const answer = commands.run("move", (id) => commands.reply(id, { ok: true, moved, tookMs: 12 }));
    await expect(answer).resolves.toEqual({ moved, elapsedMs: 12 });
  });

  it("rejects with ERR_MOVE_REFUSED when it may succeed later, and with ERR_COMMAND when it may not", async () => {
    const commands = new Commands();
    const refuse = (retry: boolean) =>
      commands.run("move", (id) => commands.reply(id, { ok: false, reason: "n9 is no member", retry }));
    await expect(refuse(true)).rejects.toMatchObject({
      code: "ERR_MOVE_REFUSED",
      message: "cannot move: n9 is no member",
    });
    await expect(refuse(false)).rejects.toMatchObject({ code: "ERR_COMMAND" });
  });

  it("is told apart from others by its id, whatever order answers come in", async () => {
    const commands = new Commands();
    const ids: number[] = [];
    const answers = ["a", "b"].map((to) => ({ to, result: commands.run("move", (id) => ids.push(id)) }));
    for (const [i, { to }] of [...answers.entries()].toReversed()) {
      commands.reply(ids[i] ?? 0, { ok: true, moved: [{ address: "10.1.1.1", from: null, to }], tookMs: i });
    }
    for (const { to, result } of answers) expect((await result).moved[0]?.to).toBe(to);
  });
});

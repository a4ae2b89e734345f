import { describe, expect, it } from "vitest";
import { Commands } from "../../src/node/commands.js";

const MOVE = { kind: "move", address: "10.1.1.1", to: "n2", forMs: 0, anyway: false } as const;

describe("a command that the cluster answers", () => {
  it("resolves with what was moved", async () => {
    const commands: Commands = new Commands(({ id }) => commands.reply(id, done));
    const moved = [{ address: "10.1.1.1", from: "n1", to: "n2" }];
    const done = { ok: true, moved, tookMs: 12, changed: true } as const;
    await expect(commands.run(MOVE)).resolves.toEqual(done);
  });

  it("rejects with ERR_MOVE_REFUSED when it may succeed later, and with ERR_COMMAND when it may not", async () => {
    const refuse = (retry: boolean, unsafe = false) => {
      const commands: Commands = new Commands(({ id }) =>
        commands.reply(id, { ok: false, reason: "n9 is no member", retry, unsafe }),
      );
      return commands.run(MOVE);
    };
    await expect(refuse(true)).rejects.toMatchObject({
      code: "ERR_MOVE_REFUSED",
      message: "cannot move: n9 is no member",
    });
    await expect(refuse(false)).rejects.toMatchObject({ code: "ERR_COMMAND" });
    await expect(refuse(false, true)).rejects.toMatchObject({ code: "ERR_MOVE_UNSAFE" });
  });

  it("is told apart from others by its id, whatever order answers come in", async () => {
    const ids: number[] = [];
    const commands = new Commands(({ id }) => ids.push(id));
    const answers = ["a", "b"].map((to) => ({ to, result: commands.run(MOVE) }));
    for (const [i, { to }] of [...answers.entries()].toReversed()) {
      commands.reply(ids[i] ?? 0, {
        ok: true,
        moved: [{ address: "10.1.1.1", from: null, to }],
        tookMs: i,
        changed: true,
      });
    }
    for (const { to, result } of answers) expect((await result).moved[0]?.to).toBe(to);
  });
});

import { describe, expect, it } from "vitest";
import { Turns } from "../../src/mail/turns.js";

describe("turns", () => {
  it("are taken at once, and at no cost, where nothing is under way", () => {
    const turns = new Turns();
    const done: string[] = [];
    const step = (name: string) => () => void done.push(name);
    expect(turns.take("a", step("one"))).toBe(undefined);
    expect(turns.take("a", step("two"))).toBe(undefined);
    expect(done).toEqual(["one", "two"]);
  });

  it("wait for what is under way about the same thing, and for nothing else", async () => {
    const turns = new Turns();
    const done: string[] = [];
    let end = () => {};
    const long = turns.take("a", () => new Promise<void>((resolve) => (end = resolve)));
    const next = turns.take("a", () => void done.push("a"));
    expect(turns.take("b", () => void done.push("b"))).toBe(undefined);
    expect(done).toEqual(["b"]);
    end();
    await Promise.all([long, next]);
    expect(done).toEqual(["b", "a"]);
    expect(turns.take("a", () => undefined)).toBe(undefined);
  });

  it("go on after one that failed, which whoever took it is told", async () => {
    const turns = new Turns();
    const failed = turns.take("a", () => Promise.reject(new Error("no")));
    const next = turns.take("a", () => Promise.resolve());
    await expect(failed).rejects.toThrow("no");
    await expect(next).resolves.toBe(undefined);
    expect(() =>
      turns.take("b", () => {
        throw new Error("at once");
      }),
    ).toThrow("at once");
  });
});

import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkSpool, type SpoolProblem } from "../../../src/mail/spool/check.js";
import { seal } from "../../../src/mail/spool/codec.js";
import { openStore, type Store } from "../../../src/mail/spool/store.js";
import { bodyOf, messageTo, NOON, spoolIn, stored, temporaryDirectory } from "./fixtures.js";

/** Three messages in a closed spool, the second with a body file, and whatever `damage` does to them. */
async function damaged(damage: (store: Store, ids: readonly string[], directory: string) => void) {
  const directory = temporaryDirectory();
  const spool = spoolIn(directory);
  const messages = [
    await stored(spool),
    await stored(spool, ["c@d.example"], {}, "x".repeat(5000)),
    await stored(spool),
  ];
  const ids = messages.map((message) => message.id);
  await spool.close();
  const store = openStore(directory);
  await store.commit(() => damage(store, ids, directory));
  await store.close();
  return { directory, ids, messages };
}

async function problems(directory: string): Promise<readonly SpoolProblem[]> {
  const found: SpoolProblem[] = [];
  for await (const problem of checkSpool(directory)) found.push(problem);
  return found;
}

function bodyFile(directory: string, id: string): string {
  const shelf = join(directory, "bodies", id.slice(17, 19));
  return join(shelf, readdirSync(shelf).find((name) => name.startsWith(id)) ?? "missing");
}

describe("a damaged spool", () => {
  it("opens and serves the messages that are sound", async () => {
    const { directory, ids, messages } = await damaged((store, [first = ""]) => {
      const bytes = store.messages.getBinary(first) ?? Buffer.alloc(0);
      bytes[40] = (bytes[40] ?? 0) ^ 1;
      void store.messages.put(first, bytes);
    });
    const spool = spoolIn(directory, { incarnation: 2 });

    expect(spool.get(ids[0] ?? "")).toBeNull();
    expect(spool.get(ids[2] ?? "")).toMatchObject(messages[2] ?? {});
    expect(spool.due("out-1", NOON, 1).map((due) => due.id)).toEqual([ids[1]]);
    expect(spool.counters).toMatchObject({ damaged: 1 });
    expect(await spool.beginMove(ids, "mail2", 1)).toEqual([ids[1], ids[2]]);
    await expect(spool.accept(messages[0] ?? messageTo(spool, []), bodyOf("again"))).rejects.toMatchObject({
      code: "ERR_SPOOL",
    });
  });

  it.each([
    ["no checksum", Buffer.from("abc")],
    ["text that is not JSON", Buffer.from("{")],
    ["another shape", seal({ message: { id: 7 }, body: null, rows: [{ domain: 7 }], binding: 7 })],
    ["no shape at all", seal(null)],
  ])("counts values with %s and goes on", async (_, bytes) => {
    const { directory, ids } = await damaged((store, [first = ""]) => {
      void store.messages.put(first, bytes);
      void store.due.put(["out-1", NOON, first], bytes);
      void store.doubt.put(first, bytes);
      void store.gone.put("gone", bytes);
      void store.facts.put("incarnation", bytes);
    });
    const spool = spoolIn(directory, { incarnation: 2 });

    expect(spool.due("out-1", NOON, 10).map((due) => due.id)).toEqual([ids[1], ids[2]]);
    expect(spool.inDoubt()).toEqual({ moving: [], delivering: [] });
    expect(spool.fate("gone")).toBe("done");
    expect(spool.counters).toMatchObject({ damaged: 3 });
  });

  it("keeps the body file of a record that it cannot read", async () => {
    const { directory, ids } = await damaged((store, [, second = ""]) => {
      void store.messages.put(second, Buffer.from("junk"));
    });
    spoolIn(directory, { incarnation: 2 });

    expect(bodyFile(directory, ids[1] ?? "")).not.toMatch(/missing$/);
  });

  it("never passes a damaged body off as a whole one", async () => {
    const { directory, ids } = await damaged((store, [first = "", second = ""], at) => {
      void store.bodies.put(first, Buffer.from("Subject: hellO\r\n\r\nhello\r\n"));
      writeFileSync(bodyFile(at, second), `${"x".repeat(4999)}y`);
    });
    const spool = spoolIn(directory, { incarnation: 2 });

    await expect(spool.openBody(ids[0] ?? "")).rejects.toMatchObject({ code: "ERR_SPOOL" });
    let given = 0;
    const reading = (async () => {
      for await (const chunk of await spool.openBody(ids[1] ?? "")) given += chunk.length;
    })();
    await expect(reading).rejects.toMatchObject({ code: "ERR_SPOOL" });
    expect(given).toBeLessThan(5000);
  });

  it("rejects a body file of another length, or none, before the first byte", async () => {
    const { directory, ids } = await damaged((_, [, second = ""], at) => appendFileSync(bodyFile(at, second), "more"));
    const spool = spoolIn(directory, { incarnation: 2 });

    await expect(spool.openBody(ids[1] ?? "")).rejects.toMatchObject({ code: "ERR_SPOOL" });
    rmSync(bodyFile(directory, ids[1] ?? ""));
    await expect(spool.openBody(ids[1] ?? "")).rejects.toMatchObject({ code: "ERR_SPOOL" });
  });
});

describe("the check of a spool", () => {
  it("finds nothing in a sound one, in use or not", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory);
    const [moving, delivering, gone] = [
      await stored(spool),
      await stored(spool, ["a@b.example", "c@d.example"]),
      await stored(spool),
    ];
    await spool.beginMove([moving.id, gone.id], "mail2", 7);
    await spool.finishMove([gone.id], "mail2");
    await spool.beginDelivery(delivering.id, [1]);

    expect(await problems(directory)).toEqual([]);
    await spool.close();
    expect(await problems(directory)).toEqual([]);
  });

  it("names each message that is damaged or does not fit, and why", async () => {
    const { directory, ids } = await damaged((store, [first = "", second = "", third = ""], at) => {
      void store.messages.put(first, Buffer.from("junk"));
      rmSync(bodyFile(at, second));
      void store.due.remove(["out-1", NOON, third]);
      void store.doubt.put(third, Buffer.from("junk"));
      void store.goneByTime.put([NOON, third], Buffer.alloc(0));
    });

    expect(await problems(directory)).toEqual([
      { id: ids[0], reason: "the record is damaged" },
      { id: ids[1], reason: expect.stringContaining("cannot read") },
      { id: ids[2], reason: "it is not in the queue of its binding" },
      { id: ids[0], reason: "the queue of out-1 has an entry that is not this message's" },
      { id: ids[2], reason: "it is among those being delivered or moved, and is not" },
      { id: ids[2], reason: "its tombstone is missing" },
      { id: ids[2], reason: "it is here, and has a tombstone" },
      { id: ids[0], reason: "the queue of out-1 by domain has an entry that is not this message's" },
    ]);
  });

  it("refuses a directory without a spool, and makes none", async () => {
    const directory = temporaryDirectory();

    await expect(problems(directory)).rejects.toMatchObject({ code: "ERR_SPOOL" });
    expect(readdirSync(directory)).toEqual([]);
  });
});

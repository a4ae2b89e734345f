import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RecipientState } from "../../../src/mail/spool/types.js";
import { bodyOf, messageTo, NOON, spoolIn, stored, temporaryDirectory, textOf } from "./fixtures.js";

const MINUTE = 60_000;
const DELIVERED: RecipientState = { state: "done", outcome: "delivered", detail: "250 2.0.0 ok" };

const QUEUED: RecipientState = { state: "queued", attempts: 0, nextAttemptMs: NOON, lastError: null };

function retryAt(nextAttemptMs: number): RecipientState {
  return { state: "queued", attempts: 1, nextAttemptMs, lastError: "451 4.7.1 later" };
}

function bodyFiles(directory: string): string[] {
  const bodies = join(directory, "bodies");
  const shelves = readdirSync(bodies).filter((name) => name !== "README");
  return shelves.flatMap((shelf) => readdirSync(join(bodies, shelf)).map((name) => `${shelf}/${name}`));
}

describe("the spool", () => {
  describe("a message", () => {
    it("is as it came after the spool was closed and opened", async () => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const message = messageTo(spool, ["A@B.example", "c@d.example"]);

      expect(await spool.accept(message, bodyOf("small"))).toBe("stored");
      await spool.close();
      const reopened = spoolIn(directory, { incarnation: 2 });

      expect(reopened.get(message.id)).toEqual({
        ...message,
        bodyBytes: 5,
        recipients: [QUEUED, QUEUED],
        moving: null,
        delivering: [],
      });
      expect(await textOf(await reopened.openBody(message.id))).toBe("small");
      expect(reopened.counts(NOON)).toEqual([
        { binding: "out-1", domain: "b.example", active: 1, delayed: 0 },
        { binding: "out-1", domain: "d.example", active: 1, delayed: 0 },
      ]);
    });

    it.each([0, 1, 1023, 1024, 1025, 300_000])("keeps a body of %d bytes", async (size) => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const text = "0123456789".repeat(size / 10 + 1).slice(0, size);

      const { id } = await stored(spool, ["a@b.example"], {}, text);

      expect(await textOf(await spool.openBody(id))).toBe(text);
      expect(bodyFiles(directory)).toHaveLength(size > 1024 ? 1 : 0);
    });

    it("keeps addresses that are not well-formed text", async () => {
      const spool = spoolIn(temporaryDirectory());
      const address = 'a\ud800"\u00e9@b.example';

      const { id } = await stored(spool, [address]);

      expect(spool.get(id)?.envelope.recipients[0]?.address).toBe(address);
    });

    it("starts with the states it moved in with", async () => {
      const spool = spoolIn(temporaryDirectory());
      const recipients = [retryAt(NOON + MINUTE), DELIVERED];

      const { id } = await stored(spool, ["a@b.example", "c@d.example"], { recipients });

      expect(spool.get(id)?.recipients).toEqual(recipients);
      expect(spool.nextDomain("out-1")).toBe(NOON + MINUTE);
    });

    it.each([
      ["an id that is a path", { id: "../../../../etc/passwd" }],
      ["a binding with a control character", { binding: "out\u0000" }],
      ["a binding that is no key", { binding: "x".repeat(256) }],
      ["states that do not match its recipients", { recipients: [] }],
      ["nothing left to do", { recipients: [DELIVERED] }],
      ["a time that is not one", { recipients: [retryAt(Number.NaN)] }],
    ])("is refused with %s", async (_, change) => {
      const spool = spoolIn(temporaryDirectory());

      const accepting = spool.accept(messageTo(spool, ["a@b.example"], change), bodyOf("x"));

      await expect(accepting).rejects.toMatchObject({ code: "ERR_MESSAGE_MALFORMED" });
      expect(spool.bindings()).toEqual([]);
    });

    it("leaves nothing when its body breaks off", async () => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const message = messageTo(spool, ["a@b.example"]);
      async function* broken() {
        yield Buffer.alloc(5000);
        throw new Error("connection reset");
      }

      await expect(spool.accept(message, broken())).rejects.toThrow("connection reset");

      expect(spool.fate(message.id)).toBe("unknown");
      expect(bodyFiles(directory)).toEqual([]);
    });

    it("leaves nothing when it is aborted while the client says nothing", async () => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const message = messageTo(spool, ["a@b.example"]);
      const abort = new AbortController();
      async function* stalled() {
        yield Buffer.alloc(5000);
        abort.abort(new Error("timed out"));
        await new Promise(() => {});
      }

      await expect(spool.accept(message, stalled(), abort.signal)).rejects.toThrow("timed out");

      expect(spool.fate(message.id)).toBe("unknown");
      expect(bodyFiles(directory)).toEqual([]);
    });
  });

  describe("a queue", () => {
    it("gives what is due, oldest attempt first, no more than asked for, and of its binding only", async () => {
      const spool = spoolIn(temporaryDirectory());
      const at = async (binding: string, minutes: number) =>
        stored(spool, ["a@b.example"], { binding, recipients: [retryAt(NOON + minutes * MINUTE)] });
      const second = await at("out-1", 2);
      const first = await at("out-1", 1);
      const later = await at("out-1", 3);
      await at("out-10", 0);
      await at("out", 0);

      expect(spool.due("out-1", NOON, 10)).toEqual([]);
      expect(spool.due("out-1", NOON + 2 * MINUTE, 10).map((due) => due.id)).toEqual([first.id, second.id]);
      expect(spool.due("out-1", Infinity, 2).map((due) => due.id)).toEqual([first.id, second.id]);
      expect(spool.due("out-1", Infinity, 10).map((due) => due.id)).toEqual([first.id, second.id, later.id]);
      expect(spool.due("out-1", NOON + MINUTE, 10)).toEqual([
        { id: first.id, binding: "out-1", domains: ["b.example"], nextAttemptMs: NOON + MINUTE },
      ]);
      expect(spool.nextDomain("out-1")).toBe(NOON + MINUTE);
      expect([...spool.bindings()].sort()).toEqual(["out", "out-1", "out-10"]);
    });

    it("names only the domains that are due", async () => {
      const spool = spoolIn(temporaryDirectory());
      await stored(spool, ["a@now.example", "b@LATER.example"], {
        recipients: [retryAt(NOON), retryAt(NOON + MINUTE)],
      });

      expect(spool.due("out-1", NOON, 1)[0]?.domains).toEqual(["now.example"]);
      expect(spool.due("out-1", NOON + MINUTE, 1)[0]?.domains).toEqual(["now.example", "later.example"]);
    });

    it("counts recipients as active once their second has come", async () => {
      const spool = spoolIn(temporaryDirectory());
      await stored(spool, ["a@b.example", "c@b.example"], {
        recipients: [retryAt(NOON + 700), retryAt(NOON + MINUTE + 300)],
      });
      const row = { binding: "out-1", domain: "b.example" };

      expect(spool.counts(NOON)).toEqual([{ ...row, active: 1, delayed: 1 }]);
      expect(spool.counts(NOON + MINUTE - 1)).toEqual([{ ...row, active: 1, delayed: 1 }]);
      expect(spool.counts(NOON + MINUTE)).toEqual([{ ...row, active: 2, delayed: 0 }]);
    });

    it("gives a message to the binding it is rebound to", async () => {
      const spool = spoolIn(temporaryDirectory());
      const { id } = await stored(spool);

      await spool.rebind(id, "out-2");

      expect(spool.bindings()).toEqual(["out-2"]);
      expect(spool.due("out-1", NOON, 1)).toEqual([]);
      expect(spool.due("out-2", NOON, 1)[0]?.id).toBe(id);
    });
  });

  describe("a delivery", () => {
    it("is not begun twice for one recipient, and is not offered again meanwhile", async () => {
      const spool = spoolIn(temporaryDirectory());
      const { id } = await stored(spool, ["a@b.example", "c@d.example"]);

      expect(await spool.beginDelivery(id, [0])).toBe(true);
      expect(await spool.beginDelivery(id, [0, 1])).toBe(false);

      expect(spool.due("out-1", NOON, 10)[0]?.domains).toEqual(["d.example"]);
      expect(await spool.beginDelivery(id, [1])).toBe(true);
      expect(spool.due("out-1", NOON, 10)).toEqual([]);
      for (const domain of ["b.example", "d.example"]) expect(spool.dueIn("out-1", domain, Infinity, 1)).toEqual([]);
      expect(spool.bindings()).toEqual(["out-1"]);
    });

    it("settles its own recipients and leaves the others as they are", async () => {
      const spool = spoolIn(temporaryDirectory());
      const { id } = await stored(spool, ["a@b.example", "c@d.example"]);
      await spool.beginDelivery(id, [0]);
      await spool.beginDelivery(id, [1]);

      await spool.settle(id, new Map([[0, retryAt(NOON + MINUTE)]]));

      expect(spool.get(id)).toMatchObject({ delivering: [1], recipients: [retryAt(NOON + MINUTE), { attempts: 0 }] });
      for (const domain of spool.takeDomains("out-1", NOON, 2)) spool.leaveDomain("out-1", domain, NOON);
      expect(spool.nextDomain("out-1")).toBe(NOON + MINUTE);
    });

    it("ends the message with its last recipient, and its body file goes", async () => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const { id } = await stored(spool, ["a@b.example", "c@d.example"], {}, "x".repeat(5000));

      await spool.settle(id, new Map([[0, DELIVERED]]));
      expect(spool.fate(id)).toBe("queued");
      await spool.settle(id, new Map([[1, DELIVERED]]));

      expect(spool.fate(id)).toBe("done");
      expect(spool.get(id)).toBeNull();
      expect(spool.bindings()).toEqual([]);
      await expect.poll(() => bodyFiles(directory)).toEqual([]);
      await expect(spool.openBody(id)).rejects.toMatchObject({ code: "ERR_SPOOL" });
    });

    it("does not undo what is done", async () => {
      const spool = spoolIn(temporaryDirectory());
      const { id } = await stored(spool, ["a@b.example", "c@d.example"]);
      await spool.settle(id, new Map([[0, DELIVERED]]));

      await spool.settle(id, new Map([[0, retryAt(NOON)]]));

      expect(spool.get(id)?.recipients[0]).toEqual(DELIVERED);
    });
  });

  describe("a move", () => {
    it("takes the message out of the queue, and back when it is cancelled", async () => {
      const spool = spoolIn(temporaryDirectory());
      const { id } = await stored(spool);

      expect(await spool.beginMove([id, spool.newId()], "mail2", 7)).toEqual([id]);
      expect(spool.get(id)?.moving).toEqual({ node: "mail2", epoch: 7 });
      expect(spool.due("out-1", Infinity, 10)).toEqual([]);
      expect(spool.counts(NOON)).toMatchObject([{ active: 1 }]);
      expect(await spool.beginDelivery(id, [0])).toBe(false);

      await spool.cancelMove([id]);
      expect(spool.due("out-1", NOON, 10)[0]?.id).toBe(id);
    });

    it("ends the message when its peer has it, and only that peer", async () => {
      const spool = spoolIn(temporaryDirectory());
      const { id } = await stored(spool);
      await spool.beginMove([id], "mail2", 7);

      await spool.finishMove([id], "mail3");
      expect(spool.fate(id)).toBe("queued");
      await spool.finishMove([id], "mail2");
      expect(spool.fate(id)).toBe("moved");
      await spool.finishMove([id], "mail2");
      await spool.cancelMove([id]);
      expect(spool.fate(id)).toBe("moved");
    });

    it("leaves out what is being delivered, and what is in doubt at another node", async () => {
      const spool = spoolIn(temporaryDirectory());
      const delivered = await stored(spool);
      const offered = await stored(spool);
      const free = await stored(spool);
      await spool.beginDelivery(delivered.id, [0]);
      await spool.beginMove([offered.id], "mail3", 6);

      const begun = await spool.beginMove([delivered.id, offered.id, free.id], "mail2", 7);

      expect(begun).toEqual([free.id]);
    });

    it("takes a whole queue in slices", async () => {
      const spool = spoolIn(temporaryDirectory());
      const crowd = Array.from({ length: 150 }, (_, n) => `a${n}@b.example`);
      const messages = await Promise.all(
        Array.from({ length: 250 }, (_, n) => stored(spool, n % 50 === 0 ? crowd : ["a@b.example"])),
      );
      const ids = messages.map((message) => message.id);

      expect(await spool.beginMove(ids, "mail2", 7)).toEqual(ids);
      await spool.finishMove(ids, "mail2");

      expect(spool.bindings()).toEqual([]);
      expect(spool.counters).toMatchObject({ accepted: 250, movedOut: 250 });
    });
  });

  describe("a copy that comes again", () => {
    it("is known while the message is queued, and once it is delivered", async () => {
      const spool = spoolIn(temporaryDirectory());
      const message = await stored(spool);

      expect(await spool.accept(message, bodyOf("again"))).toBe("known");
      await spool.settle(message.id, new Map([[0, DELIVERED]]));
      expect(await spool.accept({ ...message, context: { ...message.context, hops: 9 } }, bodyOf("again"))).toBe(
        "known",
      );
      expect(spool.bindings()).toEqual([]);
    });

    it("is stored once when it comes twice at the same time", async () => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const message = messageTo(spool, ["a@b.example"]);
      const text = "x".repeat(5000);

      const answers = await Promise.all([1, 2, 3].map(() => spool.accept(message, bodyOf(text))));

      expect(answers.sort()).toEqual(["known", "known", "stored"]);
      expect(bodyFiles(directory)).toHaveLength(1);
      expect(await textOf(await spool.openBody(message.id))).toBe(text);
    });

    it("is read to its end, so that the client can be answered", async () => {
      const spool = spoolIn(temporaryDirectory());
      const message = await stored(spool);
      let ended = false;
      async function* watched() {
        yield* bodyOf("again");
        ended = true;
      }

      await spool.accept(message, watched());

      expect(ended).toBe(true);
    });

    it("is known once it was moved on, and stored when it comes back with more hops", async () => {
      const spool = spoolIn(temporaryDirectory());
      const message = await stored(spool, ["a@b.example"], {}, "body");
      const back = { ...message, context: { ...message.context, hops: 2 } };
      await spool.beginMove([message.id], "mail2", 7);
      await spool.finishMove([message.id], "mail2");

      expect(await spool.accept(message, bodyOf("body"))).toBe("known");
      expect(spool.fate(message.id, 2)).toBe("unknown");
      expect(await spool.accept(back, bodyOf("body"))).toBe("stored");

      expect(spool.fate(message.id, 2)).toBe("queued");
      expect(await spool.sweep(Infinity)).toBe(0);
      expect(await textOf(await spool.openBody(message.id))).toBe("body");
    });

    it("ends the doubt of a move when it comes back before the peer's answer was recorded", async () => {
      const directory = temporaryDirectory();
      const spool = spoolIn(directory);
      const text = "x".repeat(5000);
      const message = await stored(spool, ["a@b.example"], {}, text);
      await spool.beginMove([message.id], "mail2", 7);

      const back = { ...message, binding: "out-2", context: { ...message.context, hops: 2 } };
      expect(await spool.accept(back, bodyOf(text))).toBe("stored");
      await spool.finishMove([message.id], "mail2");

      expect(spool.get(message.id)).toMatchObject({ binding: "out-2", moving: null });
      expect(spool.bindings()).toEqual(["out-2"]);
      expect(await textOf(await spool.openBody(message.id))).toBe(text);
      await expect.poll(() => bodyFiles(directory)).toHaveLength(1);
    });
  });

  it("tells after a crash which moves and deliveries are in doubt, until they are settled", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory);
    const moving = await stored(spool);
    const delivering = await stored(spool);
    await spool.beginMove([moving.id], "mail2", 7);
    await spool.beginDelivery(delivering.id, [0]);
    expect(spool.inDoubt()).toEqual({ moving: [], delivering: [] });
    await spool.close();

    const reopened = spoolIn(directory, { incarnation: 2 });
    expect(reopened.inDoubt().moving.map((message) => message.id)).toEqual([moving.id]);
    expect(reopened.inDoubt().delivering.map((message) => message.id)).toEqual([delivering.id]);
    await reopened.finishMove([moving.id], "mail2");
    await reopened.settle(delivering.id, new Map());

    expect(reopened.inDoubt()).toEqual({ moving: [], delivering: [] });
    expect(reopened.due("out-1", NOON, 10).map((due) => due.id)).toEqual([delivering.id]);
  });

  it("drops tombstones by age, a thousand at most at once", async () => {
    const directory = temporaryDirectory();
    let clock = NOON;
    const spool = spoolIn(directory, { now: () => clock });
    const finish = async (count: number) => {
      const messages = await Promise.all(Array.from({ length: count }, () => stored(spool)));
      const ids = messages.map((message) => message.id);
      await spool.beginMove(ids, "mail2", 1);
      await spool.finishMove(ids, "mail2");
      return ids;
    };
    const old = await finish(1001);
    clock += MINUTE;
    const young = await finish(1);

    expect(await spool.sweep(NOON + 1)).toBe(1000);
    expect(await spool.sweep(NOON + 1)).toBe(1);
    expect(await spool.sweep(NOON + 1)).toBe(0);

    expect(spool.fate(old[0] ?? "")).toBe("unknown");
    expect(spool.fate(young[0] ?? "")).toBe("moved");
  });

  it("makes ids that sort, and never the same in a later run, even if its clock went back", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory, { incarnation: 1_700_000_000_000 });
    const early = [spool.newId(), spool.newId(), (await stored(spool)).id];
    await spool.close();
    const reopened = spoolIn(directory, { incarnation: 3 });
    const ids = [...early, reopened.newId(), reopened.newId()];

    expect([...new Set(ids)].sort()).toEqual(ids);
    for (const id of ids) expect(id).toMatch(/^[0-9a-v]{22}$/);
  });

  it("removes body files that a crash left without a record", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory);
    const { id } = await stored(spool, ["a@b.example"], {}, "x".repeat(5000));
    const [kept] = bodyFiles(directory);
    await spool.close();
    writeFileSync(join(directory, "bodies", id.slice(17, 19), `${id}-9`), "half a bo");
    writeFileSync(join(directory, "bodies", "README"), "not ours");

    const reopened = spoolIn(directory, { incarnation: 2 });

    expect(bodyFiles(directory)).toEqual([kept]);
    expect(reopened.counters).toMatchObject({ orphans: 1 });
  });

  it("can be read by nobody else", async () => {
    const directory = temporaryDirectory();
    chmodSync(directory, 0o755);
    const spool = spoolIn(directory);
    await stored(spool, ["a@b.example"], {}, "x".repeat(5000));

    const names = readdirSync(directory, { recursive: true, withFileTypes: true });
    for (const entry of names.filter((one) => one.isFile())) {
      expect(statSync(join(entry.parentPath, entry.name)).mode & 0o077, entry.name).toBe(0);
    }
  });

  it("is not opened by two at once, and names who has it", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory);

    expect(() => spoolIn(directory)).toThrow(
      expect.objectContaining({ code: "ERR_SPOOL", facts: { directory, pid: process.pid } }),
    );
    await spool.close();
    expect(spoolIn(directory, { incarnation: 2 }).bindings()).toEqual([]);
  });

  it("refuses every call once it is closed", async () => {
    const spool = spoolIn(temporaryDirectory());
    const message = await stored(spool);
    await spool.close();
    const closed = { code: "ERR_SPOOL", message: "the spool is closed" };

    await expect(spool.accept(messageTo(spool, ["a@b.example"]), bodyOf("x"))).rejects.toMatchObject(closed);
    await expect(spool.settle(message.id, new Map())).rejects.toMatchObject(closed);
    expect(() => spool.get(message.id)).toThrow("the spool is closed");
    expect(() => spool.due("out-1", NOON, 1)).toThrow("the spool is closed");
  });
});

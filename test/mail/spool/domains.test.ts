import { describe, expect, it } from "vitest";
import { domainKeys } from "../../../src/mail/spool/domain-index.js";
import { checkSpool } from "../../../src/mail/spool/check.js";
import { DomainTimes } from "../../../src/mail/spool/domain-times.js";
import { openStore, type Store } from "../../../src/mail/spool/store.js";
import type { RecipientState } from "../../../src/mail/spool/types.js";
import { NOON, spoolIn, stored, temporaryDirectory } from "./fixtures.js";

const MINUTE = 60_000;
const DONE: RecipientState = { state: "done", outcome: "delivered", detail: "250" };

async function change(directory: string, write: (store: Store) => void): Promise<void> {
  const store = openStore(directory);
  await store.commit(() => write(store));
  await store.close();
}

async function problems(directory: string): Promise<string[]> {
  const reasons: string[] = [];
  for await (const { reason } of checkSpool(directory)) reasons.push(reason);
  return reasons;
}

function retryAt(nextAttemptMs: number): RecipientState {
  return { state: "queued", attempts: 1, nextAttemptMs, lastError: null };
}

describe("the queue of a domain", () => {
  it("is found behind any number of messages for another", async () => {
    const spool = spoolIn(temporaryDirectory());
    await Promise.all(Array.from({ length: 3_000 }, () => stored(spool, ["a@full.example"])));
    const { id } = await stored(spool, ["a@b.example"]);

    expect(spool.dueIn("out-1", "b.example", NOON, 1)).toEqual([id]);
    expect(spool.dueIn("out-1", "full.example", NOON, 5)).toHaveLength(5);
    expect(spool.dueIn("out-2", "full.example", NOON, 5)).toEqual([]);
  });

  it("has a key of its own for names that no key can carry, as an earlier version may have taken them", () => {
    const names = [
      "",
      "x".repeat(5_000),
      `${"x".repeat(5_000)}y`,
      "nul\u0000.example",
      "\ud800.example",
      "\ud801.example",
    ];
    const keys = names.map((name) => {
      const rows = [{ domain: name, recipients: 1, atMs: NOON }];
      const key = domainKeys({ binding: "out-1", rows }, "0000000001000000001qoq")
        .map(([, text]) => text)
        .join();
      expect(key.length, JSON.stringify(name.slice(0, 20))).toBeLessThan(512);
      return key;
    });
    expect(new Set(keys).size).toBe(names.length);
  });

  it("gives a domain once, and again when it has mail that is due", async () => {
    const spool = spoolIn(temporaryDirectory());
    const { id } = await stored(spool, ["a@b.example"]);
    await stored(spool, ["a@later.example"], { recipients: [retryAt(NOON + MINUTE)] });

    expect(spool.takeDomains("out-1", NOON, 10)).toEqual(["b.example"]);
    expect(spool.takeDomains("out-1", NOON, 10)).toEqual([]);
    expect(spool.nextDomain("out-1")).toBe(NOON + MINUTE);
    await spool.beginDelivery(id, [0]);
    await spool.settle(id, new Map([[0, retryAt(NOON + 1)]]));
    expect(spool.takeDomains("out-1", NOON, 10)).toEqual([]);
    expect(spool.takeDomains("out-1", NOON + MINUTE, 10)).toEqual(["b.example", "later.example"]);
    spool.leaveDomain("out-1", "later.example", NOON);
    expect(spool.takeDomains("out-1", NOON + MINUTE, 10)).toEqual(["later.example"]);
    await spool.settle(id, new Map([[0, DONE]]));
    spool.leaveDomain("out-1", "b.example", 0);
    expect(spool.nextDomain("out-1")).toBeNull();
  });

  it("is made again when a version that does not keep it wrote last", async () => {
    const directory = temporaryDirectory();
    const first = spoolIn(directory);
    const { id } = await stored(first, ["a@b.example", "c@d.example"]);
    await first.close();
    await change(directory, (store) => {
      store.domains?.clearSync();
      void store.domains?.put(["out-1", "stray.example", NOON, id], Buffer.alloc(0));
      void store.facts.remove("domains");
    });
    expect(await problems(directory), "an old spool is a sound one").toEqual([]);

    const spool = spoolIn(directory, { incarnation: 2 });
    expect(spool.dueIn("out-1", "b.example", NOON, 2)).toEqual([id]);
    expect(spool.dueIn("out-1", "d.example", NOON, 2)).toEqual([id]);
    expect(spool.dueIn("out-1", "stray.example", NOON, 2)).toEqual([]);
    expect(new Set(spool.takeDomains("out-1", NOON, 3))).toEqual(new Set(["b.example", "d.example"]));
    await spool.close();
    expect(await problems(directory)).toEqual([]);
  });

  it("is part of the check of a spool", async () => {
    const directory = temporaryDirectory();
    const spool = spoolIn(directory);
    const { id } = await stored(spool, ["a@b.example"]);
    await spool.close();
    await change(directory, (store) => {
      void store.domains?.remove(["out-1", "b.example", NOON, id]);
      void store.domains?.put(["out-1", "c.example", NOON, id], Buffer.alloc(0));
    });

    expect(await problems(directory)).toEqual([
      "it is not in the queue of each of its domains",
      "the queue of out-1 by domain has an entry that is not this message's",
    ]);
  });
});

describe("the times of domains", () => {
  it("come in their order, one entry a domain, whatever the order in which they were noted", () => {
    const times = new DomainTimes();
    const count = 1_000;
    for (let n = 0; n < 3 * count; n++) times.note("b", `d${(n * 7) % count}`, ((n * 7_919) % 1_009) + 1);
    const first = new Map<string, number>();
    for (let n = 0; n < 3 * count; n++) {
      const domain = `d${(n * 7) % count}`;
      first.set(domain, Math.min(first.get(domain) ?? Infinity, ((n * 7_919) % 1_009) + 1));
    }
    let seen = 0;
    for (let at = 1; at <= 1_009; at++) {
      const due = [...first].filter(([, atMs]) => atMs === at).map(([domain]) => domain);
      expect(times.take("b", at, count).sort()).toEqual(due.sort());
      seen += due.length;
    }
    expect(seen).toBe(count);
    expect(times.next("b")).toBeNull();
  });
});

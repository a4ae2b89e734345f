/** Which deliveries start, in which order and how many at a time: a real spool, and a courier that is told when to end. */
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect } from "vitest";
import type { Binding } from "../../src/config/types.js";
import { Activity } from "../../src/mail/activity.js";
import type { Desk } from "../../src/mail/desk.js";
import { Places } from "../../src/mail/places.js";
import { Scheduler } from "../../src/mail/scheduler.js";
import { openSpool } from "../../src/mail/spool/spool.js";
import { binding, cleanup, config, type ConfigParts, scene, text, until } from "./fixtures.js";

interface Delivery {
  readonly id: string;
  readonly binding: string;
  readonly domain: string;
  readonly end: () => Promise<void>;
}

function world(parts: ConfigParts, suspended: ReadonlySet<string> = new Set()) {
  const setup = config({ ...parts, bindings: parts.bindings ?? [binding("out")] });
  const spool = openSpool({ directory: setup.mail.spoolBase, incarnation: 1, nodename: "n1" });
  cleanup(() => spool.close());
  const places = new Places(setup);
  const running = new Set<Delivery>();
  const started: Delivery[] = [];
  const counted = { reads: 0, entries: 0 };
  const desk: Desk = {
    config: setup,
    spool: new Proxy(spool, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => {
          const result: unknown = value.apply(target, given);
          if (name === "due" || name === "dueIn") counted.reads++;
          if ((name === "due" || name === "dueIn") && Array.isArray(result)) counted.entries += result.length;
          return result;
        };
      },
    }),
    places,
    activity: new Activity(),
    emit: () => {},
    count: () => {},
    wake: (name) => scheduler.wake(name),
  };
  const courier = {
    isSuspended: (domain: string) => suspended.has(domain),
    deliver: async (id: string, { name }: Binding, domain: string) => {
      await new Promise<void>((resolve) => {
        const delivery: Delivery = {
          id,
          binding: name,
          domain,
          end: async () => {
            const { recipients } = spool.get(id)?.envelope ?? { recipients: [] };
            const own = [...recipients.keys()].filter((n) => recipients[n]?.address.endsWith(`@${domain}`));
            await spool.settle(
              id,
              new Map(own.map((n) => [n, { state: "done", outcome: "delivered", detail: "250" }])),
            );
            running.delete(delivery);
            resolve();
          },
        };
        running.add(delivery);
        started.push(delivery);
      });
    },
  };
  const scheduler = new Scheduler(desk, courier);
  cleanup(() => scheduler.stop());

  const submit = async (count: number, domainOf: (n: number) => string, to = "out") => {
    const accepting = Array.from({ length: count }, (_, n) => {
      const address = `u@${domainOf(n)}`;
      const recipients = [{ address, notify: null, orcpt: null }];
      const context = { receivedAtMs: 1, expiresAtMs: Date.now() + 1e9, listener: null, client: null, hops: 0 };
      const envelope = { from: "", body: null, smtpUtf8: false, ret: null, envid: null, recipients };
      return spool.accept({ id: spool.newId(), envelope, binding: to, context }, body());
    });
    await Promise.all(accepting);
    scheduler.wake(to);
  };
  const runningIn = (domain: string, of = "out") =>
    [...running].filter((one) => one.domain === domain && one.binding === of).length;
  /** Everything that can start has started. */
  const quiet = async () => {
    for (let seen = -1; seen !== started.length; ) {
      seen = started.length;
      for (let turns = 0; turns < 20; turns++) await turn();
    }
  };
  return { spool, scheduler, running, started, counted, submit, runningIn, quiet };
}

async function* body(): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text("x"));
}

const LIMIT = { maxOutboundConnections: 32 };

describe("the scheduler", () => {
  scene("lets a domain pass 5,000 due messages of a suspended one", async () => {
    const { submit, runningIn, quiet } = world({ mail: LIMIT }, new Set(["asleep.test"]));
    await submit(5_000, () => "asleep.test");
    await quiet();
    await submit(1, () => "awake.test");
    await until("the one behind them starts", () => runningIn("awake.test") === 1);
    expect(runningIn("asleep.test")).toBe(0);
  });

  scene("lets a domain pass 5,000 due messages of one that is at its limit", async () => {
    const { submit, runningIn } = world({ mail: LIMIT });
    await submit(5_000, () => "slow.test");
    await until("the slow one is at its limit", () => runningIn("slow.test") === 32);
    await submit(1, () => "quick.test");
    await until("the one behind them starts", () => runningIn("quick.test") === 1);
    expect(runningIn("slow.test")).toBe(32);
  });

  scene("has room for others while 63 domains deliver as much as they may", async () => {
    const { submit, runningIn, running, quiet } = world({ mail: LIMIT, bindings: [binding("out"), binding("other")] });
    await submit(63 * 64, (n) => `slow${n % 63}.test`);
    await quiet();
    expect(running.size).toBeGreaterThanOrEqual(1_000);
    for (let n = 0; n < 63; n++) expect(runningIn(`slow${n}.test`), `slow${n}`).toBeGreaterThanOrEqual(1);
    await submit(100, (n) => `quick${n}.test`);
    await submit(1, () => "quick.test", "other");
    for (let n = 0; n < 100; n++) {
      await until(`quick${n} starts`, () => runningIn(`quick${n}.test`) === 1);
    }
    await until("the other binding's starts", () => runningIn("quick.test", "other") === 1);
    expect(running.size).toBeLessThanOrEqual(2_000);
  });

  scene("starts what waits for room on the node as soon as there is some, each binding in its turn", async () => {
    const { submit, started, running, quiet } = world({
      mail: LIMIT,
      bindings: [binding("out"), binding("other"), binding("asleep", { suspended: true })],
    });
    await submit(2_100, (n) => `d${n}.test`);
    await quiet();
    expect(running.size).toBe(2_000);
    await submit(10, (n) => `o${n}.test`, "other");
    await submit(10, (n) => `s${n}.test`, "asleep");
    await quiet();
    expect(running.size).toBe(2_000);
    await Promise.all([...running].slice(0, 20).map((one) => one.end()));
    await until("twenty more have started", () => started.length === 2_020);
    expect(started.slice(2_000).filter((one) => one.binding === "other").length).toBeGreaterThanOrEqual(5);
    while (started.length < 2_110 || running.size > 0) {
      // Together, as each is a commit on the disk.
      await Promise.all([...running].map((one) => one.end()));
      await turn();
    }
    expect(new Set(started.map((one) => one.id)).size).toBe(2_110);
  });

  scene("never has two deliveries of one message and domain, nor more of a domain than its limit", async () => {
    const { submit, started, running, runningIn, spool } = world({ mail: { maxOutboundConnections: 3 } });
    await submit(200, (n) => `d${n % 4}.test`);
    while (spool.bindings().length > 0) {
      for (let n = 0; n < 4; n++) expect(runningIn(`d${n}.test`)).toBeLessThanOrEqual(3);
      const [next] = running;
      await next?.end();
      await turn();
    }
    expect(started).toHaveLength(200);
    expect(new Set(started.map((one) => one.id)).size).toBe(200);
  });

  scene("reads a few entries for each delivery that it starts, however much waits", async () => {
    const { submit, running, started, counted, quiet, scheduler } = world({ mail: { maxOutboundConnections: 2 } });
    await submit(4_000, (n) => `d${n % 200}.test`);
    await quiet();
    expect(started).toHaveLength(400);
    const before = counted.entries;
    for (let n = 0; n < 200; n++) {
      scheduler.wake("out");
      await turn();
    }
    expect(counted.entries - before, "a wake when nothing can start").toBe(0);
    await Promise.all([...running].map((one) => one.end()));
    await quiet();
    expect(started).toHaveLength(800);
    expect(counted.entries).toBeLessThan(10 * 800 + 400 * 36);
  });
});

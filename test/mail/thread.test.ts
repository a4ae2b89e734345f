/** The mail thread as it ships: needs `npm run build`, which npm test does first. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect } from "vitest";
import { createMailService } from "../../src/mail/service.js";
import type { MailEvent } from "../../src/mail/types.js";
import { addresses, cleanup, config, Dialog, freePort, home, listen, scene, text, until, vip } from "./fixtures.js";

const script = new URL("../../dist/node/mail-thread.js", import.meta.url);
const [plain = "", first = "", busy = ""] = addresses(25, 3);
const duravip = { enabled: true, upgraded: false, preferences: [] };

async function service() {
  const port = await freePort(plain);
  const events: MailEvent[] = [];
  const threads: Worker[] = [];
  const setup = {
    config: config({
      bindings: [vip("v1", first)],
      listens: [listen(plain, port), listen(first, port, { duravip })],
      mail: { suspended: true },
    }),
    peerKey: null,
    incarnation: 77,
  };
  const mail = createMailService(
    setup,
    (event) => events.push(event),
    (workerData) => {
      const thread = new Worker(script, { workerData });
      threads.push(thread);
      return thread;
    },
  );
  cleanup(() => mail.stop());
  return { mail, events, threads, port, setup };
}

describe.skipIf(!existsSync(fileURLToPath(script)))("the mail service in its thread (needs npm run build)", () => {
  scene("does what the engine does, and ends", async () => {
    const { mail, events, threads, port } = await service();
    await mail.start();
    expect(await mail.serve([first])).toEqual([{ address: first, error: null }]);
    mail.setHomes([home("v1", "n1", 1)]);
    const client = await Dialog.greeted(port, first);
    expect(await client.message("a@b.test", ["u@x.test"], text("x"))).toMatch(/^250/);
    expect(await mail.queues()).toMatchObject([{ binding: "v1", domain: "x.test", active: 1 }]);
    expect(await mail.counters()).toMatchObject({ accepted: 1 });
    expect(await mail.activity(), "one connection came").toEqual([{ level: 0, addresses: [first] }]);
    expect(events.map((event) => event.code)).toEqual(["reception"]);
    await mail.withdraw([first], 0);
    await mail.stop();
    expect(threads[0]?.threadId).toBe(-1);
    expect(events).toHaveLength(1);
  });

  scene("carries errors over with code, facts and cause", async () => {
    const { mail, setup } = await service();
    await mail.start();
    const second = createMailService(
      { ...setup, config: { ...setup.config, mail: { ...setup.config.mail, spoolBase: "/dev/null/no" } } },
      () => {},
      (workerData) => new Worker(script, { workerData }),
    );
    await expect(second.start()).rejects.toMatchObject({ code: "ERR_SPOOL", name: "HoldfastError" });
  });

  scene("says when its thread dies, rejects what waits, and starts another on the same spool", async () => {
    const { mail, events, threads, port } = await service();
    await mail.start();
    await mail.serve([first]);
    mail.setHomes([home("v1", "n2", 5, { host: busy, port: 1 })]);
    const client = await Dialog.greeted(port, first);
    expect(await client.message("a@b.test", ["u@x.test"], text("kept"))).toMatch(/^250/);
    // Waits for a message that does not end.
    await client.say("MAIL FROM:<a@b.test>");
    const waiting = mail.withdraw([first], 60_000);
    const refused = expect(waiting).rejects.toMatchObject({ code: "ERR_MAIL_THREAD" });
    await threads[0]?.terminate();
    await refused;
    await client.ended();
    await until("another thread runs", () => events.find((event) => event.code === "mail-thread-started"));
    expect(events.map((event) => event.code)).toContain("mail-thread-died");
    // It knows the homes again, and has the mail.
    expect(await mail.queues()).toMatchObject([{ binding: "#mmove", domain: "x.test", active: 1 }]);
    expect(await mail.serve([first])).toEqual([{ address: first, error: null }]);
    expect(await (await Dialog.greeted(port, first)).message("a@b.test", ["u@y.test"], text("new"))).toMatch(/^250/);
    const ids = events.filter((event) => event.code === "reception").map((event) => event.facts["id"]);
    expect(new Set(ids).size).toBe(2);
  });
});

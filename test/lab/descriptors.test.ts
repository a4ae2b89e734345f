import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Pair, type Started, until } from "./pair.js";

const VIPS = Array.from({ length: 40 }, (_, i) => `10.1.1.${i + 1}`);

let pair: Pair;

beforeEach(async () => {
  pair = await Pair.create(VIPS);
});

afterEach(() => pair.remove());

/** What a refused start says, and how it ended. */
async function refusal(descriptors: number) {
  const before = (await pair.events("one")).length;
  const exit = await pair.start("one", { descriptors }).exited;
  return { exit, lines: (await pair.events("one")).slice(before) };
}

/** What the configuration needs, by the daemon's own words. */
async function needed(): Promise<number> {
  const { lines } = await refusal(200);
  const [, number = ""] = /needs (\d+) file descriptors/.exec(String(lines[0]?.["reason"])) ?? [];
  return Number(number);
}

/** Holds connections to addresses, as many as there are to be; prints what each is told. */
function holdConnections(
  vips: readonly string[],
  count: number,
): { readonly client: Started; readonly said: () => string } {
  const script = `
    const { connect } = require("node:net");
    const vips = ${JSON.stringify(vips)};
    for (let i = 0; i < ${count}; i++) {
      const socket = connect(25, vips[i % vips.length]);
      socket.on("data", (data) => process.stdout.write(data));
      socket.on("error", () => {});
    }
    setInterval(() => {}, 1_000);`;
  const client = pair.run("client", [process.execPath, "-e", script], ["ignore", "pipe", "ignore"]);
  let text = "";
  client.child.stdout?.on("data", (data: Buffer) => (text += data.toString()));
  return { client, said: () => text };
}

describe("a node with few descriptors", () => {
  it("does not start with fewer than it needs, and says in one line how many these are and how to get them", async () => {
    const total = await needed();
    expect(total).toBeGreaterThan(VIPS.length + 128);
    for (const limit of [64, total - 1]) {
      const { exit, lines } = await refusal(limit);
      expect(exit).toEqual({ status: 77, signal: null });
      expect(lines).toMatchObject([{ code: "failed", error: "ERR_DESCRIPTORS" }]);
      expect(lines[0]?.["reason"]).toContain("LimitNOFILE=");
      if (limit > 64) expect(lines[0]?.["reason"]).toContain(`needs ${total}`);
    }
    expect(await pair.plumbed("one")).toEqual([]);
    pair.start("one", { descriptors: total });
    await pair.all("one");
  });

  it("gives addresses to another when clients have taken nearly all, and has them again once these have gone", async () => {
    const limit = await needed();
    pair.start("one", { descriptors: limit });
    pair.start("two");
    await pair.shared();
    await until("the shares are even", async () => (await pair.plumbed("one")).length === VIPS.length / 2);
    const crowd = await pair.plumbed("one");
    const { client, said } = holdConnections(crowd.slice(0, 4), 400);

    await until("it lets go of some", async () => (await pair.events("one", "descriptors-given-up")).length > 0);
    const [given] = await pair.events("one", "descriptors-given-up");
    await until("the other node has what was given up", async () => {
      const two = await pair.plumbed("two");
      return two.length > VIPS.length / 2 && (await pair.plumbed("one")).length + two.length === VIPS.length;
    });
    expect(String(given?.["addresses"])).toMatch(/^10\.1\.1\./);
    expect(said()).toContain("220 ");
    expect(said()).toContain("421 4.3.2 ");
    expect(await pair.events("one", "descriptors-short")).toMatchObject([{ limit }]);

    client.child.kill("SIGKILL");
    await until("there is room again", async () => (await pair.events("one", "descriptors-enough")).length > 0);
    await until("it has its share again", async () => (await pair.plumbed("one")).length === VIPS.length / 2);
    for (const vip of crowd.slice(0, 4)) expect(await pair.greeting(vip)).toMatch(/^220 /);
  });
});

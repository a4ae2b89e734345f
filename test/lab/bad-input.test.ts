import { spawnSync } from "node:child_process";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../../src/lab/lab.js";
import { nodeAddress, VIPS } from "../../src/lab/plan.js";
import { poll } from "../../src/lab/poll.js";

const TWO = ["n1", "n2"] as const;

let lab: Lab;

beforeEach(async () => {
  lab = await Lab.create();
});

afterEach(() => lab.network.remove());

async function form(nodes: readonly string[]): Promise<void> {
  for (const node of nodes) lab.cluster.start(node);
  expect((await lab.settle(nodes)).violations).toEqual([]);
}

/** Bytes that no protocol of ours begins with, and some that begin well and go wrong. */
const GARBAGE = [
  "\0".repeat(4096),
  "\xff".repeat(65536),
  "GET / HTTP/1.1\r\n\r\n",
  "MMOVE 999999999999999999 node=\r\n",
  `EHLO ${"x".repeat(60_000)}\r\n`,
  "\x16\x03\x01\x02\x00\x01",
].map((text) => Buffer.from(text, "latin1").toString("base64"));

/** Arguments: address, port, pieces in base64. Each goes to the TCP port, and as far as it fits to the UDP port. */
const SENDER = `
  const [, address, port, ...pieces] = process.argv;
  const udp = require("node:dgram").createSocket("udp4");
  Promise.all(pieces.map((piece) => new Promise((done) => {
    const bytes = Buffer.from(piece, "base64");
    udp.send(bytes.subarray(0, 1400), Number(port), address);
    const socket = require("node:net").connect(Number(port), address, () => socket.end(bytes));
    socket.on("error", () => {}).on("close", done).resume().setTimeout(2000, () => socket.destroy());
  }))).then(() => udp.close());`;

function sendGarbage(host: string, address: string, port: number): void {
  const sender = [process.execPath, "-e", SENDER, address, String(port), ...GARBAGE];
  const { status, stderr } = spawnSync("ip", ["netns", "exec", lab.network.namespace(host), ...sender], {
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
}

/** What the daemon says to a line on its control socket, and whether it lives to say it. */
function sayToConsole(path: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ path }, () => socket.end(bytes, "latin1"));
    socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
    socket.on("error", () => {}).on("close", () => resolve(answer));
  });
}

/** Waits until a counter of a node has come so far; false when it does not. */
async function counted(node: string, counter: string, atLeast: number): Promise<boolean> {
  const reached = async () => {
    const counters = await lab.cluster.counters(node).catch(() => null);
    return (counters?.[counter] ?? 0) >= atLeast ? true : null;
  };
  return (await poll(reached, { everyMs: 100, limitMs: 30_000 })) !== null;
}

async function membersTold(node: string): Promise<readonly string[]> {
  return (await lab.cluster.membership(node)).map((member) => member.node);
}

describe("a cluster that is fed garbage", () => {
  it("lives on with every address at home, whatever port it comes in by", async () => {
    await form(TWO);
    for (const port of [25, 4802, 4809]) {
      // n3 is a host of the cluster network on which no daemon runs.
      sendGarbage("n3", nodeAddress("n1", port === 25 ? "mail1" : "cluster"), port);
    }
    sendGarbage("client", "10.1.1.1", 25);
    for (const line of ["\xff\xfe\n", `${"x".repeat(100_000)}\n`, '{"command":7}\n', "cluster duravip move\n"]) {
      await sayToConsole(lab.cluster.controlSocket("n1"), line);
    }

    expect((await lab.settle(TWO)).violations).toEqual([]);
    expect(lab.cluster.isRunning("n1")).toBe(true);
    const counters = await lab.cluster.counters("n1");
    expect(counters["mail.refused-smtp"]).toBeGreaterThan(0);
    expect(counters).toMatchObject({
      "group.refusedHandshake": GARBAGE.length,
      "group.heartbeatsRefused": GARBAGE.length,
      "mail.refused-mmove-tls": GARBAGE.length,
      "control.refusedLines": 3,
      "control.refusedCommands": 1,
    });
  });
});

describe("a node with another cluster key", () => {
  it("is in no view with the others, and takes nothing from them", async () => {
    await form(TWO);
    const key = join(lab.network.directory, "other.key");
    await writeFile(key, `${"ab".repeat(32)}\n`, { mode: 0o600 });
    const file = lab.cluster.configFile("n3");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace(/key_file = "[^"]*"/, `key_file = "${key}"`));

    lab.cluster.start("n3");

    // Each side has heard the other and would not have it.
    expect(await counted("n3", "group.refusedHandshake", 1)).toBe(true);
    // By then it has waited for its peers as long as any node does that is alone, and would be mature.
    expect(await counted("n1", "group.heartbeatsRefused", 40)).toBe(true);
    expect((await membersTold("n3")).filter((member) => member !== "n3")).toEqual([]);
    expect((await lab.settle(TWO)).violations).toEqual([]);
    const here = new Set(await lab.network.readLocalAddresses("n3"));
    expect(VIPS.filter(({ address }) => here.has(address))).toEqual([]);
    expect(await readFile(lab.cluster.logFile("n3"), "utf8")).toContain("peer-refused");
  });
});

describe("a daemon with a broken configuration", () => {
  it("exits 78 with every error, and has touched nothing", async () => {
    const file = lab.cluster.configFile("n1");
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("Duravip_Follow", "Duravip_Folow").replace("Bind_Address = ", "Bind_Adress = "));
    const before = await lab.network.readLocalAddresses("n1");
    const links = [...(await lab.network.readMacs("n1")).keys()];

    const exit = await lab.cluster.start("n1").exited;

    expect(exit).toEqual({ status: 78, signal: null });
    const log = await readFile(lab.cluster.logFile("n1"), "utf8");
    expect(log).toMatch(/n1\.conf:\d+:\d+.*Duravip_Folow/);
    expect(log).toMatch(/n1\.conf:\d+:\d+.*Bind_Adress/);
    expect(await lab.network.readLocalAddresses("n1")).toEqual(before);
    expect([...(await lab.network.readMacs("n1")).keys()]).toEqual(links);
    expect(await readdir(join(lab.network.directory, "n1.spool"))).toEqual([]);
  });
});

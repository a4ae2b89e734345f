/** What operators ask and read of real nodes: who had which address when, a node that failed too often, pins, and moves that would lose clients. */
import { randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askControl, askForData } from "../../src/console/client.js";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { poll } from "../../src/lab/poll.js";
import type { LabProcess } from "../../src/lab/process.js";

const NODES = ["one", "two", "three"] as const;
type NodeName = (typeof NODES)[number];
/** Prefers two. */
const PREFERRED = "10.1.1.1";
/** Prefers one; three has no listener on it. */
const LISTENED = "10.1.1.2";

let network: LabNetwork;

const fileOf = (name: string) => join(network.directory, name);

beforeEach(async () => {
  network = await LabNetwork.create(
    NODES.map((name, i) => ({
      name,
      interfaces: [
        { name: "eth0", network: "cluster", addresses: [`10.0.0.${i + 1}/24`] },
        { name: "eth1", network: "mail", addresses: [`10.1.0.${i + 1}/16`] },
      ],
    })),
  );
  await writeFile(fileOf("cluster.key"), `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  for (const [i, node] of NODES.entries())
    await writeFile(
      fileOf(`${node}.conf`),
      `Hostname = "${node}"
       SpoolBase = "${network.directory}/${node}.spool"
       ECCluster_Listener { Listen "10.0.0.${i + 1}:4802" {} }
       Control_Listener { Listen "${network.directory}/${node}.sock" {} }
       msgc_server { peers = [ one = "10.0.0.1" two = "10.0.0.2" three = "10.0.0.3" ] reconnect_interval = 0.5 }
       cluster { key_file = "${fileOf("cluster.key")}"  view_mature_time = 0.5  view_balance_interval = 1
         flap_half_life = 3600  audit_file = "${fileOf(`${node}.audit`)}"
         Topology "10.1.1.0/24" { interface = "eth1"  lifeline = true }
       }
       ${node === "three" ? "" : `ESMTP_Listener { Relay_Hosts = ( "10.0.0.0/8" "fd00::/8" ) Listen "${LISTENED}:25" { Enable_Duravip = true } }`}
       Binding "preferred" { Bind_Address = "${PREFERRED}" Enable_Duravip = true Duravip_Preference = two }
       Binding "listened" { Bind_Address = "${LISTENED}" Enable_Duravip = true Duravip_Preference = one }`,
    );
});

afterEach(() => network.remove());

function start(node: NodeName): LabProcess {
  return network.start(node, {
    script: "daemon/main.js",
    args: ["--config", fileOf(`${node}.conf`), "--node", node],
    logFile: fileOf(`${node}.log`),
  });
}

async function say(node: NodeName, line: string): Promise<string> {
  let text = "";
  for await (const piece of askControl(fileOf(`${node}.sock`), line)) text += piece;
  return text;
}

async function has(node: NodeName, vip: string): Promise<boolean> {
  return (await network.readLocalAddresses(node)).includes(vip);
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  expect(await poll(async () => ((await holds()) ? true : null), { everyMs: 20, limitMs: 60_000 }), what).toBe(true);
}

/** Nobody answers on a socket that is not there yet. */
async function untilMembers(...names: readonly NodeName[]): Promise<void> {
  await until(
    async () => {
      const asked = await Promise.all(
        names.map((node) => askForData(fileOf(`${node}.sock`), "cluster membership").catch(() => [])),
      );
      return asked.every((members) => Array.isArray(members) && members.length === names.length);
    },
    `${names.join(" ")} are one view`,
  );
}

interface OwnerLine {
  readonly code?: string;
  readonly addresses: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly epoch: number;
  readonly gapMs?: number;
}

/** Lines of a log or an audit file about an address. */
async function ownerLines(file: string, vip: string): Promise<OwnerLine[]> {
  const text = await readFile(fileOf(file), "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return lines
    .map((line): OwnerLine => JSON.parse(line))
    .filter(({ code = "owner", addresses }) => code === "owner" && addresses.split(" ").includes(vip));
}

const changes = async (file: string, vip: string) =>
  (await ownerLines(file, vip)).map(({ from, to, reason }) => `${from} > ${to}, ${reason}`);

describe("changes of owner", () => {
  it("are in the log and the audit file of every node that is there: two moves and a takeover", async () => {
    start("one");
    const two = start("two");
    start("three");
    await untilMembers(...NODES);
    await until(() => has("two", PREFERRED), "two has what prefers it");
    await say("one", `cluster duravip move ${PREFERRED} to three`);
    await until(async () => (await changes("one.audit", PREFERRED)).at(-1) === "two > three, move", "it is audited");
    for (const node of NODES) await rename(fileOf(`${node}.audit`), fileOf(`${node}.audit.1`)); // As logrotate does it.
    await say("three", `cluster duravip move ${PREFERRED} to two`);
    await until(() => has("two", PREFERRED), "it is at two");
    two.kill("SIGKILL");

    const last = async (node: NodeName) => (await changes(`${node}.log`, PREFERRED)).at(-1) ?? "";
    const takeovers = ["two > one, takeover", "two > three, takeover"];
    for (const node of ["one", "three"] as const) {
      await until(async () => takeovers.includes(await last(node)), `${node} tells of the takeover`);
      const takeover = await last(node);
      const told = await changes(`${node}.log`, PREFERRED);
      expect(told.slice(-3)).toEqual(["two > three, move", "three > two, move", takeover]);
      await until(
        async () => (await changes(`${node}.audit`, PREFERRED)).length === 2,
        "the new audit file has what came after",
      );
      expect(await changes(`${node}.audit`, PREFERRED)).toEqual(["three > two, move", takeover]);
      expect((await changes(`${node}.audit.1`, PREFERRED)).at(-1)).toBe("two > three, move");
      const lines = (await ownerLines(`${node}.log`, PREFERRED)).slice(-3);
      const epochs = lines.map(({ epoch }) => epoch);
      expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
      for (const { gapMs } of lines) expect(gapMs).toBeGreaterThanOrEqual(0);
    }
    expect((await changes("two.log", PREFERRED)).slice(-2)).toEqual(["two > three, move", "three > two, move"]);
  });
});

describe("a node that crashed over and over", () => {
  it("has what prefers it again once anybody says calm, and explain says so before", async () => {
    start("one");
    start("three");
    for (let i = 0; i < 4; i++) {
      const two = start("two");
      await untilMembers(...NODES);
      if (i === 3) break;
      two.kill("SIGKILL");
      await two.exited;
      await untilMembers("one", "three");
    }
    await until(async () => /"code":"node-damped"/.test(await readFile(fileOf("one.log"), "utf8")), "two is damped");
    await until(async () => (await has("one", PREFERRED)) || (await has("three", PREFERRED)), "another has it");
    const explained = await say("three", `cluster duravip explain ${PREFERRED}`);
    expect(explained).toMatch(
      /two is damped, for it failed too often lately, until in about \d+ min; "cluster calm two"/,
    );

    expect(await say("three", "cluster calm two")).toMatch(/^two is damped no longer/);
    await until(() => has("two", PREFERRED), "two has what prefers it");
    expect(await say("one", "cluster calm two")).toMatch(/^two was not damped/);
  });
});

describe("a move", () => {
  it("is pinned, wherever the address was, and unpinned by any node, which brings it home", async () => {
    for (const node of NODES) start(node);
    await untilMembers(...NODES);
    await until(() => has("two", PREFERRED), "two has what prefers it");
    expect(await say("one", "cluster duravip move preferred to two")).toBe(
      `${PREFERRED} is at two already; pinned it there.\nTo undo: cluster duravip unpin ${PREFERRED}\n`,
    );
    expect(await say("two", `cluster duravip unpin ${PREFERRED}`)).toContain("it stays at two.\n");

    const moved = await say("one", "cluster duravip move preferred to three");
    expect(moved).toContain(`${PREFERRED}: two -> three\n`);
    expect(await has("three", PREFERRED)).toBe(true);
    expect(await say("two", "cluster duravip show")).toContain("[pinned to three]");
    const unpinned = await say("two", "cluster duravip unpin preferred");
    expect(unpinned).toContain(`${PREFERRED}: three -> two\n`);
    expect(await has("two", PREFERRED)).toBe(true);
    await expect(say("one", `cluster duravip unpin ${PREFERRED}`)).rejects.toMatchObject({ code: "ERR_COMMAND" });
  });

  it("to a node without the listener is refused, with what clients would miss, unless it is made anyway", async () => {
    for (const node of NODES) start(node);
    await untilMembers(...NODES);
    await until(() => has("one", LISTENED), "one has what prefers it");
    const refused = say("two", `cluster duravip move ${LISTENED} to three`);
    await expect(refused).rejects.toMatchObject({
      code: "ERR_MOVE_UNSAFE",
      message: expect.stringContaining("three does not run ESMTP:25 on it"),
    });
    expect(await has("one", LISTENED)).toBe(true);
    const forced = await say("two", `cluster duravip move ${LISTENED} to three anyway`);
    expect(forced).toContain(`${LISTENED}: one -> three\n`);
    expect(forced).toContain("Warning: ");
    expect(await has("three", LISTENED)).toBe(true);
    expect(await say("three", `cluster duravip move ${LISTENED} to two`)).toContain(`${LISTENED}: three -> two\n`);
  });
});

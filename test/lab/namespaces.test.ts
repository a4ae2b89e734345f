import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { poll } from "../../src/lab/poll.js";
import { type HostSpec, LabNetwork, remains, sweep } from "../../src/lab/namespaces.js";

const HOSTS: readonly HostSpec[] = [
  { name: "a", interfaces: [{ name: "eth0", network: "mail", addresses: ["10.77.0.1/24"] }] },
  {
    name: "b",
    interfaces: [
      { name: "eth0", network: "mail", addresses: ["10.77.0.2/24"] },
      { name: "eth1", network: "other", addresses: ["10.78.0.2/24"] },
    ],
  },
];
const WITHIN = { everyMs: 20, limitMs: 20_000 };

let network: LabNetwork | null = null;

afterEach(async () => {
  await network?.remove();
  network = null;
});

async function make(): Promise<LabNetwork> {
  network = await LabNetwork.create(HOSTS);
  return network;
}

function reaches(lab: LabNetwork, from: string, address: string): boolean {
  const ping = ["netns", "exec", lab.namespace(from), ...tcpPing(address)];
  return spawnSync("ip", ping).status === 0;
}

/** A connection refused has been there and back; needs no ping program. */
function tcpPing(address: string): readonly string[] {
  const script = `
    const socket = require("node:net").connect(9, "${address}");
    setTimeout(() => process.exit(2), 500);
    socket.on("error", (error) => process.exit(error.code === "ECONNREFUSED" ? 0 : 1));`;
  return [process.execPath, "-e", script];
}

describe("a lab network", () => {
  it("joins its hosts, knows them by their hardware addresses, and leaves nothing", async () => {
    const lab = await make();
    expect(reaches(lab, "a", "10.77.0.2")).toBe(true);
    const mac = (await lab.readMacs("b")).get("eth0");
    expect(await lab.readNeighbours("a")).toMatchObject([{ address: "10.77.0.2", interface: "eth0", mac }]);
    expect(await lab.readLocalAddresses("b")).toContain("10.78.0.2");

    await lab.remove();

    expect(remains()).toEqual([]);
    expect(existsSync(lab.directory)).toBe(false);
  });

  it("keeps the networks apart", async () => {
    expect(reaches(await make(), "a", "10.78.0.2")).toBe(false);
  });

  it("cuts a host off without its noticing, and heals it", async () => {
    const lab = await make();
    await lab.cut("b");
    expect(reaches(lab, "a", "10.77.0.2")).toBe(false);
    expect(spawnSync("ip", ["-n", lab.namespace("b"), "link", "show", "eth0"], { encoding: "utf8" }).stdout).toContain(
      "LOWER_UP",
    );

    await lab.heal("b");
    expect(reaches(lab, "a", "10.77.0.2")).toBe(true);
  });

  it("cuts a host off from one network only", async () => {
    const lab = await make();
    await lab.cut("b", "other");
    expect(reaches(lab, "a", "10.77.0.2")).toBe(true);
  });

  it("does not mind a second one beside it", async () => {
    const lab = await make();
    const second = await LabNetwork.create(HOSTS);
    expect(reaches(second, "a", "10.77.0.2")).toBe(true);
    await second.remove();
    expect(reaches(lab, "a", "10.77.0.2")).toBe(true);
  });

  it("says what went wrong, and leaves nothing of a lab that cannot be built", async () => {
    const broken = [
      { ...HOSTS[0], name: "a", interfaces: [{ name: "eth0", network: "mail", addresses: ["10.77/999"] }] },
    ];
    await expect(LabNetwork.create(broken)).rejects.toMatchObject({
      code: "ERR_LAB",
      message: expect.stringContaining("10.77/999"),
    });
    expect(remains()).toEqual([]);
  });
});

describe("a lab whose maker was killed", () => {
  it("is removed, its processes with it, by the next one", async () => {
    const maker = startMaker();
    const [line] = await once(maker.stdout!.setEncoding("utf8"), "data");
    const { namespace, directory, pid } = JSON.parse(String(line));
    expect(existsSync(join("/run/netns", namespace))).toBe(true);

    maker.kill("SIGKILL");
    await once(maker, "exit");
    // The kernel ends what the lab started; the sweep takes the rest.
    await poll(async () => (existsSync(`/proc/${pid}`) ? null : true), WITHIN);
    sweep();

    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(directory)).toBe(false);
    expect(readdirSync("/run/netns")).not.toContain(namespace);
  });
});

/** A process that makes a lab, starts the sink in it, tells what it made, and waits to be killed. */
function startMaker(): ChildProcess {
  const url = pathToFileURL(join(import.meta.dirname, "../../dist/lab/namespaces.js"));
  const script = `
    import { LabNetwork } from ${JSON.stringify(String(url))};
    const lab = await LabNetwork.create(${JSON.stringify(HOSTS)});
    const logFile = lab.directory + "/sink.log";
    const sink = lab.start("a", { script: "lab/sink-main.js", args: [], logFile, onLine: () => {
      console.log(JSON.stringify({ namespace: lab.namespace("a"), directory: lab.directory, pid: sink.pid }));
    } });
    setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
}

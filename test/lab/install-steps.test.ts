import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LabNetwork } from "../../src/lab/namespaces.js";
import { read } from "../repo/source-files.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SCRIPT = fileURLToPath(new URL("install-steps.sh", import.meta.url));

let network: LabNetwork;

beforeEach(async () => {
  const interfaces = [
    { name: "eth0", network: "cluster", addresses: ["192.168.0.10/24"] },
    { name: "eth1", network: "mail", addresses: ["10.1.0.1/16"] },
  ];
  network = await LabNetwork.create([{ name: "node1", interfaces }]);
});

afterEach(() => network.remove());

/** The commands of the page's section, in their order. */
function documentedSteps(): string {
  const [, section = ""] = /^## Install$(.*?)^## /ms.exec(read("docs/OPERATING.md")) ?? [];
  return [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text).join("");
}

function readmeConfiguration(): string {
  const [, text = ""] = /^```\n(msgc_server .*?)^```$/ms.exec(read("README.md")) ?? [];
  return text;
}

/** As setpriv(1) takes them: "+net_admin,+net_raw". */
function unitCapabilities(): string {
  const [, names = ""] = /^AmbientCapabilities=(.*)$/m.exec(read("docs/OPERATING.md")) ?? [];
  return names
    .split(" ")
    .map((name) => name.toLowerCase().replace(/^cap_/, "+"))
    .join(",");
}

describe("the documented steps", () => {
  it("lead from nothing to a daemon without root that serves, and name the remedy for what is not open to it", async () => {
    const [scratch, steps, config] = ["scratch", "steps", "config"].map((name) => join(network.directory, name));
    await mkdir(scratch ?? "");
    await writeFile(steps ?? "", documentedSteps());
    await writeFile(config ?? "", readmeConfiguration());
    const words = [SCRIPT, scratch, ROOT, steps, config, unitCapabilities()].map(String);
    const command = ["netns", "exec", network.namespace("node1"), "unshare", "--mount", "bash", ...words];
    const { status, stdout, stderr } = spawnSync("ip", command, { encoding: "utf8", timeout: 110_000 });
    expect({ status, stderr }, stdout).toMatchObject({ status: 0 });
    expect(stdout).toMatch(/: valid for node node1: 3 VIPs, .*\nchecked\n/);
    expect(stdout).toMatch(/\nrefused: .*ERR_LIFELINE.*\/dev\/net\/tun is not open to this user.*chgrp/s);
    expect(stdout).toMatch(/\nnode1\nended\n$/);
  });
});

/**
 * keepalived as it would hold the same addresses: one VRRP instance, all but the first as `virtual_ipaddress_excluded`, since an advert
 * has no room for them. It is the master from its start on, and what is timed begins with the first address or frame, not with its start:
 * reading its configuration is not in it.
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { range } from "../host.mjs";

const OBSERVER = join(import.meta.dirname, "observe.py");
/** A side of a comparison. */
export function keepalived(run) {
  const isThere = spawnSync("keepalived", ["--version"]).status === 0;
  return { name: "keepalived", ...(isThere ? { run } : { install: "keepalived" }) };
}

/** Milliseconds from the first to the last of `count` addresses. */
export async function keepalivedAdds(host, count) {
  return withMaster(host, count, ["added", `${count}`], async ({ first, last }) => last - first);
}

/** Milliseconds from SIGTERM until the last of them is gone. */
export async function keepalivedStops(host, count) {
  return withMaster(host, count, ["added", `${count}`], async (_added, keepalived) => {
    const removed = await observe(host, ["removed", `${count}`]);
    const startedAt = monotonicMs();
    keepalived.kill("SIGTERM");
    return (await removed.result).last - startedAt;
  });
}

/** Milliseconds from the first to the last of one frame an address. */
export async function keepalivedAnnounces(host, count) {
  return withMaster(host, count, ["frames", `${count}`, "peer1"], async ({ first, last }) => last - first);
}

/** Starts it on a new interface, and does `work` with what was observed. */
async function withMaster(host, count, observed, work) {
  return host.withLink(async () => {
    await host.run(["ip", "address", "add", "192.0.2.1/24", "dev", "eth1"]);
    const { result } = await observe(host, observed);
    const pids = ["--pid", "--vrrp_pid"].flatMap((option) => [option, join(host.directory, `keepalived${option}`)]);
    const words = [
      "keepalived",
      "--dont-fork",
      "--vrrp",
      "--log-console",
      ...pids,
      "--use-file",
      configuration(host, count),
    ];
    const keepalived = host.start(words, ["ignore", "ignore", "ignore"]);
    const ended = once(keepalived, "exit");
    try {
      return await work(await result, keepalived);
    } finally {
      keepalived.kill("SIGTERM");
      await ended;
    }
  });
}

/** @returns once it watches; `result` comes with the last that it waits for. */
async function observe(host, words) {
  const child = host.start(["/usr/bin/python3", OBSERVER, ...words], ["ignore", "pipe", "inherit"]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { value: ready } = await lines.next();
  if (ready !== "ready") throw new Error(`observe.py ${words.join(" ")} says ${ready}`);
  const read = async () => {
    const { value = "" } = await lines.next();
    const [first, last] = value.split(" ").map(Number);
    return { first, last };
  };
  return { result: read() };
}

function configuration(host, count) {
  const [first, ...others] = range(count).map((address) => `    ${address}/32 dev eth1`);
  const path = join(host.directory, `keepalived-${count}.conf`);
  writeFileSync(
    path,
    `global_defs {
  vrrp_garp_master_repeat 1
  vrrp_garp_master_delay 0
  vrrp_garp_interval 0
}
vrrp_instance bench {
  state MASTER
  interface eth1
  virtual_router_id 7
  priority 255
  advert_int 1
  virtual_ipaddress {
${first}
  }
  virtual_ipaddress_excluded {
${others.join("\n")}
  }
}
`,
  );
  return path;
}

function monotonicMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}

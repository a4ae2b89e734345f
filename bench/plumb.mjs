/** B1 and B2: a set of addresses onto one interface, as aliases and as local host routes. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { compare } from "./harness.mjs";
import { compileFloor, range } from "./host.mjs";
import { configureKeepalived, keepalivedSide, startKeepalived } from "./peers/keepalived.mjs";

const SCRIPT = join(import.meta.dirname, "peers/pyroute2_plumb.py");
/** Debian's own, which sees Debian's packages. */
const PYTHON = "/usr/bin/python3";

export async function benchAddresses(host, { rounds }) {
  const results = [];
  for (const count of [1_024, 10_240]) {
    const agent = await host.startAgent();
    const sides = [
      ...plumbSides(host, agent, count, "address"),
      pyroute2(host, count),
      ...keepalivedSides(host, agent, count),
    ];
    results.push(await compare({ bench: "B1", title: `plumb ${count} addresses`, rounds, count, sides }));
  }
  return results;
}

export async function benchRoutes(host, { rounds, full }) {
  const results = [];
  for (const count of [10_240, 102_400, ...(full ? [1_024_000] : [])]) {
    const sides = plumbSides(host, await host.startAgent(), count, "route");
    // The same work as everybody else does it.
    if (count === 10_240) sides.push(ipBatchSide(host, count, "address"));
    results.push(await compare({ bench: "B2", title: `plumb ${count} local routes`, rounds, count, sides }));
  }
  return results;
}

function plumbSides(host, agent, count, mode) {
  const floor = compileFloor("plumb");
  const holdfast = () => host.withLink((ifindex) => agent.call("add", count, { ifindex, plumbing: mode }));
  const runFloor = (ifindex) => host.run([floor, "add", mode, `${count}`, `${ifindex}`]);
  return [
    { name: "holdfast", run: holdfast },
    ipBatchSide(host, count, mode),
    floor === null
      ? { name: "C program", install: "gcc" }
      : { name: "C program", run: async () => Number(await host.withLink(runFloor)) },
  ];
}

function ipBatchSide(host, count, mode) {
  const command =
    mode === "route"
      ? (address) => `route add local ${address}/32 dev eth1 table local`
      : (address) => `address add ${address}/32 dev eth1`;
  const file = host.batchFile(`add-${mode}-${count}`, range(count), command);
  const name = mode === "route" ? "ip -batch, routes" : "ip -batch, addresses";
  return { name, run: () => host.withLink(() => host.ipBatch(file)) };
}

function pyroute2(host, count) {
  const name = "pyroute2";
  if (spawnSync(PYTHON, ["-c", "import pyroute2"]).status !== 0) return { name, install: "python3-pyroute2" };
  const run = (ifindex) => host.run([PYTHON, SCRIPT, `${count}`, `${ifindex}`]);
  return { name, run: async () => Number(await host.withLink(run)) };
}

/** Its transition alone, as in a process that has been a backup until then, and the whole way. */
function keepalivedSides(host, witness, count) {
  const configuration = configureKeepalived(host, count);
  const run = (which) => () =>
    host.withLink(async () => {
      const keepalived = await startKeepalived(host, witness, configuration);
      await keepalived.kill();
      return keepalived[which];
    });
  return [
    keepalivedSide("keepalived, first to last", run("firstToLastMs")),
    keepalivedSide("keepalived, from its start", run("fromStartMs")),
  ];
}

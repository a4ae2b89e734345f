/** B3: a set of addresses taken away, by request and by the death of the process that held their lifeline. */
import { compare } from "./harness.mjs";
import { compileFloor, range } from "./host.mjs";
import { keepalived, keepalivedStops } from "./peers/keepalived.mjs";

const COUNT = 10_240;

export async function benchUnplumb(host, { rounds }) {
  const agent = await host.startAgent();
  const floor = compileFloor("plumb");
  const file = host.batchFile("delete", range(COUNT), (address) => `address delete ${address}/32 dev eth1`);
  const afterAdding = (work) =>
    host.withLink(async (ifindex) => {
      await agent.call("add", COUNT, { ifindex, plumbing: "address" });
      return work(ifindex);
    });
  const sides = [
    { name: "SIGKILL, lifeline, routes", run: () => killHolder(host, agent, "route") },
    { name: "SIGKILL, lifeline, aliases", run: () => killHolder(host, agent, "address") },
    {
      name: "holdfast, addresses",
      run: () => afterAdding((ifindex) => agent.call("remove", COUNT, { ifindex, plumbing: "address" })),
    },
    { name: "ip -batch, addresses", run: () => afterAdding(() => host.ipBatch(file)) },
    keepalived(() => keepalivedStops(host, COUNT)),
    floor === null
      ? { name: "C program, addresses", install: "gcc" }
      : {
          name: "C program, addresses",
          run: async () =>
            Number(await afterAdding((ifindex) => host.run([floor, "remove", "address", `${COUNT}`, `${ifindex}`]))),
        },
  ];
  return [await compare({ bench: "B3", title: `${COUNT} addresses go away`, rounds, count: COUNT, sides })];
}

/** From the signal until another process finds none of the addresses, neither by a dump nor to bind to. */
async function killHolder(host, witness, plumbing) {
  const holder = await host.startAgent();
  const ifindex = await holder.call("openLifeline");
  await holder.call("add", COUNT, { ifindex, plumbing });
  const startedAt = performance.now();
  await Promise.all([holder.kill(), witness.call("awaitNone", COUNT, plumbing)]);
  return performance.now() - startedAt;
}

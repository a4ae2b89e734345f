/** B3: a set of addresses taken away, by request and by the death of the process that held them. */
import { compare } from "./harness.mjs";
import { compileFloor, range } from "./host.mjs";
import { configureKeepalived, keepalivedSide, startKeepalived } from "./peers/keepalived.mjs";

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
  const configuration = configureKeepalived(host, COUNT);
  const withKeepalived = (work) =>
    host.withLink(async () => work(await startKeepalived(host, agent, configuration), agent));
  const sides = [
    { name: "SIGKILL, lifeline, routes", run: () => killHolder(host, agent, "route") },
    { name: "SIGKILL, lifeline, aliases", run: () => killHolder(host, agent, "address") },
    {
      name: "holdfast, addresses",
      run: () => afterAdding((ifindex) => agent.call("remove", COUNT, { ifindex, plumbing: "address" })),
    },
    { name: "ip -batch, addresses", run: () => afterAdding(() => host.ipBatch(file)) },
    floor === null
      ? { name: "C program, addresses", install: "gcc" }
      : {
          name: "C program, addresses",
          run: async () =>
            Number(await afterAdding((ifindex) => host.run([floor, "remove", "address", `${COUNT}`, `${ifindex}`]))),
        },
    keepalivedSide("keepalived, SIGTERM", () => withKeepalived(stopKeepalived)),
  ];
  const times = await compare({ bench: "B3", title: `${COUNT} addresses go away`, rounds, count: COUNT, sides });
  const { run } = keepalivedSide("keepalived, SIGKILL", () => withKeepalived(killKeepalived));
  return run === undefined ? [times] : [times, await run()];
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

/** From the signal likewise. It ends a second after them, of which nothing is counted. */
async function stopKeepalived(keepalived, witness) {
  const startedAt = performance.now();
  const end = keepalived.stop();
  await witness.call("awaitNone", COUNT, "address");
  const ms = performance.now() - startedAt;
  await end;
  return ms;
}

/** No time to measure: nobody takes away what it leaves. */
async function killKeepalived(keepalived, witness) {
  await keepalived.kill();
  const left = await witness.call("count", COUNT);
  const title = "addresses left by SIGKILL of keepalived's processes";
  process.stdout.write(`B3 ${title}: ${left} of ${COUNT}\n\n`);
  return { bench: "B3", title, count: COUNT, left };
}

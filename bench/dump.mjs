/**
 * B5: every address of the host, read. They are spread over interfaces of 1,024 addresses each, since adding more to one
 * takes the kernel quadratic time; a dump walks them all the same.
 */
import { compare } from "./harness.mjs";
import { range } from "./host.mjs";

const AN_INTERFACE = 1_024;

export async function benchDump(host, { rounds }) {
  const agent = await host.startAgent();
  const results = [];
  for (const count of [10_240, 102_400]) {
    const interfaces = Array.from({ length: count / AN_INTERFACE }, (_, i) => `dump${i}`);
    // Pairs, both up: os.networkInterfaces() leaves out what has no carrier.
    const commands = interfaces.flatMap((name) => [
      `link add ${name} type veth peer name peer-${name}`,
      `link set ${name} up`,
      `link set peer-${name} up`,
    ]);
    await host.ipBatch(host.batchFile("links", commands, (command) => command));
    const at = (address, i) => `address add ${address}/32 dev ${interfaces[Math.floor(i / AN_INTERFACE)]}`;
    await host.ipBatch(host.batchFile("addresses", range(count), at));
    const sides = [
      { name: "holdfast", run: () => agent.call("dump") },
      { name: "holdfast, an object each", run: () => agent.call("dumpObjects") },
      { name: "holdfast, routes too", run: () => agent.call("dumpAll") },
      { name: "os.networkInterfaces()", run: () => agent.call("networkInterfaces") },
      { name: "ip -o address", run: () => listByIp(host) },
    ];
    results.push(await compare({ bench: "B5", title: `dump ${count} addresses`, rounds, count, sides }));
    const cached = [{ name: "holdfast", run: () => agent.call("lookUp", count) }];
    results.push(await compare({ bench: "B5", title: `${count} look-ups in the cache`, rounds, count, sides: cached }));
    await host.ipBatch(host.batchFile("links", interfaces, (name) => `link delete ${name}`));
  }
  return results;
}

/** With the start of `ip` and what it prints, which nobody parses here. */
async function listByIp(host) {
  const startedAt = performance.now();
  await host.run(["ip", "-o", "address"]);
  return performance.now() - startedAt;
}

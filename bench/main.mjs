#!/usr/bin/env node
/**
 * `npm run bench`: holdfast beside its peers, both sides by turns on one machine, in a network namespace that is made and
 * removed. Needs root. docs/BENCHMARKS.md says how to read what it prints.
 *
 *     npm run bench -- [--only B1,B3] [--rounds 5] [--full] [--json FILE]
 *
 * --full adds B2 with 1,024,000 routes and B7 with 1,000,000 VIPs; --json writes every sample.
 */
import { writeFileSync } from "node:fs";
import { prepare } from "../scripts/setup.mjs";
import { machine } from "./harness.mjs";
import { readOptions } from "./options.mjs";

const { chosen, rounds, full, json } = readOptions(process.argv.slice(2));
prepare({ packages: ["iproute2"] });
// What they import lies in dist/, which is there only now.
const { Host } = await import("./host.mjs");
const { benchAddresses, benchRoutes } = await import("./plumb.mjs");
const { benchUnplumb } = await import("./unplumb.mjs");
const { benchAnnounce } = await import("./announce.mjs");
const { benchDump } = await import("./dump.mjs");
const { benchPlace } = await import("./place.mjs");

const BENCHES = {
  B1: benchAddresses,
  B2: benchRoutes,
  B3: benchUnplumb,
  B4: benchAnnounce,
  B5: benchDump,
  B7: benchPlace,
};

const before = machine();
const { kernel, node, cores, cpu, memoryMiB, load } = before;
process.stdout.write(`Linux ${kernel}, Node ${node}, ${cores} cores (${cpu}), ${memoryMiB} MiB, load ${load[0]}\n\n`);
const results = [];
for (const name of chosen) {
  // A host each, so that no agent of one is a burden to the next.
  const host = await Host.create();
  try {
    results.push(...(await BENCHES[name](host, { rounds, full })));
  } finally {
    await host.remove();
  }
}
const after = machine();
process.stdout.write(`load at the end: ${after.load[0]}\n`);
if (json !== undefined) writeFileSync(json, `${JSON.stringify({ before, after, results }, null, 2)}\n`);
process.exit(0); // the agents went with their hosts; their pipes may not have closed yet

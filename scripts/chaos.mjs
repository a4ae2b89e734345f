#!/usr/bin/env node
/**
 * `npm run chaos`: sets up what is missing, then lets faults loose on real nodes on this host; exit 0 only if all became well
 * after each of them.
 *
 *     npm run chaos -- --minutes 30 --seed 7 --nodes 5 --load
 */
import { runInLab } from "./lab.mjs";

await runInLab("npm run chaos", "chaos-main.js");

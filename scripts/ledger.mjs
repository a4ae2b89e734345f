#!/usr/bin/env node
/**
 * `npm run ledger`: sets up what is missing, then sends hostile mail through real nodes on this host that are killed
 * and stopped; exit 0 only if every 250 was kept.
 *
 *     npm run ledger -- --minutes 5 --seed 7 --kinds plain,many
 */
import { runInLab } from "./lab.mjs";

await runInLab("npm run ledger", "ledger-main.js");

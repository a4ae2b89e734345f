#!/usr/bin/env node
/**
 * `npm start`: sets up what is missing, then opens the lab: three mail nodes, a client and a sink on this host.
 *
 *     npm start                              play with it by hand
 *     npm start -- --once [--json FILE]      play the story; exit 0 only if every check held
 */
import { runInLab } from "./lab.mjs";

await runInLab("npm start", "story-main.js");

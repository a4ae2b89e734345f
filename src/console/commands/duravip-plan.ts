import type { PlanRequest } from "../../node/control.js";
import { defineCommand, usageError } from "../command.js";

const form = { name: "cluster duravip plan", parameters: "<die|drain|join NODE | config FILE>" };

/** What would move if a node died, was drained or joined, or if another configuration was loaded. Moves nothing. */
export default defineCommand({
  ...form,
  summary: "say what would move if a node died, left or came, or with another text",
  effect: "reads",
  details: `die NODE     the node dies
drain NODE   the node is drained, or leaves
join NODE    a node comes, with the configuration of the node that is asked
config FILE  every node that has the configuration of the one that is asked loads this file: an absolute path there

    cluster duravip plan die node2
    cluster duravip plan config /etc/holdfast/next.conf`,
  parse(words): PlanRequest {
    const [kind, what, ...rest] = words;
    if (rest.length > 0) throw usageError(form, `"${rest.join(" ")}" is more than the command takes`);
    if (kind === undefined || what === undefined) throw usageError(form, "an event, and a node or a file, are needed");
    switch (kind) {
      case "die":
      case "drain":
      case "join":
        return { kind, node: what };
      case "config":
        if (!what.startsWith("/")) throw usageError(form, "the daemon reads the file: give its absolute path");
        return { kind, file: what };
      default:
        throw usageError(form, `"${kind}" is no event`);
    }
  },
  run: ({ control }, request) => control.plan(request),
  *render({ moves, loads, rounds }) {
    for (const { address, from, to } of moves) yield `${address}: ${from ?? "(unowned)"} -> ${to ?? "(unowned)"}\n`;
    yield `${moves.length} ${moves.length === 1 ? "address" : "addresses"} would move`;
    yield rounds === 0 ? ".\n" : `, some of them in ${rounds} ${rounds === 1 ? "round" : "rounds"} of balance.\n`;
    for (const { node, before, after } of loads) yield `    \t${node}: ${before} -> ${after}\n`;
  },
});

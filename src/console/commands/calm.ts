import { defineCommand, oneArgument } from "../command.js";

const form = { name: "cluster calm", parameters: "<node>" };

/** Forgets how often a node has failed: it is given addresses like others. Any node may be asked. */
export default defineCommand({
  ...form,
  summary: "forget how often a node has failed, so that it is given addresses",
  effect: "changes",
  details: `<node>  one of the cluster, whether it is there just now or not; any node may be asked

    cluster calm node2`,
  parse: oneArgument(form, "a node"),
  run: ({ control }, node) => control.calm(node),
  *render({ node, wasDamped }) {
    yield wasDamped
      ? `${node} is damped no longer: what prefers it comes at once, its share of the rest in rounds of balance.\n`
      : `${node} was not damped; what was counted of its failures is forgotten.\n`;
  },
});

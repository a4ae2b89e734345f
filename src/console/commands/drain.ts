import { defineCommand, noArguments } from "../command.js";

const form = { name: "cluster drain", parameters: "" };

/** Empties the node that is asked, which stays a member. Answers when every address that others can have is with them. */
export default defineCommand({
  ...form,
  summary: "give away every address of this node that others can have, and take no more",
  effect: "changes",
  parse: noArguments(form),
  run: ({ control }) => control.drain(true),
  *render({ moved, elapsedMs, changed, left }) {
    if (!changed) yield "This node was drained already.\n";
    for (const { address, to } of moved) yield `${address} -> ${to}\n`;
    yield `Moved ${moved.length} ${moved.length === 1 ? "address" : "addresses"} in ${Math.round(elapsedMs)} ms; `;
    yield `${left === 0 ? "none is" : `${left} that nobody else can have ${left === 1 ? "is" : "are"}`} left.\n`;
    yield "To undo: cluster undrain\n";
  },
});

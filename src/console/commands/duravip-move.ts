import { defineCommand, usageError } from "../command.js";

const form = { name: "cluster duravip move", parameters: "<vip> [to] <node>" };

/** Moves a VIP, given by address or binding name, and everything that follows it. Answers when the new owner serves it. */
export default defineCommand({
  ...form,
  summary: "move a VIP, and what follows it, to another node",
  effect: "changes",
  parse(words) {
    const [vip, node, ...rest] = words.filter((word, at) => !(at === 1 && word === "to"));
    if (vip === undefined || node === undefined) throw usageError(form, "a VIP and a node are needed");
    if (rest.length > 0) throw usageError(form, `"${rest.join(" ")}" is more than the command takes`);
    return { vip, node };
  },
  run: ({ control }, { vip, node }) => control.move(vip, node),
  *render({ moved, elapsedMs }) {
    for (const { address, from, to } of moved) yield `${address}: ${from ?? "(unowned)"} -> ${to}\n`;
    yield `Moved ${moved.length} ${moved.length === 1 ? "address" : "addresses"} in ${Math.round(elapsedMs)} ms.\n`;
    const [first] = moved;
    if (first !== undefined && first.from !== null) {
      yield `To undo: cluster duravip move ${first.address} to ${first.from}\n`;
    }
  },
});

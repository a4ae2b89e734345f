import { defineCommand, oneArgument } from "../command.js";

const form = { name: "cluster duravip unpin", parameters: "<vip>" };

/** Lifts the pin of `cluster duravip move`. Answers when the VIP is at rest where placement wants it. */
export default defineCommand({
  ...form,
  summary: "let a VIP go where it belongs, after cluster duravip move",
  effect: "changes",
  details: `<vip>  its address, or the name of a binding on it; cluster duravip show names those that are pinned

    cluster duravip unpin vip-1`,
  parse: oneArgument(form, "a VIP"),
  run: ({ control }, vip) => control.unpin(vip),
  *render({ address, moved, elapsedMs, before, owner }) {
    for (const { address: one, from, to } of moved) yield `${one}: ${from ?? "(unowned)"} -> ${to}\n`;
    yield `${address} is pinned${before?.pin == null ? "" : ` to ${before.pin}`} no longer; `;
    yield moved.length > 0
      ? `moved ${moved.length} ${moved.length === 1 ? "address" : "addresses"} in ${Math.round(elapsedMs)} ms.\n`
      : `it stays at ${owner ?? "nobody"}.\n`;
    if (before?.pin != null) yield `To undo: cluster duravip move ${address} to ${before.pin}\n`;
  },
});

import type { Candidate } from "../../node/control.js";
import { defineCommand, oneArgument } from "../command.js";

const form = { name: "cluster duravip explain", parameters: "<vip>" };

/** The rule that puts a VIP where it is, every node that could have it beside what keeps it from it, and what would change it. */
export default defineCommand({
  ...form,
  summary: "say why a VIP is where it is, and what would change that",
  effect: "reads",
  details: `<vip>  its address, or the name of a binding on it

    cluster duravip explain vip-1`,
  parse: oneArgument(form, "a VIP"),
  run: ({ control }, vip) => control.explain(vip),
  *render({ address, lead, home, phase, because, candidates, otherwise }) {
    yield `${address}: ${home ?? "(unowned)"}${phase === "idle" ? "" : ` (${phase})`}: ${because}.\n`;
    if (lead !== address) yield `It goes along with ${lead}, always.\n`;
    for (const candidate of candidates) yield describe(candidate, candidate.node === home);
    for (const sentence of otherwise) yield `${sentence}\n`;
  },
});

function describe({ node, within, total, weight, damped, doubtful, out }: Candidate, isHome: boolean): string {
  const load = `${within} of its network, ${total} in all, weight ${weight}`;
  return `${isHome ? " *  " : "    "}\t${node}: ${load}${out === null ? "" : `; ${out}`}${reserve(damped, doubtful)}\n`;
}

function reserve(damped: boolean, doubtful: boolean): string {
  if (damped) return "; damped: given only what no other can have, for it failed too often lately";
  return doubtful
    ? "; doubtful: given only what no other can have, for it could not plumb what it was given lately"
    : "";
}

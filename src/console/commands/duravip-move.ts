import { defineCommand, usageError } from "../command.js";

const form = { name: "cluster duravip move", parameters: "<vip> [to] <node> [for <time>]" };

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function millisecondsOf(time: string): number {
  const [, count, unit = ""] = /^([1-9][0-9]{0,6})([smhd])$/.exec(time) ?? [];
  if (count === undefined) throw usageError(form, `"${time}" is no time: 90s, 15m, 2h or 1d is meant`);
  return Number(count) * (UNITS[unit] ?? 0) * 1000;
}

/** Moves a VIP, given by address or binding name, and everything that follows it. Answers when the new owner serves it. */
export default defineCommand({
  ...form,
  summary: "move a VIP, and what follows it, to another node",
  effect: "changes",
  details: `<vip>   its address, or the name of a binding on it; what follows it goes along
<node>  a member that configures it
<time>  90s, 15m, 2h or 1d; without one it stays until another move, or until the node departs

    cluster duravip move 10.1.1.1 to node2
    cluster duravip move vip-1 to node2 for 2h`,
  parse(words) {
    const [vip, node, ...rest] = words.filter((word, at) => !(at === 1 && word === "to"));
    if (vip === undefined || node === undefined) throw usageError(form, "a VIP and a node are needed");
    if (rest.length === 0) return { vip, node, forMs: 0 };
    const [word, time, ...more] = rest;
    if (word !== "for" || more.length > 0) throw usageError(form, `"${rest.join(" ")}" is more than the command takes`);
    return { vip, node, forMs: millisecondsOf(time ?? "") };
  },
  run: ({ control }, { vip, node, forMs }) => control.move(vip, node, forMs),
  *render({ moved, elapsedMs }) {
    for (const { address, from, to } of moved) yield `${address}: ${from ?? "(unowned)"} -> ${to}\n`;
    yield `Moved ${moved.length} ${moved.length === 1 ? "address" : "addresses"} in ${Math.round(elapsedMs)} ms.\n`;
    const [first] = moved;
    if (first !== undefined && first.from !== null) {
      yield `To undo: cluster duravip move ${first.address} to ${first.from}\n`;
    }
  },
});

import type { MoveResult } from "../../node/control.js";
import { defineCommand, usageError } from "../command.js";

const form = { name: "cluster duravip move", parameters: "<vip> [to] <node> [for <time>] [anyway]" };

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function millisecondsOf(time: string): number {
  const [, count, unit = ""] = /^([1-9][0-9]{0,6})([smhd])$/.exec(time) ?? [];
  if (count === undefined) throw usageError(form, `"${time}" is no time: 90s, 15m, 2h or 1d is meant`);
  return Number(count) * (UNITS[unit] ?? 0) * 1000;
}

/**
 * Moves a VIP, given by address or binding name, and everything that follows it. Answers when the new owner serves it, and
 * says what has come of it: a VIP may have been there, or on its way there, already.
 */
export default defineCommand({
  ...form,
  summary: "move a VIP, and what follows it, to another node",
  effect: "changes",
  details: `<vip>   its address, or the name of a binding on it; what follows it goes along
<node>  a member that configures it
<time>  90s, 15m, 2h or 1d; without one it stays until it is unpinned, another move, or the node departs
anyway  also where the node lacks a service that the VIP has now, so that clients would be refused

    cluster duravip move 10.1.1.1 to node2
    cluster duravip move vip-1 to node2 for 2h`,
  parse(words) {
    const [vip, node, ...rest] = words.filter((word, at) => !(at === 1 && word === "to"));
    if (vip === undefined || node === undefined) throw usageError(form, "a VIP and a node are needed");
    const anyway = rest.at(-1) === "anyway";
    const [word, time, ...more] = anyway ? rest.slice(0, -1) : rest;
    if (word === undefined) return { vip, node, forMs: 0, anyway };
    if (word !== "for" || more.length > 0) throw usageError(form, `"${rest.join(" ")}" is more than the command takes`);
    return { vip, node, forMs: millisecondsOf(time ?? ""), anyway };
  },
  run: ({ control }, { vip, node, forMs, anyway }) => control.move(vip, node, forMs, anyway),
  *render(result) {
    const { address, to, moved, missing, before, forMs } = result;
    for (const { address: one, from } of moved) yield `${one}: ${from ?? "(unowned)"} -> ${to}\n`;
    yield `${whatCameOfIt(result)}\n`;
    if (before !== null && before.lead !== address) yield `${address} goes along with ${before.lead}, always.\n`;
    if (missing !== null) yield `Warning: ${missing}.\n`;
    if (forMs > 0) yield `The pin ends by itself in ${inWords(forMs)}.\n`;
    yield* undo(result);
  },
});

function whatCameOfIt({ address, to, forMs, moved, elapsedMs, before }: MoveResult): string {
  const pinned = before?.pin === to;
  if (moved.length > 0) {
    const what = `Moved ${moved.length} ${moved.length === 1 ? "address" : "addresses"} in ${Math.round(elapsedMs)} ms`;
    return `${what}${pinned ? ", " : " and "}pinned there${pinned ? " already" : ""}.`;
  }
  const where = before?.atRest === false ? "was on its way to or from" : "is at";
  if (!pinned) return `${address} ${where} ${to} already; pinned it there.`;
  return forMs > 0
    ? `${address} ${where} ${to}, and pinned there, already; the time of its pin is new.`
    : `${address} ${where} ${to}, and pinned there, already; its pin has no end.`;
}

/** What was pinned before goes back to that pin; what was not goes back first, where it moved, and is let go of then. */
function* undo({ address, to, moved, before }: MoveResult): Iterable<string> {
  if (before === null || before.pin === to) return;
  if (before.pin !== null) return yield `To undo: cluster duravip move ${address} to ${before.pin}\n`;
  if (moved.length > 0 && before.owner !== null) {
    yield `To undo: cluster duravip move ${address} to ${before.owner}\n`;
    return yield `and then: cluster duravip unpin ${address}\n`;
  }
  yield `To undo: cluster duravip unpin ${address}\n`;
}

function inWords(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const [unit, size] = (["d", "h", "m"] as const)
    .map((name): [string, number] => [name, UNITS[name] ?? 1])
    .find(([, length]) => seconds % length === 0) ?? ["s", 1];
  return `${seconds / size}${unit}`;
}

import type { DuravipStatus } from "../../node/control.js";
import { defineCommand, noArguments } from "../command.js";

const form = { name: "cluster duravip show", parameters: "" };

/**
 * Every VIP with its bindings, ownership, marks, services, and a row for each node that configures it; the owner's row
 * has a star. The shape of the ancestor's command, which scripts parse:
 *
 *     10.80.116.50/bind-a/bind-b: (owned,safe) multivip
 *     <TAB>[view stable for 5420 seconds]
 *     <TAB>[configuration stable for 5409 seconds]
 *         <TAB>labrat-2 multivip
 *      *  <TAB>labrat-4 multivip
 *
 * A VIP on its way, pinned by a move, withheld from a part of the cluster, in a kernel that the cluster did not put it
 * into, or with an owner that is not well, has one bracketed line more for each.
 */
export default defineCommand({
  ...form,
  summary: "show every VIP: its owner, its marks and the services of each node on it",
  effect: "reads",
  parse: noArguments(form),
  run: ({ control }) => control.duravip(),
  *render(vips) {
    yield "DuraVIP State:\n";
    for (const vip of vips) yield describe(vip);
  },
});

function describe(vip: DuravipStatus): string {
  const services = new Set(vip.participants.flatMap((participant) => participant.services));
  const lines = [
    `${[vip.address, ...vip.bindings].join("/")}: (${vip.owner === null ? "unowned" : "owned"},${marks(vip)})`,
    ...[...services].map((service) => ` ${service}`),
    `\n\t[view stable for ${Math.floor(vip.viewStableSeconds)} seconds]\n`,
    `\t[configuration stable for ${Math.floor(vip.configurationStableSeconds)} seconds]\n`,
  ];
  if (vip.phase !== "idle") lines.push(`\t[${vip.phase}, on its way to ${vip.target ?? "nobody"}]\n`);
  if (vip.pinnedTo !== null) lines.push(`\t[pinned to ${vip.pinnedTo}${timeOf(vip.pinnedSeconds)}]\n`);
  if (vip.withheld) lines.push("\t[withheld: this part of the cluster has no quorum]\n");
  for (const { node, place } of vip.foreign) lines.push(`\t[${node} has it too, not from the cluster: ${place}]\n`);
  if (vip.trouble !== null) lines.push(`\t[${vip.trouble}]\n`);
  for (const { node, services: own } of vip.participants) {
    lines.push(`${node === vip.owner ? " *  " : "    "}\t${[node, ...own].join(" ")}\n`);
  }
  return lines.join("");
}

function timeOf(seconds: number | null): string {
  return seconds === null ? "" : ` for ${seconds} seconds`;
}

/** "safe", or every mark that the address has. */
function marks(vip: DuravipStatus): string {
  const found = [
    vip.broken && "broken",
    vip.conflict && "conflict",
    vip.unsafe && "unsafe",
    vip.foreign.length > 0 && "foreign",
  ].filter(Boolean);
  return found.length === 0 ? "safe" : found.join(",");
}

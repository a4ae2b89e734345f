import type { MemberStatus, NodeInfo } from "../../node/control.js";
import { defineCommand, noArguments } from "../command.js";

const form = { name: "cluster membership", parameters: "" };

/** "#ec0-20768#pono": how the ancestor's group daemon names one run of a node. */
export function privateName(member: MemberStatus): string {
  return `#ec0-${member.incarnation}#${member.node}`;
}

/** A line for each peer that is there and refused: it is no member, and may have addresses. */
export function* refusedLines(refused: NodeInfo["refusedPeers"]): Generator<string, undefined> {
  for (const { peer, reason, remedy } of refused) yield `Refused peer: ${peer} (another ${reason}): ${remedy}\n`;
}

/** One paragraph a member, in the shape of the ancestor's command. */
export default defineCommand({
  ...form,
  summary: "show the members of the group, this node included",
  effect: "reads",
  parse: noArguments(form),
  run: ({ control }) => withGroups(control.membership(), control.info()),
  *render(members) {
    let between = "";
    for (const member of members) {
      yield [
        `${between}Private Name: ${privateName(member)}`,
        `Node Name: ${member.node}`,
        "Subcluster: default",
        "Node Type: holdfast",
        `Version: ${member.version}`,
        `Address: ${member.address}`,
        ...member.troubles.map(({ topology, reason }) => `Trouble: ${reason} in ${topology}`),
        `Groups: ${member.groups.join(", ")}\n`,
      ].join("\n");
      between = "\n";
    }
    const withheld = members[0]?.withheld ?? 0;
    if (withheld > 0) yield `\nNo quorum: addresses withheld from this part of the cluster: ${withheld}\n`;
    const refused = members[0]?.refusedPeers ?? [];
    if (refused.length > 0) yield "\n";
    yield* refusedLines(refused);
  },
});

function withGroups(
  members: readonly MemberStatus[],
  { controlGroup, clusterGroup, withheld, refusedPeers }: NodeInfo,
) {
  return members.map((member) => ({ ...member, groups: [controlGroup, clusterGroup], withheld, refusedPeers }));
}

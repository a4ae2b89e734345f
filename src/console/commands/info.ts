import { defineCommand, noArguments } from "../command.js";
import { privateName, refusedLines } from "./membership.js";

const form = { name: "cluster info", parameters: "" };

/** What this node thinks of itself and its group. The first four lines have the shape of the ancestor's command. */
export default defineCommand({
  ...form,
  summary: "show this node's connection to the group, and who leads it",
  effect: "reads",
  parse: noArguments(form),
  run({ control }) {
    const self = control.membership().find((member) => member.self);
    return { ...control.info(), privateName: self === undefined ? null : privateName(self) };
  },
  *render(info) {
    yield `Daemon: ${info.channelPort} [m:${info.privateName ?? "none"}]\n`;
    yield `Control Group: ${info.controlGroup}\n`;
    yield `Cluster Group: ${info.clusterGroup} (${info.leader === null ? "no leader" : `${info.leader} is leader`})\n`;
    yield "Logger Group: none\n";
    yield `View: ${info.viewSeq} (${info.quorate ? "quorate" : "not quorate"})\n`;
    yield* refusedLines(info.refusedPeers);
    yield `Version: ${info.version}\n`;
    yield `Uptime: ${Math.floor(info.uptimeSeconds)} seconds\n`;
  },
});

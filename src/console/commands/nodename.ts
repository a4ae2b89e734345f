import { defineCommand, noArguments } from "../command.js";

const form = { name: "cluster nodename", parameters: "" };

export default defineCommand({
  ...form,
  summary: "print the name of this node",
  effect: "reads",
  parse: noArguments(form),
  run: ({ control }) => control.info().node,
  render: (node) => [`${node}\n`],
});

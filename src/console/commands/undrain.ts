import { defineCommand, noArguments } from "../command.js";

const form = { name: "cluster undrain", parameters: "" };

/** The opposite of `cluster drain`. Balance brings addresses back in its rounds; what prefers this node comes at once. */
export default defineCommand({
  ...form,
  summary: "let this node be given addresses again, after cluster drain",
  effect: "changes",
  parse: noArguments(form),
  run: ({ control }) => control.drain(false),
  *render({ changed }) {
    yield changed ? "This node is given addresses again.\n" : "This node was not drained; nothing has changed.\n";
  },
});

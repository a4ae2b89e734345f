import { HoldfastError } from "../../errors.js";
import { defineCommand, noArguments } from "../command.js";

const form = { name: "cluster nodeaddr", parameters: "" };

export default defineCommand({
  ...form,
  summary: "print the address and port at which peers hand mail to this node",
  effect: "reads",
  parse: noArguments(form),
  run({ control }) {
    const self = control.membership().find((member) => member.self);
    if (self === undefined) throw new HoldfastError("ERR_COMMAND", "this node is in no view yet");
    return self.address;
  },
  render: (address) => [`${address}\n`],
});

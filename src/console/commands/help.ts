import { HoldfastError } from "../../errors.js";
import { type Command, defineCommand, usage } from "../command.js";

/** @param commands the others; a function, since the list holds this command too. */
export function helpCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: "help",
    parameters: "[command]",
    summary: "list the commands, or those whose name begins with the words given",
    effect: "reads",
    parse: (words) => words.join(" "),
    run(_context, prefix) {
      const found = commands().filter(({ name }) => `${name} `.startsWith(prefix === "" ? "" : `${prefix} `));
      if (found.length === 0) throw new HoldfastError("ERR_COMMAND", `no command begins with "${prefix}"; try help`);
      return found.map(({ name, parameters, summary, effect }) => ({ name, parameters, summary, effect }));
    },
    *render(found) {
      for (const command of found) {
        yield `${usage(command)}\n    ${command.summary}${command.effect === "changes" ? " (changes the cluster)" : ""}\n`;
      }
    },
  });
}

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
    run: (_context, prefix) => describeCommands(commands(), prefix),
    render: renderHelp,
  });
}

type Description = Pick<Command, "name" | "parameters" | "summary" | "effect" | "details">;

/** @throws ERR_COMMAND where no name begins with these words. */
export function describeCommands(commands: readonly Command[], prefix: string): Description[] {
  const found = commands.filter(({ name }) => `${name} `.startsWith(prefix === "" ? "" : `${prefix} `));
  if (found.length === 0) throw new HoldfastError("ERR_COMMAND", `no command begins with "${prefix}"; try help`);
  return found.map(({ name, parameters, summary, effect, details }) => ({
    name,
    parameters,
    summary,
    effect,
    details,
  }));
}

/** All of a command where it is the only one, a line of each where there are several. */
export function* renderHelp(found: readonly Description[]): Iterable<string> {
  for (const command of found) {
    yield `${usage(command)}\n    ${command.summary}${command.effect === "changes" ? " (changes the cluster)" : ""}\n`;
  }
  const [only, ...others] = found;
  if (only === undefined || others.length > 0 || only.details === "") return;
  yield `\n${only.details.replace(/^(?=.)/gm, "    ")}\n`;
}

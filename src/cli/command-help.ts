/** Help of a console command, which needs no daemon: \`holdfast mailq --help\`, \`holdfast help mailq\`. */
import { parseArgs } from "node:util";
import { describeCommands, renderHelp } from "../console/commands/help.js";
import { COMMANDS } from "../console/registry.js";

/**
 * @param words what stands after the program's name.
 * @returns null where no help of a console command is asked for: that of the program itself, and of what it does without a
 *   daemon, is commander's. @throws ERR_COMMAND where no command begins with the words.
 */
export function commandHelp(words: readonly string[]): string | null {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { help: { type: "boolean", short: "h" }, json: { type: "boolean" }, socket: { type: "string" } },
    strict: false,
    allowPositionals: true,
  });
  const [first, ...rest] = positionals;
  if (first === "help") return helpOn(rest);
  const isOurs = first !== undefined && COMMANDS.some(({ name }) => name.split(" ")[0] === first);
  return isOurs && values.help === true ? helpOn(namePart(positionals)) : null;
}

/** The name without the arguments behind it; all of it where it is only the beginning of a name. */
function namePart(words: readonly string[]): readonly string[] {
  const command = COMMANDS.find(({ name }) => `${words.join(" ")} `.startsWith(`${name} `));
  return command === undefined ? words : command.name.split(" ");
}

function helpOn(words: readonly string[]): string {
  return [...renderHelp(describeCommands(COMMANDS, words.join(" ")))].join("");
}

import { HoldfastError } from "../errors.js";
import { nearest } from "../nearest.js";
import type { Command } from "./command.js";
import calm from "./commands/calm.js";
import drain from "./commands/drain.js";
import duravipExplain from "./commands/duravip-explain.js";
import duravipMove from "./commands/duravip-move.js";
import duravipPlan from "./commands/duravip-plan.js";
import duravipShow from "./commands/duravip-show.js";
import duravipUnpin from "./commands/duravip-unpin.js";
import { helpCommand } from "./commands/help.js";
import info from "./commands/info.js";
import mailq from "./commands/mailq.js";
import membership from "./commands/membership.js";
import nodeaddr from "./commands/nodeaddr.js";
import nodename from "./commands/nodename.js";
import summary from "./commands/summary.js";
import undrain from "./commands/undrain.js";

/** Every console command, by name. */
export const COMMANDS: readonly Command[] = [
  calm,
  drain,
  duravipExplain,
  duravipMove,
  duravipPlan,
  duravipShow,
  duravipUnpin,
  info,
  membership,
  nodeaddr,
  nodename,
  helpCommand(() => COMMANDS),
  mailq,
  summary,
  undrain,
];

/** The command whose name the words begin with, and the words after it. Throws ERR_COMMAND where there is none. */
export function findCommand(words: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  const text = `${words.join(" ")} `;
  const command = COMMANDS.find(({ name }) => text.startsWith(`${name} `));
  if (command === undefined) throw unknownCommand(words);
  return { command, rest: words.slice(command.name.split(" ").length) };
}

/** @param others names that count as commands too, where somebody may have meant them. */
export function unknownCommand(words: readonly string[], others: readonly string[] = []): HoldfastError {
  const text = words.join(" ");
  const names = [...COMMANDS.map(({ name }) => name), ...others];
  const longer = names.filter((name) => name.startsWith(`${text} `));
  if (longer.length > 0) {
    return new HoldfastError("ERR_COMMAND", `"${text}" is only the beginning of a command: ${longer.join(", ")}`);
  }
  const meant = nearestCommand(words, names);
  const remedy = meant === null ? "help lists them" : `did you mean "${meant}"?`;
  return new HoldfastError("ERR_COMMAND", `there is no command "${text}"; ${remedy}`);
}

/** What follows the name may be anything: only as many words as a name has are held against it. */
function nearestCommand(words: readonly string[], names: readonly string[]): string | null {
  const wordCount = (name: string) => name.split(" ").length;
  for (let count = Math.max(...names.map(wordCount)); count > 0; count--) {
    const text = words.slice(0, count).join(" ");
    const near = nearest(
      text,
      names.filter((name) => wordCount(name) === count),
    );
    if (near !== null) return near;
  }
  return null;
}

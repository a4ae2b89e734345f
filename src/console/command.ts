import { HoldfastError } from "../errors.js";
import type { NodeControl } from "../node/control.js";

/** What a command may look at. */
export interface CommandContext {
  readonly control: NodeControl;
  /** Counters of the control server itself. */
  readonly consoleCounters: Readonly<Record<string, number>>;
}

/** One console command, as its file describes it. */
export interface CommandDefinition<Args, Result> {
  /** Words as typed: subject first, then verb. */
  readonly name: string;
  /** What follows the name, "<vip> [to] <node>", or "". */
  readonly parameters: string;
  /** One line, a verb first, no full stop. */
  readonly summary: string;
  readonly effect: "reads" | "changes";
  /** What its own help says besides: what the parameters mean, examples. Lines, without a line end behind the last. */
  readonly details?: string;
  /** Throws ERR_COMMAND for words that the command does not take; `usageError` makes one. */
  parse(words: readonly string[]): Args;
  /** Plain JSON data: what `--json` prints. */
  run(context: CommandContext, args: Args): Result | Promise<Result>;
  /** The same data for people: text in pieces of about a line, each with its line end. Lazy, since there may be
   * 100,000 addresses and the event loop has other work. */
  render(result: Result): Iterable<string>;
}

export interface Command {
  readonly name: string;
  readonly parameters: string;
  readonly summary: string;
  readonly effect: "reads" | "changes";
  readonly details: string;
  answer(context: CommandContext, words: readonly string[], json: boolean): Promise<Iterable<string>>;
}

export function defineCommand<Args, Result>(definition: CommandDefinition<Args, Result>): Command {
  const { name, parameters, summary, effect, details = "" } = definition;
  return {
    name,
    parameters,
    summary,
    effect,
    details,
    async answer(context, words, json) {
      const result = await definition.run(context, definition.parse(words));
      return json ? renderJson(result) : definition.render(result);
    },
  };
}

export function usage(command: Pick<Command, "name" | "parameters">): string {
  return command.parameters === "" ? command.name : `${command.name} ${command.parameters}`;
}

export function usageError(command: Pick<Command, "name" | "parameters">, problem: string): HoldfastError {
  return new HoldfastError("ERR_COMMAND", `${problem}; usage: ${usage(command)}`, { command: command.name });
}

/** `parse` of a command that takes no arguments. */
export function noArguments(command: Pick<Command, "name" | "parameters">): (words: readonly string[]) => null {
  return (words) => {
    if (words.length > 0) throw usageError(command, `"${words.join(" ")}" is more than the command takes`);
    return null;
  };
}

/** `parse` of a command that takes one. @param what "a VIP" */
export function oneArgument(
  command: Pick<Command, "name" | "parameters">,
  what: string,
): (words: readonly string[]) => string {
  return ([word, ...rest]) => {
    if (word === undefined) throw usageError(command, `${what} is needed`);
    if (rest.length > 0) throw usageError(command, `"${rest.join(" ")}" is more than the command takes`);
    return word;
  };
}

/** One JSON document: an array with one line an element, anything else indented. */
function* renderJson(result: unknown): Iterable<string> {
  if (!Array.isArray(result)) {
    yield `${JSON.stringify(result, null, 2)}\n`;
    return;
  }
  let before = "[\n  ";
  for (const item of result) {
    yield `${before}${JSON.stringify(item)}`;
    before = ",\n  ";
  }
  yield result.length === 0 ? "[]\n" : "\n]\n";
}

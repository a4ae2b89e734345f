import { Command, CommanderError } from "commander";
import { askControl } from "../console/client.js";
import { COMMANDS, findCommand, unknownCommand } from "../console/registry.js";
import { usage } from "../console/command.js";
import { commandHelp } from "./command-help.js";
import { ERROR_CODES, explain, HoldfastError } from "../errors.js";
import { version } from "../daemon/version.js";
import { runConfigCheck } from "./config-check.js";
import { describeKernelCommand } from "./kernel/command.js";
import { describeSimulateCommand } from "./simulate/command.js";

/** Where the command line writes, and what it knows of its surroundings. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Text for people and pipes. Rejects when nobody reads any more. */
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => void;
  /** How far something is, over and over in one line; null where nobody watches: stderr is no terminal. "" clears the line. */
  readonly progress: ((text: string) => void) | null;
  /** Aborts when this process is asked to end by SIGINT or SIGTERM, from the call on. The second one ends it. */
  readonly stopped: () => AbortSignal;
}

const DEFAULT_SOCKET = "/run/holdfast/control.sock";

/** What this program does itself. */
const LOCAL_COMMANDS = ["config check", "kernel", "simulate"];

const UNREACHABLE_REMEDY =
  "Is holdfastd running, does its Control_Listener name this path, and may you open it? See --socket and HOLDFAST_SOCKET.";

/**
 * The `holdfast` command.
 *
 * @param words what stands after the program's name.
 * @returns the exit status: 0, or that of the error in docs/ERRORS.md. Prints what failed; never throws.
 */
export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  let exit = 0;
  const program = describeProgram(surroundings, (status) => {
    exit = status;
  });
  try {
    const help = commandHelp(words);
    if (help !== null) await surroundings.out(help);
    else await program.parseAsync(words, { from: "user" });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ERROR_CODES.ERR_USAGE.exit;
    return report(error, surroundings);
  }
}

function report(error: unknown, { err }: Surroundings): number {
  if (!(error instanceof HoldfastError)) throw error;
  err(`holdfast: ${error.code}: ${explain(error)}\n`);
  if (error.code === "ERR_CONTROL_UNREACHABLE") err(`${UNREACHABLE_REMEDY}\n`);
  return ERROR_CODES[error.code].exit;
}

/** So that a typo is called one where no daemon answers, too. */
function requireCommand(words: readonly string[]): void {
  try {
    findCommand(words);
  } catch {
    throw unknownCommand(words, LOCAL_COMMANDS);
  }
}

function describeProgram(surroundings: Surroundings, setExit: (status: number) => void): Command {
  const { environment, out, err } = surroundings;
  const program = new Command("holdfast")
    .description(
      "Asks a running holdfastd, checks a configuration, changes the addresses of this host by hand, or simulates clusters.",
    )
    .version(version)
    .option("--socket <path>", "control socket of the daemon", environment["HOLDFAST_SOCKET"] ?? DEFAULT_SOCKET)
    .option("--json", "print the data itself as JSON")
    .argument("[command...]", "console command, as listed below")
    .allowUnknownOption() // `mailq --limit 5`: the daemon knows its commands' options
    .exitOverride()
    .configureOutput({ writeOut: (text) => void out(text), writeErr: err })
    .addHelpText(
      "after",
      `\nConsole commands:\n${COMMANDS.map((each) => `  ${usage(each)}\n      ${each.summary}`).join("\n")}`,
    )
    .action(async (words: readonly string[], options: { readonly socket: string; readonly json?: true }) => {
      if (words.length === 0) program.help({ error: true });
      requireCommand(words);
      const answer = askControl(options.socket, words.join(" "), { json: options.json === true });
      for await (const piece of answer) await out(piece);
    });
  program
    .command("config")
    .description("work on configuration files; needs no daemon")
    .command("check <file>")
    .description("print everything that is wrong with a configuration; exit 0 when nothing is, 78 when something is")
    .option("--node <name>", "read it as this node would")
    .action(async (file: string, options: { readonly node?: string }) => {
      const json = program.opts<{ json?: true }>().json === true;
      const check = await runConfigCheck(file, { ...options, json });
      await out(check.text);
      setExit(check.exit);
    });
  const context = {
    ...surroundings,
    json: () => program.opts<{ json?: true }>().json === true,
    setExit,
  };
  describeKernelCommand(program, context);
  describeSimulateCommand(program, context);
  return program;
}

/**
 * The life of a daemon: reads the command line and the configuration, starts its parts, ends them when a signal asks
 * for it.
 */
import inspector from "node:inspector";
import { Command, CommanderError, Option } from "commander";
import { fileReader, nodeFacts, searchPathFromEnvironment } from "../cli/config-reader.js";
import { formatDiagnostic, parseConfig } from "../config/index.js";
import type { Config, ConfigResult, Diagnostic } from "../config/types.js";
import { HoldfastError } from "../errors.js";
import type { NodeEventSink } from "../node/node.js";
import { startDaemon } from "./daemon.js";
import { type EventLog, eventLog } from "./log.js";
import type { LogWriter } from "./log-writer.js";
import type { Signals } from "./signals.js";
import { version } from "./version.js";

interface Options {
  readonly config: string;
  readonly node?: string;
  readonly logLevel: string;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;

/** Resolves once the daemon has ended in order. Whatever it throws is for the entry to tell. */
export async function run(signals: Signals, out: LogWriter): Promise<void> {
  const options = readOptions();
  if (options === null) return;
  const log = eventLog(options.logLevel, out);
  // Before the entry's own listener, which ends the process.
  process.prependListener("uncaughtException", () => log.flush());
  signals.listen(({ code, signal }) => log.sink({ level: "info", code, facts: { signal } }));
  closeInspector(log.sink);
  try {
    await live(readConfig(options.config, options.node), log, signals);
  } finally {
    log.flush();
  }
}

/** @returns null when help or the version was asked for, and shown. @throws ERR_USAGE. */
function readOptions(): Options | null {
  const program = new Command("holdfastd")
    .description("keeps the addresses of a mail cluster alive")
    .version(version)
    .requiredOption("--config <file>", "configuration in the ecelerity syntax")
    .option("--node <name>", "name of this node; default: cluster nodename, EC_NODE_NAME, host name")
    .addOption(new Option("--log-level <level>", "what to write").choices(LEVELS).default("info"))
    .exitOverride()
    // What is wrong is told as every other failure is.
    .configureOutput({ outputError: () => {} });
  try {
    return program.parse().opts<Options>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return null;
    throw new HoldfastError("ERR_USAGE", error.message);
  }
}

async function live(config: Config, log: EventLog, signals: Signals): Promise<void> {
  const readAnother = (file: string) => checkedConfig(file, config.nodename);
  const daemon = await startDaemon(config, {
    version,
    sink: log.sink,
    readConfig: readAnother,
    ending: signals.ending,
  });
  if (daemon !== null) {
    log.sink({ level: "info", code: "started", facts: { node: config.nodename, version, pid: process.pid } });
    await signals.ended();
    await daemon.stop();
  }
  log.flush(); // What is held back comes before the last line.
  log.sink({ level: "info", code: "stopped", facts: {} });
}

/**
 * NODE_OPTIONS in the environment of a service must not open a door to its memory, and with that to the cluster's key.
 */
function closeInspector(sink: NodeEventSink): void {
  const url = inspector.url();
  if (url === undefined) return;
  inspector.close();
  sink({ level: "warn", code: "inspector-closed", facts: { url } });
}

/** Prints every error of a broken configuration and ends with 78 before anything was touched. */
function readConfig(file: string, node: string | undefined): Config {
  const { config, diagnostics } = parse(file, node);
  for (const diagnostic of diagnostics) process.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
  if (config !== null) return config;
  throw new HoldfastError(codeOf(diagnostics), `${file} has errors; nothing was started`, { file });
}

/** A configuration that somebody asks about while the daemon runs: its first error is all that is told. */
function checkedConfig(file: string, node: string): Config {
  const { config, diagnostics } = parse(file, node);
  if (config !== null) return config;
  const first = diagnostics.find(({ severity }) => severity === "error");
  const what = first === undefined ? "" : `: ${first.at.file}:${first.at.line}: ${first.message}`;
  throw new HoldfastError(codeOf(diagnostics), `${file} has errors${what}`, { file });
}

function parse(file: string, node: string | undefined): ConfigResult {
  const searchPath = searchPathFromEnvironment();
  return parseConfig(file, { reader: fileReader, nodename: nodeFacts(node), ...(searchPath && { searchPath }) });
}

function codeOf(diagnostics: readonly Diagnostic[]): "ERR_CONFIG_UNREADABLE" | "ERR_CONFIG_INVALID" {
  return diagnostics.some(({ rule }) => rule === "unreadable") ? "ERR_CONFIG_UNREADABLE" : "ERR_CONFIG_INVALID";
}

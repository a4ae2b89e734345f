#!/usr/bin/env node
/** `holdfastd`: reads the command line, starts the daemon, turns signals into an orderly end. */
import { Command, CommanderError, Option } from "commander";
import { fileReader, nodeFacts, searchPathFromEnvironment } from "../cli/config-reader.js";
import { formatDiagnostic, parseConfig } from "../config/index.js";
import type { Config, ConfigResult, Diagnostic } from "../config/types.js";
import { ERROR_CODES, explain, HoldfastError } from "../errors.js";
import { startDaemon, type Daemon } from "./daemon.js";
import { eventLog } from "./log.js";
import { version } from "./version.js";

interface Options {
  readonly config: string;
  readonly node?: string;
  readonly logLevel: string;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;

const options = readOptions();
const log = eventLog(options.logLevel);

try {
  await run(readConfig(options.config, options.node));
} catch (error) {
  fail(error);
}

function readOptions(): Options {
  const program = new Command("holdfastd")
    .description("keeps the addresses of a mail cluster alive")
    .version(version)
    .requiredOption("--config <file>", "configuration in the ecelerity syntax")
    .option("--node <name>", "name of this node; default: cluster nodename, EC_NODE_NAME, host name")
    .addOption(new Option("--log-level <level>", "what to write").choices(LEVELS).default("info"))
    .exitOverride();
  try {
    return program.parse().opts<Options>();
  } catch (error) {
    // Commander has said what is wrong, or shown the help that was asked for.
    const asked = error instanceof CommanderError && error.exitCode === 0;
    process.exit(asked ? 0 : ERROR_CODES.ERR_USAGE.exit);
  }
}

async function run(config: Config): Promise<void> {
  const daemon = await startDaemon(config, {
    version,
    sink: log,
    readConfig: (file) => checkedConfig(file, config.nodename),
  });
  log({ level: "info", code: "started", facts: { node: config.nodename, version, pid: process.pid } });
  await firstSignal();
  await end(daemon);
}

async function end(daemon: Daemon): Promise<void> {
  log({ level: "info", code: "stopping", facts: {} });
  await daemon.stop();
  log({ level: "info", code: "stopped", facts: {} });
  process.exit(0);
}

/** A second signal does not hasten the end: SIGKILL does, and a lifeline makes even that a clean one. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
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

function fail(error: unknown): never {
  const code = error instanceof HoldfastError ? error.code : null;
  log({ level: "error", code: "failed", facts: { error: code ?? "bug", reason: explain(error) } });
  process.stderr.write(`holdfastd: ${explain(error)}${code === null ? "" : ` (${code})`}\n`);
  if (code === null && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(code === null ? 70 : ERROR_CODES[code].exit);
}

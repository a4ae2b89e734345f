/** `holdfast config check FILE`: every mistake of a configuration, found without touching anything. */
import { checkReport, formatReport, parseConfig } from "../config/index.js";
import { ERROR_CODES } from "../errors.js";
import { fileReader, nodeFacts, searchPathFromEnvironment } from "./config-reader.js";

export interface ConfigCheck {
  /** What to print, with its last line end. */
  readonly text: string;
  /** 0 valid, 78 not valid, 66 where a file could not be read. */
  readonly exit: 0 | 78 | 66;
}

export function runConfigCheck(file: string, options: { node?: string; json?: boolean }): ConfigCheck {
  const searchPath = searchPathFromEnvironment();
  const result = parseConfig(file, {
    reader: fileReader,
    nodename: nodeFacts(options.node),
    ...(searchPath && { searchPath }),
  });
  const report = checkReport(file, result);
  const text = options.json === true ? JSON.stringify(report, null, 2) : formatReport(report);
  return {
    text: `${text}\n`,
    exit: exitOf(
      report.valid,
      result.diagnostics.some(({ rule }) => rule === "unreadable"),
    ),
  };
}

function exitOf(valid: boolean, unreadable: boolean): ConfigCheck["exit"] {
  if (valid) return 0;
  return unreadable ? ERROR_CODES.ERR_CONFIG_UNREADABLE.exit : ERROR_CODES.ERR_CONFIG_INVALID.exit;
}

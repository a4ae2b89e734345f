/** `holdfast config check FILE`: every mistake of a configuration, found without touching anything. */
import { checkReport, formatReport, parseConfig } from "../config/index.js";
import type { ConfigResult, Diagnostic } from "../config/types.js";
import { ERROR_CODES, explain } from "../errors.js";
import { deriveKeys, readClusterKey } from "../group/key.js";
import { fileReader, nodeFacts, searchPathFromEnvironment } from "./config-reader.js";

export interface ConfigCheck {
  /** What to print, with its last line end. */
  readonly text: string;
  /** 0 valid, 78 not valid, 66 where a file could not be read. */
  readonly exit: 0 | 78 | 66;
}

export async function runConfigCheck(file: string, options: { node?: string; json?: boolean }): Promise<ConfigCheck> {
  const searchPath = searchPathFromEnvironment();
  const result = await withKeyFile(
    parseConfig(file, { reader: fileReader, nodename: nodeFacts(options.node), ...(searchPath && { searchPath }) }),
  );
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

/** A node with peers does not start without its key: that is part of what a check is asked for. */
async function withKeyFile({ config, diagnostics }: ConfigResult): Promise<ConfigResult> {
  const { keyFile, keyFileAt } = config?.cluster ?? { keyFile: null, keyFileAt: null };
  if (keyFile === null || keyFileAt === null) return { config, diagnostics };
  try {
    deriveKeys(await readClusterKey(keyFile));
    return { config, diagnostics };
  } catch (error) {
    const message = explain(error);
    const wrong: Diagnostic = {
      severity: "error",
      rule: "key-file-unusable",
      message,
      at: keyFileAt,
      line: "",
      remedy: null,
    };
    return { config: null, diagnostics: [...diagnostics, wrong] };
  }
}

function exitOf(valid: boolean, unreadable: boolean): ConfigCheck["exit"] {
  if (valid) return 0;
  return unreadable ? ERROR_CODES.ERR_CONFIG_UNREADABLE.exit : ERROR_CODES.ERR_CONFIG_INVALID.exit;
}

/** The public face of the configuration. */
export { formatDiagnostic } from "./diagnostics.js";
export { SEARCH_PATH } from "./includes.js";
export { type NodeFacts, resolveNodename } from "./nodename.js";
export { type ParseOptions, parseConfig } from "./parse-config.js";
export { type CheckReport, type CheckSummary, checkReport, formatReport } from "./report.js";
export type * from "./types.js";

/** What `holdfast config check` says, for people and for programs. */
import { formatDiagnostic } from "./diagnostics.js";
import type { ConfigResult, Diagnostic } from "./types.js";

/** The `--json` form. Fields may be added; none changes its meaning. */
export interface CheckReport {
  readonly file: string;
  readonly valid: boolean;
  /** Whose configuration it is, and what is in it; null where it has errors. */
  readonly summary: CheckSummary | null;
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
  readonly diagnostics: readonly Diagnostic[];
}

export interface CheckSummary {
  readonly node: string;
  readonly peers: number;
  readonly topologies: number;
  readonly bindings: number;
  readonly listens: number;
  /** Different addresses that the cluster manages, followers included. */
  readonly vips: number;
}

export function checkReport(file: string, { config, diagnostics }: ConfigResult): CheckReport {
  const count = (severity: Diagnostic["severity"]) =>
    diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  const summary = config && {
    node: config.nodename,
    peers: config.peers.length,
    topologies: config.topologies.length,
    bindings: config.bindings.length,
    listens: config.listens.length,
    vips: new Set([
      ...config.bindings.filter(({ duravip }) => duravip.enabled).map(({ address }) => address),
      ...config.listens.filter(({ duravip, follow }) => duravip.enabled || follow).map(({ endpoint }) => endpoint.host),
    ]).size,
  };
  const counts = { errors: count("error"), warnings: count("warning"), notes: count("note") };
  return { file, valid: config !== null, summary, ...counts, diagnostics };
}

/** Every diagnostic, then one line that sums it up. No last line end. */
export function formatReport({ file, summary, errors, warnings, notes, diagnostics }: CheckReport): string {
  const counts = [plural(errors, "error"), plural(warnings, "warning"), plural(notes, "note")];
  const said = counts.filter((count) => !count.startsWith("0 ")).join(", ");
  const closing =
    summary === null
      ? `${file}: not valid: ${said}`
      : `${file}: valid for node ${summary.node}: ${plural(summary.vips, "VIP")}, ` +
        `${plural(summary.bindings, "binding")}, ${plural(summary.listens, "listener")}, ` +
        `${plural(summary.topologies, "topology", "topologies")}, ${plural(summary.peers, "peer")}` +
        (said === "" ? "" : ` (${said})`);
  return [...diagnostics.map(formatDiagnostic), closing].join("\n");
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** PURE: a StoryReport as text for people. */
import { type Outage, spread } from "./outages.js";
import type { Violation } from "./records.js";
import type { MailReport, PhaseReport, StoryReport } from "./story.js";

/** More of them would hide what they have in common. */
const SHOWN_VIOLATIONS = 12;

export function renderReport(report: StoryReport): string {
  return [
    ...phaseTable(report.phases),
    "",
    ...LEGEND,
    "",
    `first VIP answered ${ms(report.firstAnswerMs)} after the first daemon's start, the last ${ms(report.lastAnswerMs)}`,
    ...figures(report.phases),
    ...mailLines(report.mail),
    ...report.phases.flatMap((phase) => violationLines(`phase ${phase.name}`, phase.violations)),
    ...violationLines("mail", report.mail.violations),
  ].join("\n");
}

const LEGEND = [
  "n1 ...      VIPs that the node owned once the phase had settled; - for a node that was away",
  "away        from the fault, or else from the first connection that failed, to the 220 of the new home",
  "no accept   the same, to the start of the connection that got that 220",
  "disturbed   VIPs that kept their home and were away all the same, and for how long at most",
];

/** The figures that the project sets itself goals for. */
function figures(phases: readonly PhaseReport[]): readonly string[] {
  const longest = (name: string, of: (outage: Outage) => number | null): string => {
    const moved = phases.find((phase) => phase.name === name)?.moved ?? [];
    const all = spread(moved.map((outage) => of(outage) ?? Number.POSITIVE_INFINITY));
    return all === null ? "not seen" : ms(all.max);
  };
  return [
    `from SIGKILL of a daemon to the last of its VIPs answering elsewhere: ${longest("crash", (one) => one.answeringMs)}`,
    `from cutting a host off to the last of its VIPs answering elsewhere: ${longest("cut-off", (one) => one.answeringMs)}`,
    `gap of an address in a planned move: ${longest("move", (one) => one.acceptingMs)}`,
  ];
}

/** One row a phase. */
function phaseTable(phases: readonly PhaseReport[]): readonly string[] {
  const nodes = [...new Set(phases.flatMap((phase) => Object.keys(phase.owned)))].toSorted();
  const head = [
    "phase",
    "what",
    ...nodes,
    "moved",
    "away min",
    "median",
    "max",
    "no accept max",
    "disturbed",
    "checks",
  ];
  return columns([
    head,
    ...phases.map((phase) => [
      phase.name,
      phase.what,
      ...nodes.map((node) => String(phase.owned[node]?.length ?? "-")),
      String(phase.moved.length),
      ...awayCells(phase.name === "form" ? [] : phase.moved),
      disturbedCell(phase.disturbed),
      phase.violations.length === 0 ? "held" : `${phase.violations.length} FAILED`,
    ]),
  ]);
}

function awayCells(moved: readonly Outage[]): readonly string[] {
  const answering = spread(moved.map((outage) => outage.answeringMs ?? Number.POSITIVE_INFINITY));
  const accepting = spread(moved.map((outage) => outage.acceptingMs ?? Number.POSITIVE_INFINITY));
  if (answering === null || accepting === null) return ["-", "-", "-", "-"];
  return [ms(answering.min), ms(answering.median), ms(answering.max), ms(accepting.max)];
}

function disturbedCell(disturbed: readonly Outage[]): string {
  const longest = spread(disturbed.map((outage) => outage.acceptingMs ?? Number.POSITIVE_INFINITY));
  return longest === null ? "-" : `${disturbed.length} (${ms(longest.max)})`;
}

function mailLines(mail: MailReport): readonly string[] {
  const refused = Object.entries(mail.refused);
  const total = refused.reduce((sum, [, count]) => sum + count, 0);
  return [
    `mail: ${mail.accepted} messages got a 250, ${mail.delivered} arrived, ${mail.movedBetweenNodes} moves between nodes, ` +
      `${mail.twiceInDoubt} came twice having been logged as in doubt`,
    `      ${total} were not accepted and are nobody's promise${refused.length === 0 ? "" : ":"}`,
    ...refused.map(([reason, count]) => `      ${String(count).padStart(6)}  ${reason}`),
  ];
}

export function violationLines(where: string, violations: readonly Violation[]): readonly string[] {
  if (violations.length === 0) return [];
  const shown = violations.slice(0, SHOWN_VIOLATIONS);
  const hidden = violations.length - shown.length;
  return [
    "",
    `FAILED in ${where}:`,
    ...shown.map((one) => `  ${one.check} ${one.subject}: expected ${one.expected}; saw ${one.seen}`),
    ...(hidden > 0 ? [`  and ${hidden} more`] : []),
  ];
}

/** Left-aligned columns, two blanks apart. */
export function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

function ms(value: number): string {
  return Number.isFinite(value) ? `${Math.round(value)} ms` : "for good";
}

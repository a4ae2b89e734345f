/**
 * When an address goes back to a member that is preferred to the one that has it: `failback` of its Topology, in the text
 * that the configuration has, "immediate", "never", a number of seconds, or a time of day such as "02:00-04:30".
 *
 * Source: docs/PROTOCOL.md, "Placement".
 */

/** At once, in placement; every other text asks for the leader's word. */
export const IMMEDIATE = "immediate";

/** What the leader knows of the member and of the hour. */
export interface Occasion {
  /** How long the member has been able to have the address, by the leader's clock. */
  readonly healthyMs: number;
  /** Local time, since midnight; null where it is not known. */
  readonly msOfDay: number | null;
}

type Terms =
  | { readonly kind: "immediate" | "never" }
  | { readonly kind: "after"; readonly ms: number }
  | { readonly kind: "daily"; readonly from: number; readonly to: number };

const DAILY = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

export function isDue(failback: string, { healthyMs, msOfDay }: Occasion): boolean {
  const terms = termsOf(failback);
  switch (terms.kind) {
    case "immediate":
      return true;
    case "never":
      return false;
    case "after":
      return healthyMs >= terms.ms;
    case "daily": {
      const { from, to } = terms;
      if (msOfDay === null) return false;
      // Over midnight where it ends before it begins.
      return from <= to ? from <= msOfDay && msOfDay < to : from <= msOfDay || msOfDay < to;
    }
  }
}

/** Sooner or later. */
export function isEverDue(failback: string): boolean {
  return termsOf(failback).kind !== "never";
}

/** Where members differ: never, else the latest hours, else the longest wait. */
export function mostReluctant(failbacks: readonly string[]): string {
  return failbacks.reduce((most, one) => (isMoreReluctant(one, most) ? one : most), failbacks[0] ?? IMMEDIATE);
}

/** For people: completes "it goes back to b ...". */
export function inWords(failback: string): string {
  const terms = termsOf(failback);
  switch (terms.kind) {
    case "immediate":
      return "at once";
    case "never":
      return "only by a move (failback = never)";
    case "after":
      return `once that has been up for ${failback} s (failback)`;
    case "daily":
      return `between ${failback.replace("-", " and ")} (failback)`;
  }
}

const RELUCTANCE = ["immediate", "after", "daily", "never"] as const;

function isMoreReluctant(one: string, other: string): boolean {
  const [a, b] = [termsOf(one), termsOf(other)];
  if (a.kind !== b.kind) return RELUCTANCE.indexOf(a.kind) > RELUCTANCE.indexOf(b.kind);
  return a.kind === "after" && b.kind === "after" ? a.ms > b.ms : one > other;
}

/** What a newer version may have written is kept to as "never". */
function termsOf(failback: string): Terms {
  if (failback === IMMEDIATE || failback === "never") return { kind: failback };
  if (/^\d{1,9}$/.test(failback)) return { kind: "after", ms: Number(failback) * 1000 };
  const [, fromHour, fromMinute, toHour, toMinute] = (DAILY.exec(failback) ?? []).map(Number);
  if (fromHour === undefined || fromMinute === undefined || toHour === undefined || toMinute === undefined)
    return { kind: "never" };
  const at = (hour: number, minute: number) => (hour * 60 + minute) * 60_000;
  return { kind: "daily", from: at(fromHour, fromMinute), to: at(toHour, toMinute) };
}

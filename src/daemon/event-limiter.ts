/**
 * At most one line a second for each class of events, so that nothing that a peer, a client or a host on the LAN does
 * can flood the log. The first event of a class is written at once. Those of the second after it are merged into one
 * line, which comes when that second is over: nothing is lost, and `merged` says how many events the line stands for.
 * Pure: time comes in.
 */
import { type AddressSum, describeSum, emptySum, fitAddresses, sumAddresses, TEXT_LIMIT } from "./address-sum.js";

type Fact = string | number | boolean;

export interface LimitedEvent {
  readonly code: string;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly facts: Readonly<Record<string, Fact>>;
}

/** An event, or several in one: a fact in which they differ is then a list of examples. */
export interface LogLine {
  readonly code: string;
  readonly level: LimitedEvent["level"];
  readonly facts: Readonly<Record<string, Fact | readonly Fact[]>>;
}

export const WINDOW_MS = 1_000;
/** Classes of one code and level: these and one more, for all others, may write a line each second. */
const CLASSES_OF_A_CODE = 16;
/** Distinct values that a merged line shows of a fact. */
const EXAMPLES = 4;

/**
 * Facts that tell classes of a code apart. All are names of this cluster, never something that a stranger chooses.
 */
const TELLING = ["node", "peer", "from", "to", "topology", "signal"] as const;

/** Numbers that add up; of others, the last one is what counts. */
const SUMS = new Set(["count", "frames", "leftOut", "messages", "addresses", "bytes"]);

/**
 * What happens to a message or recipient is a record for the mail log, one each (docs/EVENTS.md, "Mail"). Accepted
 * mail bounds it, and no two are of one matter.
 */
const RECORDS = new Set([
  "reception",
  "delivery",
  "transfail",
  "permfail",
  "delivery-in-doubt",
  "xfer",
  "mmove-duplicate",
  "mmove-settled",
]);

/** A second of one class, which began with a line. */
interface Window {
  readonly endsAt: number;
  sum: Sum | null;
}

interface Sum {
  last: LimitedEvent;
  events: number;
  readonly sums: Map<string, number>;
  readonly examples: Map<string, Set<Fact>>;
  readonly addresses: AddressSum;
}

export class EventLimiter {
  /** By code, level and class; in the order in which they end. */
  readonly #windows = new Map<string, Window>();
  /** Windows of each code and level. */
  readonly #counts = new Map<string, number>();

  /**
   * @param now milliseconds, on one clock with `due`. @returns the line to write now, or null: it comes with a later
   * one.
   */
  offer(event: LimitedEvent, now: number): LogLine | null {
    if (RECORDS.has(event.code)) return lineOf(event);
    const key = this.#keyOf(event);
    const window = this.#windows.get(key);
    if (window !== undefined && now < window.endsAt) {
      window.sum ??= emptyOf(event);
      add(window.sum, event);
      return null;
    }
    // One whose end nobody has come to write yet: this event goes with it, as the next of the line.
    if (window?.sum != null) {
      add(window.sum, event);
      return null;
    }
    this.#open(key, event, now);
    return lineOf(event);
  }

  /** @returns lines of seconds that are over, in their order. Each begins another second of its class. */
  due(now: number): LogLine[] {
    const lines: LogLine[] = [];
    for (const [key, { endsAt, sum }] of this.#windows) {
      if (endsAt > now) break;
      this.#close(key);
      if (sum === null) continue;
      this.#open(key, sum.last, now);
      lines.push(lineOfSum(sum));
    }
    return lines;
  }

  /** @returns what is left, for the end. */
  flush(): LogLine[] {
    const sums = [...this.#windows.values()].flatMap(({ sum }) => sum ?? []);
    this.#windows.clear();
    this.#counts.clear();
    return sums.map(lineOfSum);
  }

  /** When `due` has something to do; Infinity while there is nothing. */
  get deadline(): number {
    for (const { endsAt } of this.#windows.values()) return endsAt;
    return Number.POSITIVE_INFINITY;
  }

  #keyOf(event: LimitedEvent): string {
    const group = groupOf(event);
    const key = [group, ...TELLING.map((name) => event.facts[name] ?? "")].join("\n");
    if (this.#windows.has(key) || (this.#counts.get(group) ?? 0) < CLASSES_OF_A_CODE) return key;
    return group;
  }

  #open(key: string, event: LimitedEvent, now: number): void {
    this.#close(key);
    const group = groupOf(event);
    this.#windows.set(key, { endsAt: now + WINDOW_MS, sum: null });
    this.#counts.set(group, (this.#counts.get(group) ?? 0) + 1);
  }

  #close(key: string): void {
    if (!this.#windows.delete(key)) return;
    const group = key.split("\n", 2).join("\n");
    const left = (this.#counts.get(group) ?? 1) - 1;
    if (left === 0) this.#counts.delete(group);
    else this.#counts.set(group, left);
  }
}

function groupOf({ code, level }: LimitedEvent): string {
  return `${code}\n${level}`;
}

function emptyOf(event: LimitedEvent): Sum {
  return { last: event, events: 0, sums: new Map(), examples: new Map(), addresses: emptySum() };
}

function add(sum: Sum, event: LimitedEvent): void {
  sum.last = event;
  sum.events++;
  for (const [name, value] of Object.entries(event.facts)) {
    if (name === "addresses" && typeof value === "string") sumAddresses(sum.addresses, value);
    else if (typeof value === "number" && SUMS.has(name)) sum.sums.set(name, (sum.sums.get(name) ?? 0) + value);
    else if (typeof value !== "number") addExample(sum.examples, name, fitText(value));
  }
}

/** One more than is shown is kept: it tells that there are more. */
function addExample(examples: Map<string, Set<Fact>>, name: string, value: Fact): void {
  const some = examples.get(name);
  if (some === undefined) examples.set(name, new Set([value]));
  else if (some.size <= EXAMPLES) some.add(value);
}

function lineOf({ code, level, facts }: LimitedEvent): LogLine {
  const fitted = Object.entries(facts).map(([name, value]) =>
    name === "addresses" && typeof value === "string" ? fitAddresses(value) : { [name]: fitText(value) },
  );
  return { code, level, facts: Object.assign({}, ...fitted) };
}

function fitText(value: Fact): Fact {
  if (typeof value !== "string" || value.length <= TEXT_LIMIT) return value;
  return `${value.slice(0, TEXT_LIMIT)}... (${value.length - TEXT_LIMIT} more characters)`;
}

function lineOfSum({ last, events, sums, examples, addresses }: Sum): LogLine {
  const line = lineOf(last);
  if (events === 1) return line;
  const facts: Record<string, Fact | readonly Fact[]> = { ...line.facts };
  for (const [name, some] of examples) {
    const [first = "", ...others] = some;
    const more = others.length < EXAMPLES ? [] : ["..."];
    facts[name] = others.length === 0 ? first : [first, ...others.slice(0, EXAMPLES - 1), ...more];
  }
  return { ...line, facts: { ...facts, ...Object.fromEntries(sums), ...describeSum(addresses), merged: events } };
}

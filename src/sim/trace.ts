/** What happened, in words: the last events of a run that failed, or all of one that is replayed. */
export type TraceFacts = Readonly<Record<string, unknown>>;

interface Event {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  /** Made up only when somebody reads them. */
  readonly facts: () => TraceFacts;
}

export class Trace {
  readonly #last: Event[] = [];

  constructor(
    private readonly kept: number,
    private readonly print: ((line: string) => void) | null,
  ) {}

  note(at: number, who: string, what: string, facts: () => TraceFacts): void {
    const event = { at, who, what, facts };
    this.#last.push(event);
    if (this.#last.length > 2 * this.kept) this.#last.splice(0, this.kept);
    this.print?.(lineOf(event));
  }

  /** The last events, oldest first. */
  lines(): string[] {
    return this.#last.slice(-this.kept).map(lineOf);
  }
}

function lineOf({ at, who, what, facts }: Event): string {
  const text = Object.entries(facts()).map(([name, value]) => `${name}=${show(value)}`);
  return [(at / 1000).toFixed(4).padStart(9), who.padEnd(3), what, ...text].join(" ");
}

function show(value: unknown): string {
  if (Array.isArray(value)) return value.length > 12 ? `(${value.length})` : `(${value.map(show).join(" ")})`;
  return typeof value === "string" ? value : JSON.stringify(value);
}

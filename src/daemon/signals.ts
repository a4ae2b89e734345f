/**
 * What signals do to the daemon (signal(7); the table is in docs/OPERATING.md). Every one that would end the process
 * by default, and that a process can live through, asks for an orderly end instead. What a fault of the program raises
 * (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP) ends it at once: nothing that such a process did next could be trusted.
 */
const ENDING = [
  "SIGTERM",
  "SIGINT",
  "SIGQUIT",
  "SIGABRT",
  "SIGUSR2",
  "SIGALRM",
  "SIGVTALRM",
  "SIGPROF",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGIO",
  "SIGPWR",
  "SIGSTKFLT",
  "SIGSYS",
] as const satisfies readonly NodeJS.Signals[];

/** SIGUSR1 is here so that Node does not open its inspector: a listener takes the signal away from it. */
const IGNORED = ["SIGHUP", "SIGUSR1"] as const satisfies readonly NodeJS.Signals[];

type SignalEvent = { readonly code: "stopping" | "signal-ignored"; readonly signal: NodeJS.Signals };

export class Signals {
  readonly #ending = new AbortController();
  /** What came before anybody listened. */
  readonly #waiting: SignalEvent[] = [];
  #tell: ((event: SignalEvent) => void) | null = null;

  /** From here on no signal of the two lists has its default effect. */
  constructor() {
    for (const signal of ENDING) process.on(signal, () => this.#end(signal));
    for (const signal of IGNORED) process.on(signal, () => this.#say({ code: "signal-ignored", signal }));
  }

  /** Aborted by the first signal that asks for the end. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  /** @param tell is told of each signal, of those that came before too. */
  listen(tell: (event: SignalEvent) => void): void {
    this.#tell = tell;
    for (const event of this.#waiting.splice(0)) tell(event);
  }

  /** Resolves once the end is asked for. */
  async ended(): Promise<void> {
    const { ending } = this;
    if (ending.aborted) return;
    await new Promise((resolve) => ending.addEventListener("abort", resolve, { once: true }));
  }

  /** A second one does not hasten the end: SIGKILL does, and a lifeline makes even that a clean one. */
  #end(signal: NodeJS.Signals): void {
    if (this.#ending.signal.aborted) return this.#say({ code: "signal-ignored", signal });
    this.#say({ code: "stopping", signal });
    this.#ending.abort();
  }

  #say(event: SignalEvent): void {
    if (this.#tell === null) this.#waiting.push(event);
    else this.#tell(event);
  }
}

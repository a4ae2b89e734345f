/**
 * The lifeline for as long as the daemon runs: made anew when somebody deletes it or sets it down, and tried again where it
 * cannot be. Whoever looks at the interfaces says so here.
 */
import { explain } from "../errors.js";
import type { Kernel, Lifeline, Link } from "../kernel/types.js";
import type { NodeEventSink } from "./node.js";

/** The same failure is told again after so long. */
const TOLD_AGAIN_MS = 60_000;

export class LifelineKeeper {
  /** Null: no Topology has one. */
  #name: string | null = null;
  #lifeline: Lifeline | null = null;
  #told: { readonly reason: string; readonly at: number } | null = null;

  constructor(
    private readonly kernel: Pick<Kernel, "openLifeline">,
    private readonly sink: NodeEventSink,
  ) {}

  /** @throws ERR_LIFELINE, ERR_CAPABILITY_MISSING. */
  async open(name: string): Promise<void> {
    this.#lifeline = await this.kernel.openLifeline(name);
    this.#name = name;
  }

  /** Null while there is none. */
  get ifindex(): number | null {
    return this.#lifeline?.ifindex ?? null;
  }

  /** It is to be there, and is not. */
  get isMissing(): boolean {
    return this.#name !== null && this.#lifeline === null;
  }

  /** @param links as they are now. Makes the lifeline anew where it is not among them, or is down. */
  async look(links: readonly Link[]): Promise<void> {
    const name = this.#name;
    if (name === null) return;
    const lifeline = this.#lifeline;
    if (lifeline !== null) {
      const link = links.find(({ index }) => index === lifeline.ifindex);
      if (link?.up === true) return;
      this.sink({
        level: "error",
        code: "lifeline-lost",
        facts: { name, how: link === undefined ? "deleted" : "down" },
      });
      this.#lifeline = null;
      await lifeline.close();
    }
    try {
      this.#lifeline = await this.kernel.openLifeline(name);
      this.#told = null;
      this.sink({ level: "info", code: "lifeline-reopened", facts: { name } });
    } catch (error) {
      this.#tell(name, explain(error));
    }
  }

  /** Takes away everything that sits on it. */
  async close(): Promise<void> {
    this.#name = null;
    await this.#lifeline?.close();
  }

  #tell(name: string, reason: string): void {
    const now = performance.now();
    if (this.#told?.reason === reason && now - this.#told.at < TOLD_AGAIN_MS) return;
    this.#told = { reason, at: now };
    this.sink({ level: "error", code: "lifeline-failed", facts: { name, reason } });
  }
}

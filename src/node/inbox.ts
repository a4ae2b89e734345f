/**
 * The core in the daemon: one input at a time, and its outputs in their order. Where all is short, it is done when `put` returns; what
 * takes its time (src/core/slices.ts) lets the event loop turn every few milliseconds, while other inputs wait.
 */
import type { NodeInput, NodeOutput } from "../core/io.js";
import type { NodeCore } from "../core/node.js";
import { Turn } from "./turn.js";

export class Inbox {
  readonly #inputs: NodeInput[] = [];
  /** What the lease covered is dropped, within the step under way. */
  #lapsed = false;

  /** @param idle called whenever nothing waits any more. */
  constructor(
    private readonly core: Pick<NodeCore, "stepping" | "elapsed" | "isLapsing" | "covered">,
    private readonly carryOut: (output: NodeOutput) => void,
    private readonly idle: () => void,
  ) {}

  /** An output may bring about the next input at once; that one waits until all outputs of this one are carried out. */
  put(input: NodeInput): void {
    this.#inputs.push(input);
    if (this.#inputs.length === 1) void this.#work();
  }

  /** Something has happened that is no input: the first after a stop, perhaps. */
  look(): void {
    const at = performance.now();
    if (this.#inputs.length === 0 && this.core.isLapsing(at)) this.put({ kind: "wake", at });
  }

  /** A step under way looks at its lease no more. If that ends, the kernel does not wait for the next step. */
  #passTime(at: number): void {
    if (!this.#lapsed && this.core.isLapsing(at)) this.carryOut({ kind: "drop", addresses: this.core.covered() });
    this.#lapsed = this.core.isLapsing(at);
    this.core.elapsed(at);
  }

  /** What a lease no longer covers goes before an input that may take its time is so much as begun. */
  #next(): NodeInput | undefined {
    const at = performance.now();
    if (this.#inputs.length > 0 && this.core.isLapsing(at)) this.#inputs.unshift({ kind: "wake", at });
    return this.#inputs[0];
  }

  async #work(): Promise<void> {
    const turn = new Turn();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      // It may have waited: what it says is so now.
      const work = this.core.stepping({ ...next, at: performance.now() });
      this.#lapsed = false;
      let slice = work.next();
      while (slice.done !== true) {
        if (turn.isOver) {
          await turn.next();
          this.#passTime(performance.now());
        }
        slice = work.next();
      }
      for (const output of slice.value) {
        if (turn.isOver) await turn.next();
        this.carryOut(output);
      }
      this.#inputs.shift();
    }
    this.idle();
  }
}

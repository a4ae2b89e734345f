/** Commands that were given to this node and are answered by the cluster. */
import type { MoveOutcome } from "../core/io.js";
import { HoldfastError } from "../errors.js";
import type { MoveResult } from "./control.js";

/** A move that takes longer than this goes on, but its caller is told not to wait. */
const ANSWER_LIMIT_MS = 30_000;

export class Commands {
  readonly #waiting = new Map<number, (outcome: MoveOutcome) => void>();
  #last = 0;

  /** @param what the command, for a refusal; `give` hands the command, under this id, to the core. */
  async run(what: "move" | "drain", give: (id: number) => void): Promise<MoveResult> {
    const id = ++this.#last;
    const outcome = await new Promise<MoveOutcome>((resolve) => {
      const timer = setTimeout(() => {
        this.reply(id, {
          ok: false,
          reason: `no answer within ${ANSWER_LIMIT_MS / 1000} s; it may still come about`,
          retry: true,
        });
      }, ANSWER_LIMIT_MS);
      this.#waiting.set(id, (result) => {
        clearTimeout(timer);
        resolve(result);
      });
      give(id);
    });
    if (outcome.ok) return { moved: outcome.moved, elapsedMs: outcome.tookMs };
    throw new HoldfastError(outcome.retry ? "ERR_MOVE_REFUSED" : "ERR_COMMAND", `cannot ${what}: ${outcome.reason}`);
  }

  reply(id: number, outcome: MoveOutcome): void {
    this.#waiting.get(id)?.(outcome);
    this.#waiting.delete(id);
  }
}

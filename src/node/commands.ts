/** Commands that were given to this node and are answered by the cluster. */
import type { CommandOutcome, NodeInput } from "../core/io.js";
import { HoldfastError } from "../errors.js";

/** A move that takes longer than this goes on, but its caller is told not to wait. */
const ANSWER_LIMIT_MS = 30_000;

export type CommandResult = Extract<CommandOutcome, { ok: true }>;

/** A command without what `run` adds. */
export type Command = CommandInput extends infer Input
  ? Input extends CommandInput
    ? Omit<Input, "at" | "id">
    : never
  : never;

type CommandInput = Extract<NodeInput, { readonly id: number }>;

export class Commands {
  readonly #waiting = new Map<number, (outcome: CommandOutcome) => void>();
  #last = 0;

  /** @param give hands the command to the core. */
  constructor(private readonly give: (input: CommandInput) => void) {}

  async run(command: Command): Promise<CommandResult> {
    const id = ++this.#last;
    const outcome = await new Promise<CommandOutcome>((resolve) => {
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
      this.give({ ...command, id, at: performance.now() });
    });
    if (outcome.ok) return outcome;
    if (outcome.unsafe === true) throw new HoldfastError("ERR_MOVE_UNSAFE", outcome.reason);
    throw new HoldfastError(
      outcome.retry ? "ERR_MOVE_REFUSED" : "ERR_COMMAND",
      `cannot ${command.kind}: ${outcome.reason}`,
    );
  }

  reply(id: number, outcome: CommandOutcome): void {
    this.#waiting.get(id)?.(outcome);
    this.#waiting.delete(id);
  }
}

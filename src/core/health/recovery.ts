/**
 * A Topology that is not well is so at once; it is well again only once nothing has been wrong for a while, and for longer each
 * time that it did not last: what flaps must not move addresses back and forth.
 */
import type { MonoMs } from "../io.js";

const WAIT_MS = 2_000;
const WAIT_MAX_MS = 600_000;
/** Being well for so long, or for ten times the last wait, ends the growing. */
const FORGIVEN_MS = 60_000;

interface Trouble {
  /** What is or was wrong. */
  reason: string;
  waitMs: number;
  /** Nothing is wrong since then; null while something is. */
  wellSince: MonoMs | null;
  /** It has counted as well since then; null while it does not. */
  upSince: MonoMs | null;
}

export class Recovery {
  readonly #troubles = new Map<string, Trouble>();

  /** @param reason what is wrong there; null for nothing. @param leastMs how long it has to be well at the least. */
  tell(topology: string, reason: string | null, at: MonoMs, leastMs = WAIT_MS): void {
    const trouble = this.#troubles.get(topology);
    if (reason === null) {
      if (trouble !== undefined) this.#mend(trouble, at);
    } else if (trouble === undefined) {
      const waitMs = Math.max(WAIT_MS, leastMs);
      this.#troubles.set(topology, { reason, waitMs, wellSince: null, upSince: null });
    } else {
      if (trouble.upSince !== null) trouble.waitMs = waitAgain(trouble, at - trouble.upSince, leastMs);
      Object.assign(trouble, { reason, wellSince: null, upSince: null });
    }
  }

  /** Where anything was ever wrong. */
  get topologies(): readonly string[] {
    return [...this.#troubles.keys()];
  }

  /** By Topology. */
  get reasons(): Map<string, string> {
    const ill = [...this.#troubles].filter(([, { upSince }]) => upSince === null);
    return new Map(ill.map(([topology, { reason }]) => [topology, reason]));
  }

  /** When one may be well again. */
  get deadline(): MonoMs {
    const ends = [...this.#troubles.values()].map(({ wellSince, upSince, waitMs }) =>
      wellSince === null || upSince !== null ? Number.POSITIVE_INFINITY : wellSince + waitMs,
    );
    return Math.min(...ends);
  }

  #mend(trouble: Trouble, at: MonoMs): void {
    trouble.wellSince ??= at;
    if (trouble.upSince === null && at >= trouble.wellSince + trouble.waitMs) trouble.upSince = at;
  }
}

function waitAgain({ waitMs }: Trouble, lastedMs: number, leastMs: number): number {
  const grown = lastedMs < Math.max(FORGIVEN_MS, 10 * waitMs) ? 2 * waitMs : WAIT_MS;
  return Math.min(WAIT_MAX_MS, Math.max(grown, leastMs));
}

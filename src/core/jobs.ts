/**
 * What the shell has been given to do and has not said to be done. A job is of many addresses; an address that is released in a
 * planned move may get a second job, which does not wait.
 */
import type { NodeOutput } from "./io.js";

export interface Job {
  readonly kind: "acquire" | "release";
  readonly addresses: readonly string[];
  readonly urgent: boolean;
}

/** Addresses of one planned release: the gap of an address is that of its chunk, not of the whole move. */
const RELEASE_CHUNK = 64;

export class Jobs {
  readonly #jobs = new Map<number, Job>();
  /** Addresses with two release jobs, the second because the first would have taken its time. */
  readonly #hurried = new Set<string>();
  #last = 0;

  /** @param fenced those that somebody may have yet, for all that the cluster knows; `estranged`: somebody there may. */
  acquire(addresses: readonly string[], fenced: readonly string[], estranged: boolean): NodeOutput {
    const job = this.#add({ kind: "acquire", addresses, urgent: true });
    return { kind: "acquire", job, addresses, fenced, estranged };
  }

  release(addresses: readonly string[], urgent: boolean): NodeOutput[] {
    const outputs: NodeOutput[] = [];
    for (let i = 0; i < addresses.length; i += RELEASE_CHUNK) {
      const chunk = addresses.slice(i, i + RELEASE_CHUNK);
      const job = this.#add({ kind: "release", addresses: chunk, urgent });
      outputs.push({ kind: "release", job, addresses: chunk, urgent });
    }
    return outputs;
  }

  /** @returns what is being released in its own time and matches: it is to have an urgent job too. */
  hurry(matches: (address: string) => boolean): string[] {
    const slow = [...this.#jobs.values()].flatMap(({ kind, urgent, addresses }) =>
      kind === "release" && !urgent ? addresses.filter((one) => !this.#hurried.has(one) && matches(one)) : [],
    );
    for (const address of slow) this.#hurried.add(address);
    return slow;
  }

  /** @returns the job that is done; undefined for none of ours. */
  finish(id: number): Job | undefined {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    return job;
  }

  /** Of two jobs the last one ends it: either would take an address away that had come back meanwhile. */
  isReleased(address: string): boolean {
    return !this.#hurried.delete(address);
  }

  #add(job: Job): number {
    this.#jobs.set(++this.#last, job);
    return this.#last;
  }
}

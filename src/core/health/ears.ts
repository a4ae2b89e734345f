/** Who on the network of a Topology is asked next, and who counts as heard there. */

/** Members that are asked in one look, however many there are: each question is a broadcast. */
const ASKED_AT_ONCE = 4;
/** A frame may be lost, and the one after it. */
const MISSES = 2;
/** Looks in a row without any answer after which nobody counts as heard, however long it was since the others were asked. */
const SILENT_LOOKS = 2;

export class Ears {
  /** Questions in a row without an answer, of those that have answered before. */
  readonly #misses = new Map<string, number>();
  #next = 0;
  #silentLooks = 0;

  /** @param members all that can be asked. @returns those whose turn it is. */
  turn(members: readonly string[]): string[] {
    for (const member of this.#misses.keys()) if (!members.includes(member)) this.#misses.delete(member);
    const count = Math.min(ASKED_AT_ONCE, members.length);
    const some = Array.from({ length: count }, (_, i) => members[(this.#next + i) % members.length] ?? "");
    this.#next = members.length === 0 ? 0 : (this.#next + count) % members.length;
    return some;
  }

  /** What came of a turn. */
  hear(asked: readonly string[], answered: ReadonlySet<string>): void {
    if (asked.length === 0) return;
    for (const member of asked) {
      const misses = this.#misses.get(member);
      if (answered.has(member)) this.#misses.set(member, 0);
      else if (misses !== undefined) this.#misses.set(member, misses + 1);
    }
    this.#silentLooks = answered.size > 0 ? 0 : this.#silentLooks + 1;
    if (this.#silentLooks >= SILENT_LOOKS) this.#misses.clear();
  }

  get heard(): string[] {
    return [...this.#misses]
      .filter(([, misses]) => misses < MISSES)
      .map(([member]) => member)
      .sort();
  }
}

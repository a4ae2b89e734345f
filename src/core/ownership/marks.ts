/** Which addresses are marked, and what changed about it since it was last asked. */
import type { Definitions } from "./definitions.js";

export type Mark = "conflict" | "unsafe" | "broken";

/** Addresses that have got a mark, and those that have none any more. */
export type MarkChanges = Readonly<Record<Mark | "agreed", readonly string[]>>;

const MARKS: readonly Mark[] = ["conflict", "unsafe", "broken"];

export class Marks {
  #marks: ReadonlyMap<string, readonly Mark[]> = new Map();

  update({ found }: Definitions): MarkChanges {
    const before = this.#marks;
    const now = new Map<string, readonly Mark[]>();
    const set: Record<Mark, string[]> = { conflict: [], unsafe: [], broken: [] };
    for (const vip of found.marked) {
      const marks = MARKS.filter((mark) => vip[mark]);
      now.set(vip.address, marks);
      for (const mark of marks) if (before.get(vip.address)?.includes(mark) !== true) set[mark].push(vip.address);
    }
    this.#marks = now;
    return { ...set, agreed: [...before.keys()].filter((address) => !now.has(address)) };
  }
}

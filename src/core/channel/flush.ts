/**
 * The coordinator's side of one round: gather what every member has of its old view, then say what each still lacks of
 * it. Members that come from the same view leave it with the same messages in the same order.
 */
import type { Message, Origin } from "./frames.js";
import type { RoundId } from "./round.js";
import { sameRound } from "./round.js";

export interface Flush {
  readonly view: RoundId;
  /** How much of the view's order the member has delivered. */
  readonly delivered: number;
  /** Ordered messages that others may lack, and the member's own that have no place yet (`seq` 0). */
  readonly messages: readonly Message[];
}

export class Gathering {
  readonly #flushes = new Map<string, Flush>();

  constructor(
    readonly round: RoundId,
    /** The new view's members, sorted, and the link that each was asked over; null for the coordinator itself. */
    readonly links: ReadonlyMap<string, number | null>,
    /** A member that has not answered by then is given up. */
    public deadline: number,
  ) {}

  get members(): readonly string[] {
    return [...this.links.keys()];
  }

  add(member: string, flush: Flush): void {
    this.#flushes.set(member, flush);
  }

  missing(): readonly string[] {
    return this.members.filter((member) => !this.#flushes.has(member));
  }

  origins(): readonly Origin[] {
    return this.members.map((name) => ({ name, view: this.#flushes.get(name)!.view }));
  }

  /** What each member has yet to deliver in its old view, in order. */
  endings(): ReadonlyMap<string, readonly Message[]> {
    const endings = new Map<string, readonly Message[]>();
    for (const [member, flush] of this.#flushes) {
      if (endings.has(member)) continue;
      const company = new Map([...this.#flushes].filter(([, other]) => sameRound(other.view, flush.view)));
      const ending = endingOf(company);
      for (const [name, { delivered }] of company) {
        endings.set(
          name,
          ending.filter((message) => message.seq > delivered),
        );
      }
    }
    return endings;
  }
}

/**
 * The end of one view for those that leave it together: everything one of them has delivered, then what they had sent
 * and nobody had placed, by name of the sender. In that order it is the same whoever computes it, also for two parts of
 * a view that broke apart.
 */
function endingOf(company: ReadonlyMap<string, Flush>): readonly Message[] {
  const placed = new Map<number, Message>();
  const numbered = new Map<string, number>();
  for (const { messages } of company.values()) {
    for (const message of messages) {
      if (message.seq === 0) continue;
      placed.set(message.seq, message);
      numbered.set(message.from, Math.max(message.number, numbered.get(message.from) ?? 0));
    }
  }
  const ending = [...placed.values()].sort((a, b) => a.seq - b.seq);
  let seq = Math.max(...[...company.values()].map((flush) => flush.delivered));
  for (const member of [...company.keys()].sort()) {
    for (const message of company.get(member)!.messages) {
      if (message.seq > 0 || message.number <= (numbered.get(member) ?? 0)) continue;
      ending.push({ ...message, seq: ++seq });
    }
  }
  return ending;
}

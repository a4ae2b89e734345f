/**
 * Total order inside one view. The first member is the *sequencer*: the others submit to it, and it numbers every
 * multicast. Links are ordered, so a message is delivered as it comes; nothing waits.
 *
 * Until every member is known to have delivered a message (it is *stable*), each member keeps it, because a survivor
 * may lack it when the view ends.
 */
import type { Message } from "./frames.js";
import type { RoundId } from "./round.js";

export class ViewOrder {
  /** Multicasts of this node that it has not yet seen in the order. */
  readonly #pending = new Map<number, Message>();
  #own = 0;
  /** Delivered and not yet known to be stable: sequence numbers #stable + 1 to #delivered. */
  #kept: Message[] = [];
  #keptBytes = 0;
  #pendingBytes = 0;
  #stable = 0;
  #delivered = 0;
  /** Of each member: how many of its multicasts are in the order, and how many of all it has delivered. */
  readonly #numbered: Map<string, number>;
  readonly #acknowledged: Map<string, number>;

  constructor(
    readonly view: RoundId,
    readonly self: string,
    /** Sorted. */
    readonly members: readonly string[],
  ) {
    this.#numbered = new Map(members.map((member) => [member, 0]));
    this.#acknowledged = new Map(members.map((member) => [member, 0]));
  }

  get sequencer(): string {
    return this.view.coordinator;
  }

  get delivered(): number {
    return this.#delivered;
  }

  get stable(): number {
    return this.#stable;
  }

  /** Memory held by messages that may still have to be repeated. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** The same, and what this node has submitted and not seen in the order. */
  get unsettledBytes(): number {
    return this.#keptBytes + this.#pendingBytes;
  }

  get unsettledMessages(): number {
    return this.#kept.length + this.#pending.size;
  }

  /** This node's next multicast, to be submitted. */
  submit(payload: Uint8Array): Message {
    const message = { seq: 0, from: this.self, number: ++this.#own, payload };
    this.#pending.set(message.number, message);
    this.#pendingBytes += costOf(message);
    return message;
  }

  /** As sequencer: gives the message its place. */
  place(message: Message): Message {
    return { ...message, seq: this.#delivered + 1 };
  }

  /** @returns false when the message is not the next one, of the order or of its sender: somebody broke the protocol. */
  accept(message: Message): boolean {
    if (message.seq !== this.#delivered + 1 || message.number !== this.next(message.from)) return false;
    this.#numbered.set(message.from, message.number);
    if (message.from === this.self) {
      this.#pending.delete(message.number);
      this.#pendingBytes -= costOf(message);
    }
    this.#delivered = message.seq;
    this.#kept.push(message);
    this.#keptBytes += costOf(message);
    if (this.members.length === 1) this.settle(message.seq);
    return true;
  }

  /** Number of the member's next multicast; undefined for a stranger. */
  next(member: string): number | undefined {
    const last = this.#numbered.get(member);
    return last === undefined ? undefined : last + 1;
  }

  /** As sequencer: `member` has delivered that many. False when there are not so many. */
  acknowledge(member: string, delivered: number): boolean {
    if (delivered > this.#delivered || !this.#acknowledged.has(member)) return false;
    this.#acknowledged.set(member, delivered);
    let stable = this.#delivered;
    for (const [name, count] of this.#acknowledged) if (name !== this.self) stable = Math.min(stable, count);
    return this.settle(stable);
  }

  /** Every member has delivered that many. */
  settle(stable: number): boolean {
    if (stable > this.#delivered) return false;
    if (stable <= this.#stable) return true;
    for (const message of this.#kept.splice(0, stable - this.#stable)) this.#keptBytes -= costOf(message);
    this.#stable = stable;
    return true;
  }

  /** What other members may lack, beyond the first `delivered` of the order: first what has a place in it. */
  held(delivered: number): readonly Message[] {
    return [...this.#kept.slice(Math.max(0, delivered - this.#stable)), ...this.#pending.values()];
  }

  /** As sequencer: the members that hold up the pruning most. */
  laggards(): readonly string[] {
    const others = this.members.filter((member) => member !== this.self);
    const least = Math.min(...others.map((member) => this.#acknowledged.get(member)!));
    return others.filter((member) => this.#acknowledged.get(member) === least);
  }
}

/** Memory that a message takes, about; not its payload alone, so that many small ones are bounded too. */
export function costOf(message: Message): number {
  return message.payload.length + 64;
}

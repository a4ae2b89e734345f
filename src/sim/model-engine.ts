/**
 * Virtual synchrony as docs/PROTOCOL.md promises it under "Group channel", made by somebody who sees all: no frames, no
 * heartbeats, no rounds. Members of a view are at different places of its one order at any time; a change of view takes
 * those that stay together to the same place, and loses nothing that a survivor sent.
 */
import { isQuorate } from "../core/quorum.js";
import type { Death, GroupEngine, GroupPort, Membership } from "./engine.js";
import type { Network } from "./network.js";
import type { Random } from "./random.js";
import type { Schedule } from "./schedule.js";

export interface ModelTimes {
  /** Silence until a member is given up. */
  readonly failureTimeoutMs: number;
  /** From the moment that nodes can reach each other until they are one view. */
  readonly joinMs: number;
}

interface Message {
  readonly from: Member;
  readonly payload: Uint8Array;
}

interface Order {
  readonly seq: number;
  readonly members: readonly Member[];
  readonly log: Message[];
}

interface Member {
  readonly name: string;
  readonly port: GroupPort;
  seq: number;
  order: Order | null;
  /** Messages of `order` that it has delivered. */
  position: number;
  /** Its messages that have no place in the order yet, oldest first. */
  readonly pending: Message[];
  sendsAt: number;
  deliversAt: number;
  paused: boolean;
}

export class ModelEngine implements GroupEngine {
  readonly #members = new Map<string, Member>();

  constructor(
    private readonly schedule: Schedule,
    private readonly network: Network,
    private readonly random: Random,
    private readonly peers: readonly string[],
    private readonly times: ModelTimes,
  ) {
    network.watch(() => {
      this.#reformIn(this.network.whole ? this.times.joinMs : this.times.failureTimeoutMs);
    });
  }

  join(name: string, _incarnation: number, port: GroupPort): Membership {
    const member: Member = {
      name,
      port,
      seq: 0,
      order: null,
      position: 0,
      pending: [],
      sendsAt: 0,
      deliversAt: 0,
      paused: false,
    };
    this.#members.set(name, member);
    const alone = this.random.chance(0.5);
    if (alone) this.schedule.after(0, () => this.#members.get(name) === member && this.#install([member]));
    this.#reformIn(this.times.joinMs);
    return {
      multicast: (payload) => this.#multicast(member, payload),
      leave: () => this.#remove(member, "killed"),
      die: (how) => this.#remove(member, how),
      pause: () => this.#pause(member, true),
      resume: () => this.#pause(member, false),
    };
  }

  #remove(member: Member, how: Death): void {
    this.#members.delete(member.name);
    this.#reformIn(how === "killed" ? this.network.delay() : this.times.failureTimeoutMs);
  }

  /** Soon nobody hears of it any more, nor it of them. What is delivered to it waits in its own inbox. */
  #pause(member: Member, paused: boolean): void {
    member.paused = paused;
    this.#reformIn(paused ? this.times.failureTimeoutMs : this.times.joinMs);
  }

  #multicast(from: Member, payload: Uint8Array): void {
    const message = { from, payload };
    from.pending.push(message);
    from.sendsAt = Math.max(from.sendsAt, this.schedule.now + this.network.delay());
    this.schedule.at(from.sendsAt, () => {
      if (from.pending[0] === message && this.#members.get(from.name) === from) this.#order(from);
    });
  }

  /** The oldest waiting message of a member gets its place. */
  #order(from: Member): void {
    const order = from.order;
    const message = from.pending.shift();
    if (order === null || message === undefined) return;
    order.log.push(message);
    for (const member of order.members) {
      const arrives = this.schedule.now + this.network.delay(from.name, member.name);
      member.deliversAt = Math.max(member.deliversAt, arrives);
      this.schedule.at(member.deliversAt, () => {
        if (member.order === order && this.#members.get(member.name) === member) this.#deliver(member);
      });
    }
  }

  #deliver(member: Member): void {
    const message = member.order?.log[member.position];
    if (message === undefined) return;
    member.position++;
    member.port.onMessage(message.from.name, message.payload);
  }

  #reformIn(ms: number): void {
    this.schedule.after(ms, () => {
      for (const component of this.#components()) {
        const order = component[0]?.order;
        const same = component.length === order?.members.length && component.every((member) => member.order === order);
        if (!same) this.#install(component);
      }
    });
  }

  /** Cliques of members that all reach each other, in the order of names. */
  #components(): Member[][] {
    const cliques: Member[][] = [];
    for (const member of [...this.#members.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const both = (other: Member) =>
        !member.paused &&
        !other.paused &&
        this.network.reaches(member.name, other.name) &&
        this.network.reaches(other.name, member.name);
      const clique = cliques.find((members) => members.every(both));
      if (clique === undefined) cliques.push([member]);
      else clique.push(member);
    }
    return cliques;
  }

  #install(members: readonly Member[]): void {
    for (const order of new Set(members.map((member) => member.order))) {
      if (order !== null)
        this.#flush(
          order,
          members.filter((member) => member.order === order),
        );
    }
    const before = new Map(members.map((member) => [member, member.order]));
    const names = members.map(({ name }) => name).sort();
    const next: Order = { seq: Math.max(...members.map(({ seq }) => seq)) + 1, members, log: [] };
    for (const member of members) Object.assign(member, { seq: next.seq, order: next, position: 0 });
    for (const member of members) {
      const old = before.get(member) ?? null;
      const stayed = members.filter((other) => other === member || (old !== null && before.get(other) === old));
      member.port.onView({
        seq: next.seq,
        leader: names[0] ?? member.name,
        members: names,
        stayed: stayed.map(({ name }) => name).sort(),
        quorate: isQuorate(names, this.peers),
      });
    }
  }

  /** What those that go on together miss of their old view: to all of it, in one order. */
  #flush(order: Order, together: readonly Member[]): void {
    const furthest = Math.max(...together.map(({ position }) => position));
    // What nobody of them has seen, from somebody who does not come along, has reached them up to some point.
    const reached = furthest + this.random.below(order.log.length - furthest + 1);
    const log = order.log.filter(({ from }, i) => i < reached || together.includes(from));
    if (together.length < order.members.length) for (const { port } of together) port.onTransition();
    for (const member of together) member.order = { ...order, log };
    for (;;) {
      for (const member of together) while (member.position < log.length) this.#deliver(member);
      const waiting = together.find(({ pending }) => pending.length > 0);
      if (waiting === undefined) break;
      log.push(...waiting.pending.splice(0));
    }
    for (const member of together) member.order = order;
  }
}

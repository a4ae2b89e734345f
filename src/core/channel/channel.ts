/**
 * The embedded group channel as a state machine: who is in the view, and in which order its messages are delivered.
 * State and input in, outputs out; no I/O, no clock: the time comes with each input.
 *
 *             the graph makes another        promised: delivers nothing,
 *             node my coordinator            sends nothing new
 *   in a view ------------------- PROPOSE -> waiting ------ INSTALL -> in the next view
 *       |                                      ^  | a higher round
 *       | the graph makes me coordinator       |  |  of my coordinator
 *       +-> gathering: a FLUSH of each member -+--+
 *
 * Who reaches whom is flooded (graph.ts) and every node computes from it the same partition (partition.ts). The first
 * member of a part is its coordinator; when the part is not its view it runs a round: PROPOSE, from each member a FLUSH
 * of what others may lack of the old view, INSTALL. A member answers only the coordinator that its own graph gives it,
 * and keeps the proposal of any other until the graph agrees. So a view is decided by round trips alone; time-outs only
 * find out who is silent.
 *
 * Sources: docs/PROTOCOL.md, "Group channel"; K. Birman and T. Joseph, "Exploiting Virtual Synchrony in Distributed
 * Systems", SOSP 1987 (flush before a view); P. Chockler et al., "Group Communication Specifications", ACM Computing
 * Surveys 33(4), 2001 (the properties, and their names in the tests).
 */
import { Gathering } from "./flush.js";
import { decodeFrame, encodeFrame, type Frame, type FrameOf, type Message, type Origin, type Row } from "./frames.js";
import { Graph } from "./graph.js";
import type { ChannelEvent, ChannelInput, ChannelOutput, ChannelSetup } from "./io.js";
import { carry, type Link, Links, unload } from "./links.js";
import { ViewOrder } from "./order.js";
import { higherRound, NO_ROUND, type RoundId, sameRound } from "./round.js";

/** What a node keeps for members that acknowledge nothing, before it gives them up. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
/** A member says how far it is at each heartbeat, and after so many messages or bytes. */
const ACK_MESSAGES = 128;
const ACK_BYTES = 1024 * 1024;

export class Channel {
  readonly #setup: ChannelSetup;
  readonly #graph: Graph;
  readonly #links = new Links();
  /** Null until the first view. */
  #order: ViewOrder | null = null;
  /** Links that the present view was installed over; what went over another one is not in sequence. */
  #viewLinks: ReadonlyMap<string, number | null> = new Map();
  #gathering: Gathering | null = null;
  /** Multicasts made while there is no view to send them in. */
  #waiting: Uint8Array[] = [];
  #unacknowledged = { messages: 0, bytes: 0 };
  #now: number;
  #nextBeat: number;
  #nextStatus: number;
  /** Until then this node does not install a view of itself alone: it may not have found the others yet. */
  #aloneFrom: number;
  #left = false;
  #outputs: ChannelOutput[] = [];

  constructor(setup: ChannelSetup) {
    this.#setup = setup;
    this.#graph = new Graph({
      name: setup.self,
      // Above the versions of earlier runs, unless the clock went back; Graph.learn sees to that.
      version: setup.incarnation,
      reach: new Set(),
      view: NO_ROUND,
      promised: NO_ROUND,
    });
    this.#now = this.#nextBeat = this.#nextStatus = setup.startedAt;
    this.#aloneFrom = setup.startedAt + this.#joinWaitMs;
  }

  /** When to feed `wake` at the latest. Earlier or later ones are welcome; much later ones count as a stall. */
  get deadline(): number {
    let at = this.#nextBeat;
    for (const link of this.#links.all()) at = Math.min(at, link.heardAt + this.#setup.failureTimeoutMs);
    return at;
  }

  /** Feeds one input. Total: every input is legal in every state, and none throws. */
  step(input: ChannelInput): ChannelOutput[] {
    this.#outputs = [];
    if (this.#left) return this.#outputs;
    this.#passTime(input.at);
    switch (input.kind) {
      case "opened":
        this.#open(input.link, input.peer, input.incarnation);
        break;
      case "closed":
        this.#closed(input.link);
        break;
      case "frame":
        this.#frame(input.link, input.bytes);
        break;
      case "heartbeat": {
        const link = this.#links.to(input.peer);
        if (link?.incarnation === input.incarnation) link.heardAt = this.#now;
        break;
      }
      case "multicast":
        this.#multicast(input.payload);
        break;
      case "wake":
        this.#wake();
        break;
      case "leave":
        for (const link of this.#links.all()) this.#send(link, { kind: "leave" });
        this.#left = true;
        break;
    }
    return this.#outputs;
  }

  // Time

  get #joinWaitMs(): number {
    return 2 * this.#setup.failureTimeoutMs;
  }

  /** An input long after the deadline means that this node did not run, not that the others were silent. */
  #passTime(at: number): void {
    const late = at - this.deadline;
    this.#now = Math.max(this.#now, at);
    if (late <= this.#setup.failureTimeoutMs / 2) return;
    this.#event("stalled", "warn", { ms: Math.round(late) });
    this.#links.forgive(late, this.#now);
    if (this.#gathering !== null) this.#gathering.deadline += late;
    // By now the others have given this node up. It should find them again before it thinks that it is alone.
    if (late > this.#setup.failureTimeoutMs) this.#aloneFrom = this.#now + this.#joinWaitMs;
  }

  #wake(): void {
    if (this.#now < this.deadline) return;
    if (this.#now >= this.#nextBeat) this.#beat();
    this.#regroup();
  }

  /** Heartbeats go both ways, as datagrams and over the links, so that either alone shows that a peer lives. */
  #beat(): void {
    this.#nextBeat = this.#now + this.#setup.heartbeatIntervalMs;
    this.#outputs.push({ kind: "heartbeat" });
    if (this.#order?.sequencer === this.#setup.self) {
      this.#order.acknowledge(this.#setup.self, this.#order.delivered);
    }
    for (const link of this.#links.all()) this.#acknowledge(link);
    if (this.#now < this.#nextStatus) return;
    // Rows spread as they change; once in a while all of them, for those that a dying link kept from somebody.
    this.#nextStatus = this.#now + this.#setup.failureTimeoutMs;
    this.#publish(this.#graph.rows());
  }

  // Links

  #open(id: number, peer: string, incarnation: number): void {
    if (peer === this.#setup.self || !this.#setup.peers.includes(peer)) {
      this.#outputs.push({ kind: "close", link: id, reason: "not a configured peer" });
      return;
    }
    const old = this.#links.to(peer);
    if (old !== undefined) {
      this.#links.remove(old);
      this.#outputs.push({ kind: "close", link: old.id, reason: "replaced by a newer connection" });
    }
    const link = this.#links.open(id, peer, incarnation, this.#now);
    this.#graph.takeBack(peer);
    this.#event("peer-up", "info", { peer, incarnation });
    this.#publish([this.#graph.change({ reach: this.#links.peers() })]);
    this.#send(link, { kind: "status", rows: this.#graph.rows() });
    this.#regroup();
  }

  #closed(id: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#lose(link, "peer-lost", "warn", "connection closed");
    this.#regroup();
  }

  #giveUp(link: Link, code: ChannelEvent["code"], reason: string): void {
    this.#outputs.push({ kind: "close", link: link.id, reason });
    this.#lose(link, code, code === "peer-faulty" ? "error" : "warn", reason);
  }

  #lose(link: Link, code: ChannelEvent["code"], level: ChannelEvent["level"], reason: string): void {
    this.#links.remove(link);
    this.#graph.leaveOut(link.peer, this.#now + this.#setup.failureTimeoutMs);
    this.#event(code, level, { peer: link.peer, reason });
    this.#publish([this.#graph.change({ reach: this.#links.peers() })]);
  }

  #suspect(): void {
    const { failureTimeoutMs } = this.#setup;
    for (const link of this.#links.all()) {
      // Compared as `deadline` computes it, or rounding makes a deadline that never comes.
      const silent = this.#now >= link.heardAt + failureTimeoutMs;
      if (silent || (this.#now >= link.heardAt + failureTimeoutMs / 2 && this.#doubted(link.peer))) {
        this.#giveUp(link, "peer-lost", `silent for ${Math.round(this.#now - link.heardAt)} ms`);
      } else if (this.#now >= link.frameAt + 4 * failureTimeoutMs) {
        this.#giveUp(link, "peer-lost", "connection carries nothing");
      }
    }
  }

  /** Another member has lost this one: then half the silence is enough, so that all agree within one round trip. */
  #doubted(peer: string): boolean {
    const members = this.#order?.members ?? [];
    if (!members.includes(peer)) return false;
    return members.some((other) => {
      const reach = other === peer || this.#links.to(other) === undefined ? undefined : this.#graph.row(other)?.reach;
      return reach !== undefined && !reach.has(peer);
    });
  }

  // Frames

  #frame(id: number, bytes: Uint8Array): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.heardAt = link.frameAt = this.#now;
    const frame = decodeFrame(bytes);
    const fault = frame === null ? "not a frame" : this.#receive(link, frame);
    if (fault === null) return;
    this.#giveUp(link, "peer-faulty", fault);
    this.#regroup();
  }

  /** @returns what the peer did against the protocol, or null. Frames of a view or round that is over are no fault. */
  #receive(link: Link, frame: Frame): string | null {
    switch (frame.kind) {
      case "status":
        return this.#onStatus(link, frame.rows);
      case "ack":
        return this.#onAck(link, frame);
      case "submit":
        return this.#onSubmit(link, frame);
      case "ordered":
        return this.#onOrdered(link, frame);
      case "propose":
        return this.#onPropose(link, frame);
      case "carry":
        return this.#onCarry(link, frame);
      case "flush":
        return this.#onFlush(link, frame);
      case "install":
        return this.#onInstall(link, frame);
      case "leave":
        this.#outputs.push({ kind: "close", link: link.id, reason: "left" });
        this.#lose(link, "peer-left", "info", "left");
        this.#regroup();
        return null;
    }
  }

  #onStatus(from: Link, rows: readonly Row[]): null {
    const news = this.#graph.learn(rows);
    if (news.length === 0) return null;
    for (const link of this.#links.all()) {
      const needed = news.filter(
        (row) => row.name === this.#setup.self || (link !== from && this.#graph.needs(link.peer, row)),
      );
      if (needed.length > 0) this.#send(link, { kind: "status", rows: needed });
    }
    this.#regroup();
    return null;
  }

  // Order inside the view

  #multicast(payload: Uint8Array): void {
    const order = this.#openOrder();
    if (order === null) {
      this.#waiting.push(payload);
      return;
    }
    const message = order.submit(payload);
    if (order.sequencer === this.#setup.self) return this.#place(order, message);
    const link = this.#viewLink(order.sequencer);
    if (link !== undefined) this.#send(link, { kind: "submit", view: order.view, number: message.number, payload });
  }

  /** As sequencer: gives the message its place and tells every member. */
  #place(order: ViewOrder, message: Message): void {
    const placed = order.place(message);
    const bytes = encodeFrame({ kind: "ordered", view: order.view, stable: order.stable, message: placed });
    for (const member of order.members) {
      const link = this.#viewLink(member);
      if (link !== undefined) this.#outputs.push({ kind: "send", link: link.id, bytes });
    }
    order.accept(placed);
    this.#deliver(placed);
    if (order.keptBytes <= MAX_KEPT_BYTES) return;
    for (const member of order.laggards()) {
      const link = this.#links.to(member);
      if (link !== undefined) this.#giveUp(link, "peer-slow", "acknowledges too little");
    }
    this.#regroup();
  }

  #onSubmit(link: Link, frame: FrameOf<"submit">): string | null {
    const order = this.#openOrder(frame.view);
    if (order?.sequencer !== this.#setup.self || this.#viewLink(link.peer) !== link) return null;
    if (frame.number !== order.next(link.peer)) return "multicasts out of sequence";
    this.#place(order, { seq: 0, from: link.peer, number: frame.number, payload: frame.payload });
    return null;
  }

  #onOrdered(link: Link, frame: FrameOf<"ordered">): string | null {
    const order = this.#openOrder(frame.view);
    if (order === null || this.#viewLink(order.sequencer) !== link) return null;
    if (!order.accept(frame.message)) return "order has a gap";
    this.#deliver(frame.message);
    if (!order.settle(frame.stable)) return "stable before delivered";
    this.#unacknowledged.messages++;
    this.#unacknowledged.bytes += frame.message.payload.length;
    const { messages, bytes } = this.#unacknowledged;
    if (messages >= ACK_MESSAGES || bytes >= ACK_BYTES) this.#acknowledge(link);
    return null;
  }

  #acknowledge(link: Link): void {
    const order = this.#order;
    const [view, delivered, stable] =
      order === null ? [NO_ROUND, 0, 0] : ([order.view, order.delivered, order.stable] as const);
    if (link.peer === order?.sequencer) this.#unacknowledged = { messages: 0, bytes: 0 };
    this.#send(link, { kind: "ack", view, delivered, stable });
  }

  #onAck(link: Link, frame: FrameOf<"ack">): string | null {
    const order = this.#order;
    if (order === null || !sameRound(order.view, frame.view)) return null;
    if (order.sequencer === link.peer) return order.settle(frame.stable) ? null : "stable before delivered";
    if (order.sequencer !== this.#setup.self) return null;
    return order.acknowledge(link.peer, frame.delivered) ? null : "acknowledges what was never sent";
  }

  #deliver(message: Message): void {
    this.#outputs.push({ kind: "deliver", from: message.from, payload: message.payload });
  }

  /** The order of the installed view (of `view`, where given), unless a promise has closed it. */
  #openOrder(view = this.#graph.own.view): ViewOrder | null {
    const { own } = this.#graph;
    return sameRound(view, own.view) && sameRound(own.promised, own.view) ? this.#order : null;
  }

  #viewLink(member: string): Link | undefined {
    const id = this.#viewLinks.get(member);
    return typeof id === "number" ? this.#links.get(id) : undefined;
  }

  // Rounds

  /** Runs whenever the graph, a proposal or the time may have changed who should be in the view. */
  #regroup(): void {
    this.#suspect();
    const members = this.#graph.component(this.#now);
    const coordinator = members[0]!;
    if (coordinator === this.#setup.self) return this.#lead(members);
    this.#gathering = null;
    const link = this.#links.to(coordinator);
    if (link !== undefined && link.proposal !== null) this.#answer(link, link.proposal);
  }

  #lead(members: readonly string[]): void {
    const gathering = this.#gathering;
    if (gathering !== null && this.#stillRight(gathering, members)) {
      if (this.#now < gathering.deadline) return;
      for (const member of gathering.missing()) {
        this.#giveUp(this.#links.to(member)!, "peer-lost", "does not answer a proposal");
      }
      return this.#regroup();
    }
    this.#gathering = null;
    if (this.#settled(members)) return;
    const alone = members.length === 1 && this.#setup.peers.length > 1;
    if (alone && this.#now < this.#aloneFrom) return;
    this.#propose(members);
  }

  #stillRight(gathering: Gathering, members: readonly string[]): boolean {
    return (
      sameRound(gathering.round, this.#graph.own.promised) &&
      this.#sameLinks(gathering.links, members) &&
      !members.some((member) => higherRound(this.#graph.row(member)!.promised, gathering.round))
    );
  }

  /** Every member is in this node's view, or the INSTALL that will bring it in is on its way to it. */
  #settled(members: readonly string[]): boolean {
    const { view } = this.#graph.own;
    return (
      this.#order !== null &&
      this.#sameLinks(this.#viewLinks, members) &&
      members.every((member) => sameRound(this.#graph.row(member)!.promised, view))
    );
  }

  #sameLinks(links: ReadonlyMap<string, number | null>, members: readonly string[]): boolean {
    const now = this.#linksTo(members);
    return links.size === now.size && members.every((member) => links.get(member) === now.get(member));
  }

  #linksTo(members: readonly string[]): ReadonlyMap<string, number | null> {
    return new Map(members.map((member) => [member, this.#links.to(member)?.id ?? null]));
  }

  #propose(members: readonly string[]): void {
    const { self, incarnation, failureTimeoutMs } = this.#setup;
    const counter = 1 + Math.max(...this.#graph.rows().map((row) => row.promised.counter));
    const round: RoundId = { counter, coordinator: self, incarnation };
    const gathering = new Gathering(round, this.#linksTo(members), this.#now + 2 * failureTimeoutMs);
    this.#gathering = gathering;
    this.#promise(round);
    const { view } = this.#graph.own;
    const delivered = this.#order?.delivered ?? 0;
    for (const member of members) {
      const link = this.#links.to(member);
      if (link !== undefined) this.#send(link, { kind: "propose", round, view, delivered });
    }
    gathering.add(self, { view, delivered, messages: this.#held(0) });
    if (gathering.missing().length === 0) this.#install(gathering);
  }

  /** From here on nothing more is sent or delivered in the present view. */
  #promise(round: RoundId): void {
    this.#publish([this.#graph.change({ promised: round })]);
  }

  /** What others may lack of the present view, beyond the first `delivered` of its order. */
  #held(delivered: number): readonly Message[] {
    return this.#order === null ? [] : [...this.#order.keptAfter(delivered), ...this.#order.pending];
  }

  #onPropose(link: Link, frame: FrameOf<"propose">): string | null {
    const { coordinator, incarnation } = frame.round;
    if (coordinator !== link.peer || incarnation !== link.incarnation) return "proposes in another's name";
    link.proposal = frame;
    this.#regroup();
    return null;
  }

  #answer(link: Link, proposal: FrameOf<"propose">): void {
    link.proposal = null;
    const { round } = proposal;
    // Our row tells the coordinator of the higher promise, and it will try again above that.
    if (!higherRound(round, this.#graph.own.promised)) return;
    this.#promise(round);
    const { view } = this.#graph.own;
    const known = sameRound(proposal.view, view) ? proposal.delivered : 0;
    for (const message of this.#held(known)) this.#send(link, { kind: "carry", round, message });
    this.#send(link, { kind: "flush", round, view, delivered: this.#order?.delivered ?? 0 });
  }

  #onCarry(link: Link, frame: FrameOf<"carry">): string | null {
    const mine = this.#gathering !== null && sameRound(frame.round, this.#gathering.round);
    const theirs = link.peer === frame.round.coordinator && sameRound(frame.round, this.#graph.own.promised);
    if (!mine && !theirs) return null;
    // What each member kept, and what each had yet to send.
    const limit = (this.#setup.peers.length + 2) * MAX_KEPT_BYTES;
    return carry(link, frame.round, frame.message, limit) ? null : "carries too much";
  }

  #onFlush(link: Link, frame: FrameOf<"flush">): string | null {
    const gathering = this.#gathering;
    const messages = unload(link, frame.round);
    if (gathering === null || !sameRound(frame.round, gathering.round)) return null;
    if (gathering.links.get(link.peer) !== link.id) return null;
    gathering.add(link.peer, { view: frame.view, delivered: frame.delivered, messages });
    if (gathering.missing().length === 0) this.#install(gathering);
    return null;
  }

  #install(gathering: Gathering): void {
    const { round, members } = gathering;
    const origins = gathering.origins();
    const endings = gathering.endings();
    this.#gathering = null;
    for (const member of members) {
      const link = this.#links.to(member);
      if (link === undefined) continue;
      for (const message of endings.get(member)!) this.#send(link, { kind: "carry", round, message });
      this.#send(link, { kind: "install", round, members: origins });
    }
    this.#enter(round, origins, endings.get(this.#setup.self)!);
  }

  #onInstall(link: Link, frame: FrameOf<"install">): string | null {
    const { own } = this.#graph;
    const ending = unload(link, frame.round);
    if (link.peer !== frame.round.coordinator || !sameRound(frame.round, own.promised)) return null;
    if (sameRound(own.view, own.promised)) return "installs a view twice";
    if (!frame.members.some((member) => member.name === own.name)) return "installs a view without its receiver";
    return this.#enter(frame.round, frame.members, ending) ? null : "ends a view with a gap";
  }

  /** Ends the old view and begins the new one. @returns false when `ending` does not follow what was delivered. */
  #enter(round: RoundId, origins: readonly Origin[], ending: readonly Message[]): boolean {
    for (const message of ending) {
      if (this.#order?.accept(message) !== true) return false;
      this.#deliver(message);
    }
    const { self, peers } = this.#setup;
    const old = this.#graph.own.view;
    const members = origins.map((origin) => origin.name);
    const came = origins.filter(({ name, view }) => name === self || (view.counter > 0 && sameRound(view, old)));
    const stayed = came.map((origin) => origin.name);
    this.#order = new ViewOrder(round, self, members);
    this.#viewLinks = this.#linksTo(members);
    this.#unacknowledged = { messages: 0, bytes: 0 };
    const quorate = members.length * 2 > peers.length;
    this.#outputs.push({ kind: "view", view: { seq: round.counter, leader: members[0]!, members, stayed, quorate } });
    this.#publish([this.#graph.change({ view: round })]);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const payload of waiting) this.#multicast(payload);
    return true;
  }

  // Outputs

  #publish(rows: readonly Row[]): void {
    const bytes = encodeFrame({ kind: "status", rows });
    for (const link of this.#links.all()) this.#outputs.push({ kind: "send", link: link.id, bytes });
  }

  #send(link: Link, frame: Frame): void {
    this.#outputs.push({ kind: "send", link: link.id, bytes: encodeFrame(frame) });
  }

  #event(code: ChannelEvent["code"], level: ChannelEvent["level"], facts: ChannelEvent["facts"]): void {
    this.#outputs.push({ kind: "event", event: { code, level, facts } });
  }
}

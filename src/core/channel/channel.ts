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
 * of what others may lack of the old view, INSTALL. A member answers only the proposal that its own graph agrees with,
 * members and coordinator, and keeps any other until then. So a view is decided by round trips alone; time-outs only
 * find out who is silent.
 *
 * Sources: docs/PROTOCOL.md, "Group channel"; K. Birman and T. Joseph, "Exploiting Virtual Synchrony in Distributed
 * Systems", SOSP 1987 (flush before a view); P. Chockler et al., "Group Communication Specifications", ACM Computing
 * Surveys 33(4), 2001 (the properties, and their names in the tests).
 */
import { isQuorate } from "../quorum.js";
import { type RefusalReason, remedyFor } from "./refused-peers.js";
import { Broadcast, MAX_KEPT_BYTES } from "./broadcast.js";
import { Gathering } from "./flush.js";
import {
  decodeFrame,
  type Frame,
  type FrameOf,
  MAX_PASSED,
  MAX_PAST,
  type Message,
  type Origin,
  type Row,
} from "./frames.js";
import { Graph } from "./graph.js";
import type { ChannelEvent, ChannelInput, ChannelOutput, ChannelSetup } from "./io.js";
import { carry, type Link, Links, unload } from "./links.js";
import { Outbox } from "./outbox.js";
import { Refusals } from "./refusals.js";
import { NO_ROUND, type RoundId, sameRound } from "./round.js";

export class Channel {
  readonly #setup: ChannelSetup;
  readonly #graph: Graph;
  readonly #links = new Links();
  readonly #outbox = new Outbox();
  readonly #broadcast: Broadcast;
  readonly #refusals: Refusals;
  #gathering: Gathering | null = null;
  #now: number;
  #nextBeat: number;
  #nextStatus: number;
  /** Until then this node does not install a view of itself alone: it may not have found the others yet. */
  #aloneFrom: number;
  #left = false;

  constructor(setup: ChannelSetup) {
    this.#setup = setup;
    this.#graph = new Graph({
      name: setup.self,
      incarnation: setup.incarnation,
      // Above the versions of earlier runs, unless the clock went back; Graph.learn sees to that.
      version: setup.incarnation,
      reach: new Map(),
      view: NO_ROUND,
      promised: NO_ROUND,
      passed: [],
      past: [],
    });
    // The next attempt may take a time-out to begin, and one to fail.
    this.#refusals = new Refusals(setup.reconnectIntervalMs + 2 * setup.failureTimeoutMs);
    this.#broadcast = new Broadcast(setup.self, this.#links, this.#outbox);
    this.#now = this.#nextBeat = this.#nextStatus = setup.startedAt;
    this.#aloneFrom = setup.startedAt + this.#joinWaitMs;
  }

  /** When to feed `wake` at the latest. Earlier or later ones are welcome; much later ones count as a stall. */
  get deadline(): number {
    if (this.#left) return Number.POSITIVE_INFINITY;
    const silentAt = this.#links.heardLeast() + this.#setup.failureTimeoutMs;
    return Math.min(this.#nextBeat, silentAt, this.#refusals.deadline);
  }

  /** Feeds one input. Total: every input is legal in every state, and none throws. */
  step(input: ChannelInput): ChannelOutput[] {
    if (this.#left) return [];
    this.#passTime(input.at);
    if (this.#refusals.pass(this.#now)) this.#tellRefused();
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
      case "refused":
        this.#refused(input.peer, input.reason);
        break;
      case "multicast":
        this.#broadcast.multicast(input.payload);
        break;
      case "wake":
        break;
      case "leave":
        this.#outbox.send(this.#links.all(), { kind: "leave" });
        this.#left = true;
        return this.#outbox.take();
    }
    this.#giveUpSlowMembers();
    // Whatever the input: a flood of frames may keep the shell's timer waiting, and the peers would miss heartbeats.
    if (this.#now >= this.deadline) this.#wake();
    return this.#outbox.take();
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
    this.#outbox.event("stalled", "warn", { ms: Math.round(late) });
    this.#links.forgive(late, this.#now);
    if (this.#gathering !== null) this.#gathering.deadline += late;
    // By now the others have given this node up. It should find them again before it thinks that it is alone.
    if (late > this.#setup.failureTimeoutMs) this.#aloneFrom = this.#now + this.#joinWaitMs;
  }

  #wake(): void {
    if (this.#now >= this.#nextBeat) this.#beat();
    this.#regroup();
  }

  /** Heartbeats go both ways, as datagrams and over the links, so that either alone shows that a peer lives. */
  #beat(): void {
    this.#nextBeat = this.#now + this.#setup.heartbeatIntervalMs;
    this.#outbox.heartbeat();
    this.#broadcast.acknowledge(this.#links.all());
    if (this.#now < this.#nextStatus) return;
    // Rows spread as they change; once in a while all of them, for those that a dying link kept from somebody.
    this.#nextStatus = this.#now + this.#setup.failureTimeoutMs;
    this.#publish(this.#graph.rows());
  }

  // Refused peers

  #refused(peer: string, reason: RefusalReason): void {
    // A second program with another key at the peer's address takes nothing from the peer that we have.
    if (!this.#setup.peers.includes(peer) || this.#links.to(peer) !== undefined) return;
    const { changed, tell } = this.#refusals.refuse(peer, reason, this.#now);
    if (changed) this.#tellRefused();
    if (tell) this.#outbox.event("peer-refused", "error", { peer, reason, remedy: remedyFor({ peer, reason }) });
  }

  #tellRefused(): void {
    this.#outbox.refused(this.#refusals.peers());
  }

  // Links

  #open(id: number, peer: string, incarnation: number): void {
    if (peer === this.#setup.self || !this.#setup.peers.includes(peer)) {
      this.#outbox.close(id, "not a configured peer");
      return;
    }
    const old = this.#links.to(peer);
    if (old !== undefined) {
      this.#links.remove(old);
      this.#outbox.close(old.id, "replaced by a newer connection");
    }
    const link = this.#links.open(id, peer, incarnation, this.#now);
    this.#graph.meet(peer, incarnation);
    this.#outbox.event("peer-up", "info", { peer, incarnation });
    this.#publish([this.#graph.change({ reach: this.#links.peers() })]);
    this.#outbox.send([link], { kind: "status", rows: this.#graph.rows() });
    this.#regroup();
  }

  #closed(id: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#lose(link, "peer-lost", "warn", "connection closed");
    // The first frame follows the hello at once: it did not want ours.
    if (!link.used) this.#refused(link.peer, "name");
    this.#regroup();
  }

  #giveUp(link: Link, code: ChannelEvent["code"], reason: string): void {
    this.#outbox.close(link.id, reason);
    this.#lose(link, code, code === "peer-faulty" ? "error" : "warn", reason);
  }

  #giveUpSlowMembers(): void {
    const slow = this.#broadcast.tooSlow();
    if (slow.length === 0) return;
    for (const member of slow) {
      const link = this.#links.to(member);
      if (link !== undefined) this.#giveUp(link, "peer-slow", "acknowledges too little");
    }
    this.#regroup();
  }

  #lose(link: Link, code: ChannelEvent["code"], level: ChannelEvent["level"], reason: string): void {
    this.#links.remove(link);
    this.#graph.lose(link.peer, this.#now + this.#setup.failureTimeoutMs);
    this.#outbox.event(code, level, { peer: link.peer, reason });
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
    const link = this.#links.to(peer);
    if (!this.#broadcast.isViewLink(link)) return false;
    return this.#broadcast.members.some((other) => {
      // A member that was restarted meanwhile has not met this peer yet, and has lost nobody.
      const same = other !== peer && this.#broadcast.isViewLink(this.#links.to(other));
      return same && this.#graph.row(other)?.reach.get(peer) !== link.incarnation;
    });
  }

  // Frames

  #frame(id: number, bytes: Uint8Array): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.heardAt = link.frameAt = this.#now;
    if (!link.used) this.#welcome(link);
    const frame = decodeFrame(bytes);
    const fault = frame === null ? "not a frame" : this.#receive(link, frame);
    if (fault === null) return;
    this.#giveUp(link, "peer-faulty", fault);
    this.#regroup();
  }

  /** The link carries something, so that neither side refuses the other. */
  #welcome(link: Link): void {
    link.used = true;
    if (this.#refusals.end(link.peer)) this.#tellRefused();
  }

  /** @returns what the peer did against the protocol, or null. Frames of a view or round that is over are no fault. */
  #receive(link: Link, frame: Frame): string | null {
    switch (frame.kind) {
      case "status":
        return this.#onStatus(link, frame.rows);
      case "ack":
        return this.#broadcast.onAck(link, frame);
      case "submit":
        return this.#broadcast.onSubmit(link, frame);
      case "ordered":
        return this.#broadcast.onOrdered(link, frame);
      case "propose":
        return this.#onPropose(link, frame);
      case "carry":
        return this.#onCarry(link, frame);
      case "flush":
        return this.#onFlush(link, frame);
      case "install":
        return this.#onInstall(link, frame);
      case "leave":
        this.#outbox.close(link.id, "left");
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
      if (needed.length > 0) this.#outbox.send([link], { kind: "status", rows: needed });
    }
    this.#regroup();
    return null;
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
    if (link !== undefined && link.proposal !== null && sameNames(link.proposal.members, members)) {
      this.#answer(link, link.proposal);
    }
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

  #stillRight({ round, links }: Gathering, members: readonly string[]): boolean {
    return (
      this.#sameLinks(links, members) &&
      members.every((member) => {
        const { promised } = this.#graph.row(member)!;
        return promised.counter < round.counter || sameRound(promised, round);
      })
    );
  }

  /** Every member is in this node's view, or the INSTALL that will bring it in is on its way to it. */
  #settled(members: readonly string[]): boolean {
    const { view } = this.#graph.own;
    return (
      this.#sameLinks(this.#broadcast.installedOver, members) &&
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
    const { delivered } = this.#broadcast;
    const others = members.flatMap((member) => this.#links.to(member) ?? []);
    this.#outbox.send(others, { kind: "propose", round, members, view, delivered });
    gathering.add(self, { view, delivered, messages: this.#broadcast.held(0) });
    if (gathering.missing().length === 0) this.#install(gathering);
  }

  /** From here on nothing more is sent or delivered in the present view. */
  #promise(round: RoundId): void {
    this.#broadcast.close();
    const { view, promised, passed } = this.#graph.own;
    const all = sameRound(view, promised) ? passed : [...passed, promised].slice(-MAX_PASSED);
    this.#publish([this.#graph.change({ promised: round, passed: all })]);
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
    // Our row tells the coordinator what we have promised, and it will try again above that.
    if (round.counter <= this.#graph.own.promised.counter) return;
    this.#promise(round);
    const { view } = this.#graph.own;
    const known = sameRound(proposal.view, view) ? proposal.delivered : 0;
    for (const message of this.#broadcast.held(known)) this.#outbox.send([link], { kind: "carry", round, message });
    this.#outbox.send([link], { kind: "flush", round, view, delivered: this.#broadcast.delivered });
  }

  #onCarry(link: Link, frame: FrameOf<"carry">): string | null {
    const mine = this.#gathering !== null && sameRound(frame.round, this.#gathering.round);
    const theirs = link.peer === frame.round.coordinator && sameRound(frame.round, this.#graph.own.promised);
    if (!mine && !theirs) return null;
    // What each member kept, and what each had yet to send.
    const limit = (this.#setup.peers.length + 2) * MAX_KEPT_BYTES;
    return carry(link, frame.message, limit) ? null : "carries too much";
  }

  #onFlush(link: Link, frame: FrameOf<"flush">): string | null {
    const gathering = this.#gathering;
    const messages = unload(link);
    if (gathering === null || !sameRound(frame.round, gathering.round)) return null;
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
      for (const message of endings.get(member)!) this.#outbox.send([link], { kind: "carry", round, message });
      this.#outbox.send([link], { kind: "install", round, members: origins });
    }
    this.#enter(round, origins, endings.get(this.#setup.self)!);
  }

  #onInstall(link: Link, frame: FrameOf<"install">): string | null {
    const { own } = this.#graph;
    const ending = unload(link);
    if (link.peer !== frame.round.coordinator || !sameRound(frame.round, own.promised)) return null;
    if (sameRound(own.view, own.promised)) return "installs a view twice";
    if (!frame.members.some((member) => member.name === own.name)) return "installs a view without its receiver";
    return this.#enter(frame.round, frame.members, ending) ? null : "ends a view with a gap";
  }

  /** Ends the old view and begins the new one. @returns false when `ending` does not follow what was delivered. */
  #enter(round: RoundId, origins: readonly Origin[], ending: readonly Message[]): boolean {
    const { self, peers } = this.#setup;
    const old = this.#graph.own.view;
    const members = origins.map((origin) => origin.name);
    const came = origins.filter(({ name, view }) => name === self || (view.counter > 0 && sameRound(view, old)));
    const stayed = came.map((origin) => origin.name);
    if (!this.#broadcast.members.every((member) => stayed.includes(member))) this.#outbox.transition();
    if (!this.#broadcast.end(ending)) return false;
    const quorate = isQuorate(members, peers);
    this.#outbox.view({ seq: round.counter, leader: members[0]!, members, stayed, quorate });
    const past = old.counter === 0 ? [] : [...this.#graph.own.past, old].slice(-MAX_PAST);
    this.#publish([this.#graph.change({ view: round, passed: [], past })]);
    this.#broadcast.begin(round, members, this.#linksTo(members));
    return true;
  }

  #publish(rows: readonly Row[]): void {
    this.#outbox.send(this.#links.all(), { kind: "status", rows });
  }
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

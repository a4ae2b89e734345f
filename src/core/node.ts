/**
 * One node of the cluster as a function of its inputs: the replicated ownership, this node's own hands, its timers and
 * the commands that wait here. No I/O, no clock, no randomness: the daemon and the simulator are two shells around it.
 */
import type { PartitionPolicy } from "../config/types.js";
import { describeAddresses } from "./address.js";
import type { Entry } from "./catalogue/catalogue.js";
import { Commands } from "./commands.js";
import { ForeignAddresses } from "./foreign.js";
import { Condition } from "./health/condition.js";
import { reportHealth } from "./health/reports.js";
import { Jobs } from "./jobs.js";
import { Leader, type Damping, type LeaderTerms } from "./leader.js";
import type { Facts, MonoMs, NodeEventCode, NodeInput, NodeOutput } from "./io.js";
import { addressesFor, unitOf } from "./ownership/definitions.js";
import { Hands, type Demands } from "./ownership/hands.js";
import { Homes } from "./ownership/homes.js";
import type { LeaseTerms } from "./ownership/lease.js";
import { Introductions } from "./ownership/introductions.js";
import { Marks } from "./ownership/marks.js";
import { Overlaps } from "./ownership/overlaps.js";
import { Ownership, type Change, type Member } from "./ownership/ownership.js";
import { PendingDrains } from "./ownership/pending-drains.js";
import { OwnerChanges, type Cause } from "./ownership/owner-changes.js";
import { policyOf } from "./ownership/policy.js";
import { Retries } from "./ownership/retries.js";
import type { Row } from "./ownership/table.js";
import { Tenure } from "./ownership/tenure.js";
import { run, SLICE, type Slices } from "./slices.js";
import { reportForeign, reportMarks, reportMembers, reportOwners } from "./reports.js";
import type { RefusedPeer } from "./channel/refused-peers.js";
import type { View } from "./view.js";
import {
  decodeMessage,
  encodeMessage,
  type Claim,
  type Health,
  type Introduction,
  type WireMessage,
} from "./wire/messages.js";
import type { ForeignGroup } from "./wire/foreign.js";
import { isLong, Parts, split } from "./wire/parts.js";
import { SPEAKS } from "./wire/versions.js";

export interface NodeSetup extends LeaseTerms, LeaderTerms {
  readonly incarnation: number;
  readonly version: string;
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly entries: readonly Entry[];
  readonly balanceSetSize: number;
  readonly weight: number;
  /** Units a second that this node gives away while it drains; 0: all at once. */
  readonly drainRate: number;
  /** Changes of owner are put out with all their addresses, too. */
  readonly audit: boolean;
}

/** Homes that are told at once: the mail service is in another thread. */
const HOMES_CHUNK = 4096;
/** Of one job: it is served and told as owned as a whole, and no more of it is worked on at once. */
const ACQUIRE_CHUNK = 16_384;
/** Of a node that goes on failing, one address is interrupted each time. */
const LONGEST_TRIAL_WAIT_MS = 300_000;
/** A node that drains by and by gives so often. */
const GIVE_EVERY_MS = 250;

export class NodeCore {
  readonly ownership = new Ownership();
  readonly hands = new Hands();
  readonly condition: Condition;
  readonly #jobs = new Jobs();
  readonly #leader: Leader;
  readonly #commands: Commands;
  readonly #owners = new OwnerChanges(this.ownership);
  readonly #drains = new PendingDrains();
  readonly #retries = new Retries();
  /** By Topology in which this node is doubtful. */
  readonly #trials = new Retries(LONGEST_TRIAL_WAIT_MS);
  readonly #homes = new Homes();
  readonly #marks = new Marks();
  readonly #overlaps = new Overlaps();
  /** Whose the addresses are that are here is in question: nothing is said of them on the LAN. */
  #hushed = false;
  /** Of the interfaces of this host. */
  #macs: readonly string[] = [];
  readonly #changedAt = new Map<string, MonoMs>();
  readonly #tenure: Tenure;
  readonly #introductions: Introductions;
  readonly #parts = new Parts();
  /** Managed addresses that stand in members' kernels and not from the cluster, as each has said. */
  readonly foreign = new ForeignAddresses();
  /** Those of this node, said or not. */
  #foreignHere: readonly ForeignGroup[] = [];
  #obstructed: ReadonlySet<string> = new Set();
  /** Messages of this node that went in parts. */
  #longMessages = 0;
  /** Digest of the table when the leader last asked for it; null when it was told since, or is not known. */
  #checked: number | null = null;
  /** Digest of the table that this view, or its new round of announcements, began with. */
  #tableBefore = 0;
  /** Members whose table was the same then. */
  #company: readonly string[] = [];
  /** As late as it is known to be. */
  #now: MonoMs = Number.NEGATIVE_INFINITY;
  /** When the last input came. */
  #steppedAt: MonoMs = Number.NEGATIVE_INFINITY;
  #outputs: NodeOutput[] = [];
  #change: Change | null = null;
  #mature = false;
  #leaving = false;
  #health: Health;
  /** When this node gives away its next units, while it drains by and by. */
  #giveAt = Number.POSITIVE_INFINITY;
  #left = false;
  #settledAt: MonoMs = 0;
  /** Configured peers that are alive and in no view with this node. */
  #refusedPeers: readonly RefusedPeer[] = [];

  constructor(readonly setup: NodeSetup) {
    this.#introductions = new Introductions(setup.self, setup.entries);
    this.condition = new Condition(setup.self);
    this.#tenure = new Tenure(setup.self, setup);
    this.#leader = new Leader(this.ownership, setup);
    this.#commands = new Commands(this.ownership, setup.peers, this.foreign);
    this.#health = { draining: false, paced: setup.drainRate > 0, down: [] };
    this.#tenure.need(setup.entries.some(({ policy }) => policy === "strict"));
  }

  /** Total: every input is legal in every state, and none throws. */
  step(input: NodeInput): readonly NodeOutput[] {
    return run(this.stepping(input));
  }

  /** The same in slices. No other step may begin before it is done; meanwhile `elapsed` may be told, and all may be looked at. */
  *stepping(input: NodeInput): Slices<readonly NodeOutput[]> {
    this.#outputs = [];
    this.#change = null;
    const idleMs = input.at - this.#steppedAt;
    this.#now = input.at;
    this.#steppedAt = input.at;
    if (this.#tenure.pass(input.at)) this.#lapse(idleMs);
    switch (input.kind) {
      case "view":
        yield* this.#enter(input.view, input.at);
        break;
      case "transition":
        this.#tenure.transition();
        break;
      case "message":
        yield* this.#hear(input.from, input.payload, input.at);
        break;
      case "done":
        yield* this.#finish(input.job, input.failed);
        break;
      case "lost":
        yield* this.#lose(input.addresses);
        break;
      case "move":
      case "unpin":
      case "calm":
        this.#command(input);
        break;
      case "drain":
        this.#drains.add(input.id, input.on, input.on !== this.#health.draining, input.at);
        this.#turn({ ...this.#health, draining: input.on });
        this.#giveAt = input.at;
        break;
      case "links":
        this.condition.links(input.down);
        break;
      case "sense":
        if (this.condition.feels(input)) this.#sayHearing();
        break;
      case "foreign":
        this.#foreignHere = input.groups;
        this.#obstructed = new Set(input.groups.flatMap(({ addresses }) => addresses));
        this.#sayForeign();
        break;
      case "clock":
        this.#leader.clock(input.at, input.msOfDay);
        break;
      case "refused-peers":
        this.#meetRefused(input.peers, input.at);
        break;
      case "share":
        if ((this.ownership.view?.members.length ?? 0) > 1) this.#multicast({ kind: "share", ...input.share });
        break;
      case "hardware":
        this.#macs = input.macs;
        if (this.ownership.view !== null) this.#multicast({ kind: "hardware", macs: input.macs });
        break;
      case "leave":
        this.#leave();
        break;
      case "wake":
        yield* this.#wake(input.at);
        break;
    }
    this.#lookAtCondition(input.at);
    yield* this.#lookAtWaiting();
    const beacon = this.#tenure.beacon();
    if (beacon !== null) this.#multicast({ kind: "beacon", ...beacon });
    this.#leaveWhenEmpty();
    this.#tellOwners(input.at);
    return this.#outputs;
  }

  /** In between slices: it is that late by now. Whatever a lease was good for may be over. */
  elapsed(at: MonoMs): void {
    this.#now = at;
  }

  /** When the next `wake` is due; Infinity for never. */
  get deadline(): MonoMs {
    const retryAt = this.ownership.settled
      ? Math.min(this.#retries.deadline, this.#trials.deadline)
      : Number.POSITIVE_INFINITY;
    const giveAt = this.#isPacing ? this.#giveAt : Number.POSITIVE_INFINITY;
    const { deadline } = this.condition;
    return Math.min(this.#leader.deadline, retryAt, giveAt, this.#tenure.deadline, this.#owners.deadline, deadline);
  }

  /** What the last step changed in the table; null when it is as it was, or is waited for. */
  get change(): Change | null {
    return this.#change;
  }

  get refusedPeers(): readonly RefusedPeer[] {
    return this.#refusedPeers;
  }

  get leaving(): boolean {
    return this.#leaving;
  }

  /** Of a member that is damped: how long yet, by this node's clock. */
  damping(member: string, at: MonoMs): Damping {
    return this.#leader.damping(member, at);
  }

  /** How much longer a unit is pinned, in milliseconds; 0 where that has no end, and for none. */
  pinnedMs(lead: string, at: MonoMs): number {
    return this.#leader.pinnedMs(lead, at);
  }

  /** When the row of this unit last changed. */
  changedAt(lead: string): MonoMs {
    return this.#changedAt.get(lead) ?? this.#settledAt;
  }

  get settledAt(): MonoMs {
    return this.#settledAt;
  }

  /**
   * Is it for this node to say on the LAN that an address is its own, against somebody who says so too? To be asked
   * when the frame is about to be sent, and not before: what was so when the other was heard may be over.
   */
  defends(address: string): boolean {
    if (!this.ownership.settled || this.hands.state(address) !== "present") return false;
    const row = this.#rowOf(address);
    return row?.owner === this.setup.self && row.phase === "idle" && row.holders.size === 0;
  }

  *#enter(view: View, at: MonoMs): Slices<void> {
    const had = this.ownership.view?.quorate;
    this.#leader.enters(view, at);
    this.#outputs.push(...this.#commands.viewChanged());
    this.#tableBefore = this.ownership.digest;
    this.#company = view.stayed;
    this.#checked = null;
    this.#parts.clear();
    this.foreign.keep(view.stayed);
    this.#introductions.enter(view.members);
    const change = yield* this.ownership.entering(view);
    this.#hush(!this.ownership.settled);
    const { seq, leader, members } = view;
    this.#tenure.enter(view);
    this.condition.enter(view.stayed);
    if (!view.members.every((member) => view.stayed.includes(member))) this.#sayHearing();
    this.#event("view", {
      seq,
      leader,
      members: members.join(" "),
      quorate: view.quorate,
      settled: this.ownership.settled,
    });
    if (!view.quorate) this.#drop((policy) => policy !== "available");
    if (view.quorate !== had) this.#reportQuorum(view, had === undefined);
    if (this.ownership.settled) yield* this.#apply(change, "view", at);
    else this.#announce(at);
    this.#leader.arm(at, false);
  }

  #reportQuorum(view: View, first: boolean): void {
    const needed = this.setup.entries.filter(({ policy }) => policy !== "available").length;
    if (needed === 0 || (first && view.quorate)) return;
    const facts = { members: view.members.join(" "), peers: this.setup.peers.length, vips: needed };
    this.#event(view.quorate ? "quorum-regained" : "quorum-lost", facts);
  }

  /**
   * All under the lease is let go of, whatever the table says; others may have it from now on.
   * @param idleMs since the input before. A node with a lease has one five times in it, or it has not run.
   */
  #lapse(idleMs: number): void {
    const addresses = this.#drop((policy) => policy === "strict", true);
    this.#multicast({ kind: "lapsed" });
    if (addresses === 0) return;
    const lateMs = Math.round(this.#tenure.lateMs);
    this.#event("lease-lapsed", { leaseMs: this.setup.leaseMs, addresses, lateMs, idleMs: Math.round(idleMs) });
  }

  /** Until when this node may have an address, as far as it knows now. */
  until(address: string): MonoMs {
    const unit = unitOf(this.ownership.definitions, address);
    return unit === undefined ? Number.POSITIVE_INFINITY : this.#tenure.until(unit);
  }

  /** The lease is over, and no step has seen that so far: the next input is to be one that takes no time. */
  isLapsing(at: MonoMs): boolean {
    return this.#tenure.isLapsing(at);
  }

  /** What is here, or on its way in or out, by rights of a lease alone. */
  covered(): string[] {
    return [...this.hands.held()].flatMap(([address]) =>
      this.until(address) === Number.POSITIVE_INFINITY ? [] : [address],
    );
  }

  /** @param leased only what is under the lease. */
  *#extend(leased: boolean): Slices<void> {
    const byEnd = new Map<MonoMs, string[]>();
    let seen = 0;
    for (const [address, state] of this.hands.held()) {
      if (++seen % SLICE === 0) yield;
      const until = state === "present" || state === "acquiring" ? this.until(address) : Number.NEGATIVE_INFINITY;
      if (until <= this.#now || (leased && until === Number.POSITIVE_INFINITY)) continue;
      const addresses = byEnd.get(until);
      if (addresses === undefined) byEnd.set(until, [address]);
      else addresses.push(address);
    }
    for (const [until, addresses] of byEnd) this.#outputs.push({ kind: "extend", addresses, until });
  }

  /**
   * Lets go at once of what is here under such a policy.
   * @param unserved the kernel is without them before their service has ended: also without those that are on their
   * way, in or out. @returns how many addresses these are.
   */
  #drop(matches: (policy: PartitionPolicy) => boolean, unserved = false): number {
    const under = (address: string) => {
      const unit = unitOf(this.ownership.definitions, address);
      return unit !== undefined && matches(policyOf(unit));
    };
    const here = unserved ? this.covered() : [];
    if (here.length > 0) this.#outputs.push({ kind: "drop", addresses: here });
    const dropped = this.hands.drop(under);
    const draining = this.#jobs.hurry(under);
    this.#release([...dropped, ...draining], true);
    return here.length;
  }

  *#lookAtWaiting(): Slices<void> {
    const due = this.ownership.settled ? this.#tenure.due() : [];
    if (due.length > 0) yield* this.#carry(yield* this.hands.looking(this.#table(), due));
  }

  #announce(at: MonoMs): void {
    const { incarnation, version, endpoint, balanceSetSize, weight, leaseMs } = this.setup;
    const own = {
      speaks: SPEAKS,
      incarnation,
      version,
      endpoint,
      mature: this.#mature,
      leaving: this.#leaving,
      balanceSetSize,
      weight,
      leaseMs,
      fenceMs: this.#tenure.fenceMs,
      table: this.#tableBefore,
      catalogue: this.#introductions.catalogue,
      known: this.#introductions.known,
      health: this.#health,
      flaps: this.#leader.flaps(at),
    };
    if (this.#macs.length > 0) this.#multicast({ kind: "hardware", macs: this.#macs });
    const doubts = [...this.ownership.doubts.of(this.setup.self).keys()];
    this.#multicast({ kind: "announce", ...own, claims: this.#claims(at), doubts });
  }

  *#introduce(from: string, said: Introduction, at: MonoMs): Slices<void> {
    if (this.ownership.settled) return;
    if (from !== this.setup.self) this.#tenure.met(said);
    if (this.#company.includes(from) && said.table !== 0 && this.#tableBefore !== 0 && said.table !== this.#tableBefore)
      this.#event("table-diverged", { node: from });
    const catalogue = this.#introductions.hear(from, said);
    if (catalogue !== null) this.#multicast({ kind: "catalogue", bytes: catalogue });
    yield* this.#settleWhenAllAreKnown(at);
  }

  *#settleWhenAllAreKnown(at: MonoMs): Slices<void> {
    const all = this.ownership.settled ? null : this.#introductions.complete();
    for (const { node, speaks } of all?.strangers ?? []) this.#event("version-differs", { node, ...speaks });
    for (const [member, announcement] of all?.announcements ?? [])
      yield* this.#apply(
        yield* this.ownership.delivering(member, { kind: "announce", ...announcement }),
        "announce",
        at,
      );
  }

  /** The leader asks; each member looks at the same place of the order; and compares with what the leader saw there. */
  #compare(from: string, message: WireMessage & { kind: "check" | "digest" }): void {
    const { view, settled, digest } = this.ownership;
    if (from !== view?.leader || !settled) return;
    if (message.kind === "check") {
      this.#checked = digest;
      if (from === this.setup.self) this.#multicast({ kind: "digest", table: digest });
    } else {
      if (this.#checked !== null && this.#checked !== message.table) this.#multicast({ kind: "diverged" });
      this.#checked = null;
    }
  }

  /** Tables differ, which only a fault of ours can bring about: all of it is made anew from what the members have. */
  #announceAnew(at: MonoMs): void {
    const { view, settled } = this.ownership;
    if (view === null || !settled) return;
    this.#tableBefore = this.ownership.digest;
    this.#company = view.members;
    this.ownership.forget();
    this.#hush(true);
    this.#introductions.enter(view.members);
    this.#announce(at);
  }

  #claims(at: MonoMs): Claim[] {
    const claims: Claim[] = [];
    for (const [address, state] of this.hands.held()) {
      const lead = unitOf(this.ownership.definitions, address)?.lead.address ?? "";
      const row = this.ownership.rows.get(lead);
      const pinned = row?.pin === this.setup.self;
      const pinnedMs = pinned ? this.#leader.pinnedMs(lead, at) : 0;
      const releasing = state === "releasing" || state === "doomed";
      claims.push({ address, epoch: row?.epoch ?? 0, releasing, pinned, pinnedMs });
    }
    return claims;
  }

  *#hear(from: string, payload: Uint8Array, at: MonoMs): Slices<void> {
    const message = decodeMessage(payload);
    if (message === "unknown") return; // Of a version that is to come.
    if (message === null) {
      this.#event("message-malformed", { from, bytes: payload.length });
      return;
    }
    switch (message.kind) {
      case "part": {
        const whole = this.#parts.add(from, message);
        return whole instanceof Uint8Array ? yield* this.#hear(from, whole, at) : undefined;
      }
      case "announce":
        return yield* this.#introduce(from, message, at);
      case "catalogue":
        if (!(yield* this.#introductions.learning(message.bytes)))
          this.#event("message-malformed", { from, bytes: message.bytes.length });
        return yield* this.#settleWhenAllAreKnown(at);
      case "check":
      case "digest":
        return this.#compare(from, message);
      case "diverged":
        return this.#announceAnew(at);
      case "share":
        if (from !== this.setup.self) this.#outputs.push({ kind: "shared", from, share: message });
        return;
      case "request":
        if (this.ownership.settled && this.ownership.view?.leader === this.setup.self)
          for (const said of this.#commands.asked(message)) this.#multicast(said);
        return;
      case "hardware":
        if (from !== this.setup.self) this.#outputs.push({ kind: "hardware", from, macs: message.macs });
        return;
      case "foreign":
        return this.#hearForeign(from, message.groups);
      case "hearing":
        return this.condition.told(from, message.hearing);
    }
    if (message.kind === "beacon" && this.#tenure.heard(from, message)) yield* this.#extend(true);
    if (message.kind === "lapsed" && from === this.setup.self) this.#tenure.said();
    if (message.kind === "health") this.#hearHealth(from, message);
    const doubtful = this.ownership.doubts.of(from);
    const change = yield* this.ownership.delivering(from, message);
    if (this.ownership.settled) this.#outputs.push(...this.#commands.delivered(from, this.setup.self, message, at));
    yield* this.#apply(change, message.kind, at);
    this.#hearDoubts(from, doubtful, at);
    this.#leader.heard(message, at);
    if (message.kind === "mature") {
      this.#mature ||= this.ownership.members.get(this.setup.self)?.mature === true;
      this.#event("mature", { members: message.members.join(" ") });
    }
    if (message.kind === "calm") this.#hearCalm(message);
    if (message.kind === "owned" && from === this.setup.self) this.#retries.succeeded(message.leads);
    if (message.kind === "refused") {
      this.#event("vip-refused", { node: from, addresses: describeAddresses(message.leads), reason: message.reason });
      if (from === this.setup.self) this.#retries.refused(message.leads, at);
    }
  }

  /** Before there is a view nobody hears it: then it is said once the table is made, as to whoever joins later. */
  #sayForeign(): void {
    if (this.ownership.view !== null) this.#multicast({ kind: "foreign", groups: this.#foreignHere });
  }

  /** Whoever has one of our addresses besides may have drawn the neighbours to himself: they are told where it is. */
  #hearForeign(node: string, groups: readonly ForeignGroup[]): void {
    const change = this.foreign.hear(node, groups);
    const { came, gone } = change;
    for (const report of reportForeign(node, change)) this.#event(...report);
    const ours = [...came.flatMap(({ addresses }) => addresses), ...gone].filter(
      (address) => this.hands.state(address) === "present",
    );
    if (node !== this.setup.self && ours.length > 0) this.#outputs.push({ kind: "announce", addresses: ours });
  }

  /** Something in this node's own kernel keeps it from the unit: nobody has to let go of it for the next try. */
  #isObstructed(lead: string): boolean {
    return this.#obstructed.size > 0 && this.#addressesOf(lead).some((address) => this.#obstructed.has(address));
  }

  *#apply(change: Change, cause: Cause, at: MonoMs): Slices<void> {
    this.#change = change;
    const { definitions } = this.ownership;
    if (change.settled) yield* this.#settle(change, at);
    if (change.redefined) {
      for (const report of reportMarks(this.#marks, definitions)) this.#event(...report);
      this.#tenure.need(definitions.found.leased);
      yield* this.#extend(false); // What was under a lease may be so no longer, and the other way round.
    }
    // What a settled table says of all of them is `settledAt`.
    let seen = 0;
    for (const lead of change.settled ? [] : change.touched) {
      this.#changedAt.set(lead, at);
      if (++seen % SLICE === 0) yield;
    }
    if (this.#tenure.pass(this.#now)) this.#lapse(0);
    if (change.redefined) yield* this.#releaseStrays(this.hands.known());
    yield* this.#carry(yield* this.hands.looking(this.#table(), change.touched));
    // Behind the release of what is not this node's any more.
    if (change.settled) this.#hush(false);
    else yield* this.#tellLan(yield* this.#overlaps.ended(change.touched, this.ownership.rows, this.setup.self));
    yield* this.#tellHomes(change, cause, at);
    this.#outputs.push(...this.#commands.check(at));
    this.#checkDrains(at);
  }

  *#settle(change: Change, at: MonoMs): Slices<void> {
    const { members, definitions } = this.ownership;
    this.#settledAt = at;
    this.#changedAt.clear();
    this.hands.begin();
    this.#outputs.push(...this.#commands.abandon());
    this.#event("settled", { members: members.size, vips: definitions.vips.size });
    if (change.contested.length > 0) this.#event("vip-contested", { addresses: describeAddresses(change.contested) });
    for (const report of yield* reportMembers(members)) this.#event(...report);
    yield* this.#announceAgain(change.contested);
    const own = members.get(this.setup.self);
    if (this.#leaving && own?.leaving !== true) this.#multicast({ kind: "drain" });
    // Said after the announcement, or while nobody listened.
    if (own !== undefined && !sameHealth(own.health, this.#health))
      this.#multicast({ kind: "health", ...this.#health });
    else this.#drains.taken(this.#health.draining, this.#ownLeads());
    for (const member of members.keys()) this.#hearDoubts(member, NO_DOUBTS, at);
    if (this.#foreignHere.length > 0) this.#sayForeign();
    yield* this.#leader.settled(at);
  }

  /** Tells what a message has changed about where a member is doubtful. This node asks for trials as long as it is. */
  #hearDoubts(node: string, before: ReadonlyMap<string, unknown>, at: MonoMs): void {
    const after = this.ownership.doubts.of(node);
    const isSelf = node === this.setup.self;
    for (const topology of after.keys()) {
      if (!before.has(topology)) this.#event("node-doubtful", { node, topology });
      if (isSelf && !this.#trials.has(topology)) this.#trials.refused([topology], at);
    }
    for (const topology of before.keys()) {
      if (after.has(topology)) continue;
      this.#event("node-trusted", { node, topology });
      if (isSelf) this.#trials.succeeded([topology]);
    }
  }

  /**
   * On the LAN. Neighbours of a part that has come back may still have its old owners in their caches, also of addresses
   * that these have given up since. Who comes back was mature; one that starts had nothing.
   */
  *#announceAgain(contested: readonly string[]): Slices<void> {
    const { members, rows, loads, view } = this.ownership;
    const isBack = ([name, { announcement }]: [string, Member]) =>
      announcement.mature && view?.stayed.includes(name) === false;
    const own = loads.concerning(this.setup.self);
    yield* this.#overlaps.begin(own, rows, this.setup.self);
    yield* this.#tellLan([...members].some(isBack) ? own : contested);
  }

  /** On the LAN, what this node has of these units, where they are its own. */
  *#tellLan(leads: readonly string[]): Slices<void> {
    const addresses: string[] = [];
    let seen = 0;
    for (const lead of leads) {
      if (++seen % SLICE === 0) yield;
      const row = this.ownership.rows.get(lead);
      if (row?.owner !== this.setup.self || row.phase !== "idle") continue;
      for (const address of this.#addressesOf(lead))
        if (this.hands.state(address) === "present") addresses.push(address);
    }
    if (addresses.length > 0) this.#outputs.push({ kind: "announce", addresses });
  }

  #hush(on: boolean): void {
    if (this.#hushed === on) return;
    this.#hushed = on;
    this.#outputs.push({ kind: "hush", on });
  }

  *#finish(id: number, failed: readonly { address: string; reason: string }[]): Slices<void> {
    const job = this.#jobs.finish(id);
    if (job === undefined) return;
    const failures = new Map(failed.map(({ address, reason }) => [address, reason]));
    const doomed: string[] = [];
    for (const address of job.addresses) {
      const reason = failures.get(address);
      if (job.kind === "release") {
        if (this.#jobs.isReleased(address)) this.hands.released(address);
      } else if (reason !== undefined) this.hands.failed(address, reason);
      else if (!this.hands.acquired(address)) doomed.push(address);
    }
    this.#release(doomed, true);
    yield* this.#lookAgain(job.addresses);
  }

  *#lose(addresses: readonly string[]): Slices<void> {
    const lost = addresses.filter((address) => this.hands.state(address) === "present");
    if (lost.length === 0) return;
    for (const address of lost) this.hands.released(address);
    this.#event("vip-lost", { addresses: describeAddresses(lost) });
    yield* this.#lookAgain(lost);
  }

  /** While announcements are missing nobody takes or gives anything. */
  *#lookAgain(addresses: readonly string[]): Slices<void> {
    if (!this.ownership.settled) return;
    const { definitions } = this.ownership;
    const leads = new Set(addresses.flatMap((address) => unitOf(definitions, address)?.lead.address ?? []));
    yield* this.#releaseStrays(addresses);
    yield* this.#carry(yield* this.hands.looking(this.#table(), leads));
  }

  *#releaseStrays(addresses: Iterable<string>): Slices<void> {
    this.#release(yield* this.hands.strays(this.#table(), addresses), true);
  }

  *#carry({ acquire, release, owned, released, refused }: Demands): Slices<void> {
    const [urgent, planned] = yield* parted(release, (address) => !this.#isPlanned(address));
    this.#release(urgent, true);
    this.#release(planned, false);
    for (let i = 0; i < acquire.length; i += ACQUIRE_CHUNK) {
      const chunk = acquire.slice(i, i + ACQUIRE_CHUNK);
      const estranged = this.#refusedPeers.length > 0;
      const [fenced] = yield* parted(chunk, (address) => this.#isDoubtful(this.#rowOf(address), estranged));
      this.#outputs.push(this.#jobs.acquire(chunk, fenced, estranged));
    }
    if (released.length > 0) this.#multicast({ kind: "released", leads: released });
    const byReason = new Map<string, string[]>();
    for (const { lead, reason } of refused) {
      const leads = byReason.get(reason);
      if (leads === undefined) byReason.set(reason, [lead]);
      else leads.push(lead);
    }
    for (const [reason, leads] of byReason) this.#multicast({ kind: "refused", leads, reason });
    // After what failed beside it: who has taken something is not doubtful.
    if (owned.length > 0) this.#multicast({ kind: "owned", leads: owned });
  }

  /** What a member refused, somebody answers for, perhaps, who is in no view with us. */
  #isDoubtful(row: Row | undefined, estranged: boolean): boolean {
    return row === undefined || row.fenced || (estranged && row.refusedBy.size > 0);
  }

  /** Who has gone had what this node could not take, perhaps. */
  #meetRefused(peers: readonly RefusedPeer[], at: MonoMs): void {
    const gone = this.#refusedPeers.some(({ peer }) => peers.every((other) => other.peer !== peer));
    this.#refusedPeers = peers;
    if (gone) this.#retries.hurry(at);
  }

  /** Deliveries in flight may end only where the cluster waits for this node to let go. */
  #isPlanned(address: string): boolean {
    const unit = unitOf(this.ownership.definitions, address);
    const row = unit === undefined ? undefined : this.ownership.rows.get(unit.lead.address);
    if (unit === undefined || row === undefined || !this.#tenure.hold(unit)) return false;
    if (row.phase !== "releasing" || row.owner !== this.setup.self) return false;
    return !this.#health.down.includes(unit.lead.topology); // No delivery ends without carrier.
  }

  #release(addresses: readonly string[], urgent: boolean): void {
    this.#outputs.push(...this.#jobs.release(addresses, urgent));
  }

  *#tellHomes(change: Change, cause: Cause, at: MonoMs): Slices<void> {
    const { touched, redefined } = change;
    const { rows, definitions } = this.ownership;
    const ended = redefined ? yield* this.#homes.ended(definitions) : [];
    const homes = ended.concat(yield* this.#homes.changes(touched, definitions, rows));
    for (let i = 0; i < homes.length; i += HOMES_CHUNK)
      this.#outputs.push({ kind: "homes", homes: homes.slice(i, i + HOMES_CHUNK) });
    yield* this.#owners.look(cause, change, homes, at);
    let seen = 0;
    for (const lead of touched) {
      if (++seen % SLICE === 0) yield;
      const row = rows.get(lead);
      if (row?.phase === "idle" && row.owner === null && row.refusedBy.size > 0) {
        this.#event("vip-unowned", { addresses: lead, refusedBy: [...row.refusedBy].join(" ") });
      }
    }
  }

  #command(command: Parameters<Commands["start"]>[0]): void {
    const begun = this.#commands.start(command);
    if ("refusal" in begun) this.#outputs.push(begun.refusal);
    else this.#multicast(begun.message);
  }

  #tellOwners(at: MonoMs, all = false): void {
    for (const change of this.#owners.due(at, all)) this.#outputs.push(...reportOwners(change, this.setup.audit));
  }

  /** This node's own health from now on; a table that is being made anew hears of it when it is settled. */
  #turn(health: Health): void {
    this.#health = health;
    if (this.ownership.settled) this.#multicast({ kind: "health", ...health });
  }

  #hearCalm({ members, regaining }: Extract<WireMessage, { kind: "calm" }>): void {
    if (members.length > 0) this.#event("node-calm", { nodes: members.join(" ") });
    if (regaining.length > 0) this.#event("node-regains", { nodes: regaining.join(" ") });
  }

  #lookAtCondition(at: MonoMs): void {
    const news = this.condition.look(at);
    if (news === null) return;
    for (const [code, facts] of news.events) this.#event(code, facts);
    const health = { ...this.#health, down: news.down, reasons: news.reasons };
    if (!sameHealth(health, this.#health)) this.#turn(health);
  }

  #sayHearing(): void {
    const { hearing } = this.condition;
    if (this.ownership.view !== null && hearing.length > 0) this.#multicast({ kind: "hearing", hearing });
  }

  #hearHealth(node: string, health: Health): void {
    if (!this.ownership.settled) return;
    const { draining, down } = health;
    this.#event("health", { node, draining, down: down.join(" ") });
    for (const report of reportHealth(node, this.ownership.members.get(node)?.health, health)) this.#event(...report);
    if (node === this.setup.self) this.#drains.taken(draining, this.#ownLeads());
  }

  #ownLeads(): string[] {
    const { loads, rows } = this.ownership;
    return loads.concerning(this.setup.self).filter((lead) => rows.get(lead)?.owner === this.setup.self);
  }

  #checkDrains(at: MonoMs): void {
    const { settled, rows, definitions } = this.ownership;
    const rest = () => this.#isPacing && this.ownership.toGive(this.setup.self, 1).length > 0;
    if (settled) this.#outputs.push(...this.#drains.check(rest, this.setup.self, rows, definitions, at));
  }

  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    if (this.ownership.settled) this.#multicast({ kind: "drain" });
  }

  /** Its successors have to have taken over, as far as there are any. */
  #leaveWhenEmpty(): void {
    if (!this.#leaving || this.#left) return;
    const { view, settled, loads, members } = this.ownership;
    const told = view === null || (settled && members.get(this.setup.self)?.leaving === true);
    const empty = this.hands.held().next().done === true && loads.moving.size === 0;
    if (!told || !empty) return;
    this.#left = true;
    this.#tellOwners(this.#now, true);
    this.#outputs.push({ kind: "left" });
  }

  /** All members know that this node drains, and by and by. */
  get #isPacing(): boolean {
    const health = this.ownership.settled ? this.ownership.members.get(this.setup.self)?.health : undefined;
    return health?.draining === true && health.paced;
  }

  #giveSome(at: MonoMs): void {
    const { drainRate, self } = this.setup;
    const count = Math.max(1, Math.round((drainRate * GIVE_EVERY_MS) / 1000));
    this.#giveAt = at + Math.max(GIVE_EVERY_MS, 1000 / drainRate);
    const leads = this.ownership.toGive(self, count);
    if (leads.length > 0) this.#multicast({ kind: "give", leads });
    this.#checkDrains(at);
  }

  *#wake(at: MonoMs): Slices<void> {
    for (const message of yield* this.#leader.waking(at)) this.#multicast(message);
    if (this.#isPacing && at >= this.#giveAt) this.#giveSome(at);
    const ready = this.ownership.settled ? this.#retries.due(at, (lead) => this.#isObstructed(lead)) : [];
    if (ready.length > 0) this.#multicast({ kind: "ready", leads: ready });
    const due = this.ownership.settled ? this.#trials.due(at) : [];
    this.#trials.succeeded(due.filter((topology) => this.ownership.doubts.get(this.setup.self, topology) === null));
    const topologies = due.filter((topology) => this.#trials.has(topology));
    if (topologies.length === 0) return;
    this.#trials.refused(topologies, at); // Until it has been given something, and has taken it.
    this.#multicast({ kind: "try", topologies });
  }

  #addressesOf(lead: string): string[] {
    const unit = this.ownership.definitions.units.get(lead);
    return unit === undefined ? [] : addressesFor(unit, this.setup.self);
  }

  #rowOf(address: string): Row | undefined {
    const unit = unitOf(this.ownership.definitions, address);
    return unit === undefined ? undefined : this.ownership.rows.get(unit.lead.address);
  }

  #table() {
    const { definitions, rows } = this.ownership;
    return { self: this.setup.self, definitions, rows, may: this.#tenure };
  }

  #multicast(message: WireMessage): void {
    const payload = encodeMessage(message);
    if (!isLong(payload)) return void this.#outputs.push({ kind: "multicast", payload });
    for (const part of split(payload, ++this.#longMessages))
      this.#outputs.push({ kind: "multicast", payload: encodeMessage({ kind: "part", ...part }) });
  }

  #event(code: NodeEventCode, facts: Facts): void {
    this.#outputs.push({ kind: "event", code, facts });
  }
}

const NO_DOUBTS: ReadonlyMap<string, unknown> = new Map();

/** Those that match, and the others. */
function* parted<T>(items: readonly T[], matches: (item: T) => boolean): Slices<[T[], T[]]> {
  const [matching, others]: [T[], T[]] = [[], []];
  for (const [i, item] of items.entries()) {
    (matches(item) ? matching : others).push(item);
    if (i % SLICE === SLICE - 1) yield;
  }
  return [matching, others];
}

function sameHealth(a: Health, b: Health): boolean {
  const reasons = ({ reasons = [] }: Health) => reasons.map(({ topology, reason }) => `${topology} ${reason}`).join();
  const same = a.draining === b.draining && a.paced === b.paced && a.down.join() === b.down.join();
  return same && reasons(a) === reasons(b);
}

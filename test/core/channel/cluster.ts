/**
 * Channels on a simulated network in virtual time, everything drawn from one seed. The network has what matters of the
 * real one: ordered connections that hold back what a cut swallows and end with a FIN or a reset, lossy datagrams, cuts
 * in one direction, processes that die (their kernel closes their connections) and hosts that die (nobody does).
 */
import { Channel } from "../../../src/core/channel/channel.js";
import type { ChannelEvent, ChannelInput } from "../../../src/core/channel/io.js";
import type { View } from "../../../src/core/view.js";

export const HEARTBEAT_MS = 100;
export const FAILURE_MS = 500;
export const RECONNECT_MS = 150;

/** One view of one run, and what was delivered in it. */
export interface Chapter {
  /** Tells views apart also when a leader starts again: seq, leader, the leader's incarnation. */
  readonly id: string;
  readonly view: View;
  readonly at: number;
  readonly delivered: string[];
  /** How many of `delivered` came before the view was being ended. */
  inOrder: number;
  /** How many of `delivered` came before the transition to a view without some; null when none was told. */
  transitionAfter: number | null;
}

/** One life of a node. */
export interface Run {
  readonly name: string;
  readonly incarnation: number;
  readonly channel: Channel;
  readonly chapters: Chapter[];
  /** What it multicast, and the chapter it was in then; -1 before its first view. */
  readonly sent: { readonly text: string; readonly chapter: number }[];
  readonly events: ChannelEvent[];
  alive: boolean;
  stalledUntil: number;
  readonly inbox: ((at: number) => ChannelInput)[];
  readonly ends: Map<number, End>;
}

/** One side of a connection. */
class End {
  peer!: End;
  open = true;
  /** Frames and, as null, the FIN or reset on their way to this side. */
  readonly coming: (Uint8Array | null)[] = [];
  /** How many of them should have arrived and were held back by a cut. */
  held = 0;
  lastArrival = 0;

  constructor(
    readonly link: number,
    readonly run: Run,
  ) {}
}

export class Cluster {
  now = 0;
  readonly runs: Run[] = [];
  readonly #names: readonly string[];
  readonly #current = new Map<string, Run>();
  readonly #cuts = new Set<string>();
  readonly #clogs = new Set<string>();
  readonly #queue: { at: number; turn: number; act: () => void }[] = [];
  #turn = 0;
  /** Who is at the other end of each link there ever was. */
  readonly #peers = new Map<number, Run>();
  #links = 0;
  #state: number;
  /** Longest way of a frame or datagram. */
  delayMs = 4;
  /** Share of the datagrams that get lost. */
  loss = 0.02;
  /** How far the wall clocks, which incarnations come from, are off. */
  clockMs = 0;

  constructor(size: number, seed: number) {
    this.#state = seed;
    this.#names = "abcdefgh".slice(0, size).split("");
    for (const lower of this.#names) {
      for (const higher of this.#names) if (lower < higher) this.#after(0, () => this.#dial(lower, higher));
    }
  }

  /** @returns an integer from 0 to limit - 1. The generator is mulberry32. */
  draw(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.draw(items.length)]!;
  }

  get names(): readonly string[] {
    return this.#names;
  }

  run(name: string): Run | undefined {
    return this.#current.get(name);
  }

  alive(): readonly Run[] {
    return [...this.#current.values()].filter((run) => run.alive);
  }

  start(...names: string[]): void {
    for (const name of names) {
      const incarnation = 1_000_000 + Math.floor(this.now + this.clockMs) * 10 + this.draw(10);
      const setup = { self: name, incarnation, peers: this.#names, heartbeatIntervalMs: HEARTBEAT_MS };
      const times = { reconnectIntervalMs: RECONNECT_MS };
      const channel = new Channel({ ...setup, ...times, failureTimeoutMs: FAILURE_MS, startedAt: this.now });
      const lists = { chapters: [], sent: [], events: [], inbox: [], ends: new Map<number, End>() };
      const run: Run = { name, incarnation, channel, alive: true, stalledUntil: 0, ...lists };
      this.runs.push(run);
      this.#current.set(name, run);
      this.#wake(run);
    }
  }

  /** The process dies; its kernel closes its connections. */
  crash(name: string): void {
    const run = this.run(name);
    if (run?.alive !== true) return;
    run.alive = false;
    for (const end of run.ends.values()) this.#shut(end);
  }

  /** The host dies: silence. */
  powerOff(name: string): void {
    const run = this.run(name);
    if (run?.alive !== true) return;
    run.alive = false;
    for (const end of run.ends.values()) end.open = false;
  }

  leave(name: string): void {
    const run = this.run(name);
    if (run?.alive !== true) return;
    this.#feed(run, (at) => ({ kind: "leave", at }));
    this.crash(name);
  }

  /** The process does not run for so long; what comes meanwhile waits in its sockets. */
  stall(name: string, forMs: number): void {
    const run = this.run(name);
    if (run?.alive !== true) return;
    run.stalledUntil = Math.max(run.stalledUntil, this.now + forMs);
    this.#after(run.stalledUntil - this.now, () => {
      // As in an event loop: timers first, then what the sockets hold.
      run.inbox.unshift((at) => ({ kind: "wake", at }));
      this.#drain(run);
    });
  }

  multicast(name: string, text: string): void {
    const run = this.run(name);
    if (run?.alive !== true || this.now < run.stalledUntil) return;
    run.sent.push({ text, chapter: run.chapters.length - 1 });
    this.#feed(run, (at) => ({ kind: "multicast", at, payload: new TextEncoder().encode(text) }));
  }

  /** Puts bytes on the connection of two nodes. */
  inject(from: string, to: string, bytes: Uint8Array): void {
    for (const end of this.run(to)?.ends.values() ?? []) if (end.peer.run.name === from) this.#carry(end, bytes);
  }

  /** Nothing gets from `from` to `to` any more. */
  cut(from: string, to: string): void {
    this.#cuts.add(from + to);
  }

  /** `name` is cut off from all, both ways. */
  isolate(name: string): void {
    for (const other of this.#names) {
      if (other === name) continue;
      this.cut(name, other);
      this.cut(other, name);
    }
  }

  /** Connections carry nothing from `from` to `to` any more; datagrams still come. */
  clog(from: string, to: string): void {
    this.#clogs.add(from + to);
  }

  heal(): void {
    this.#cuts.clear();
    this.#clogs.clear();
    for (const run of this.runs) {
      for (const end of run.ends.values()) {
        for (; end.held > 0; end.held--) this.#schedule(end);
      }
    }
  }

  /** Breaks the connection of two nodes, so that both see it end. */
  reset(a: string, b: string): void {
    for (const end of this.run(a)?.ends.values() ?? []) {
      if (!end.open || end.peer.run.name !== b) continue;
      this.#closedAt(end);
      this.#closedAt(end.peer);
    }
  }

  /** Makes a new connection of two nodes while they still have the old one. */
  reconnect(a: string, b: string): void {
    const [from, to] = [this.run(a), this.run(b)];
    if (a !== b && from?.alive === true && to?.alive === true) this.#connect(from, to);
  }

  advance(ms: number): void {
    const until = this.now + ms;
    for (let next = this.#queue[0]; next !== undefined && next.at <= until; next = this.#queue[0]) {
      this.#pop();
      this.now = next.at;
      next.act();
    }
    this.now = until;
  }

  /** @returns how long it took until `condition` held, or throws after `limitMs`. */
  until(condition: () => boolean, limitMs = 10_000): number {
    const since = this.now;
    while (!condition()) {
      if (this.now - since > limitMs) throw new Error(`not so within ${limitMs} ms`);
      this.advance(1);
    }
    return this.now - since;
  }

  /** Whether these nodes ("abc"), and nobody else, are in one view together. */
  together(nodes: string): boolean {
    const names = nodes.split("");
    const ids = names.map((name) => this.run(name)?.chapters.at(-1)?.id);
    return new Set(ids).size === 1 && this.run(names[0]!)?.chapters.at(-1)?.view.members.join("") === nodes;
  }

  /** Members of the views of a node's present run, in order: ["a", "abc"]. */
  views(name: string): readonly string[] {
    return this.run(name)?.chapters.map((chapter) => chapter.view.members.join("")) ?? [];
  }

  // One node

  #feed(run: Run, input: (at: number) => ChannelInput): void {
    if (!run.alive) return;
    run.inbox.push(input);
    if (this.now >= run.stalledUntil) this.#drain(run);
  }

  #drain(run: Run): void {
    if (this.now < run.stalledUntil) return;
    for (let next = run.inbox.shift(); next !== undefined && run.alive; next = run.inbox.shift()) {
      this.#step(run, next(this.now));
    }
  }

  #wake(run: Run): void {
    if (!run.alive) return;
    this.#feed(run, (at) => ({ kind: "wake", at }));
    const deadline = Math.max(run.channel.deadline, run.stalledUntil);
    this.#after(Math.max(0, deadline - this.now), () => this.#wake(run));
  }

  #step(run: Run, input: ChannelInput): void {
    const before = run.chapters.at(-1);
    const deliveredBefore = before?.delivered.length ?? 0;
    for (const output of run.channel.step(input)) {
      switch (output.kind) {
        case "send": {
          const end = run.ends.get(output.link);
          if (end?.open === true) this.#carry(end.peer, output.bytes);
          break;
        }
        case "close": {
          const end = run.ends.get(output.link);
          if (end !== undefined) this.#shut(end);
          break;
        }
        case "heartbeat":
          for (const name of this.#names) if (name !== run.name) this.#beat(run, name);
          break;
        case "view": {
          if (before !== undefined) before.inOrder = deliveredBefore;
          const theirs = input.kind === "frame" && output.view.leader !== run.name;
          const leader = theirs ? this.#peers.get(input.link)! : run;
          const id = `${output.view.seq} ${output.view.leader}@${leader.incarnation}`;
          run.chapters.push({
            id,
            view: output.view,
            at: this.now,
            delivered: [],
            inOrder: Infinity,
            transitionAfter: null,
          });
          break;
        }
        case "transition":
          run.chapters.at(-1)!.transitionAfter = run.chapters.at(-1)!.delivered.length;
          break;
        case "deliver":
          run.chapters.at(-1)!.delivered.push(new TextDecoder().decode(output.payload));
          break;
        case "event":
          run.events.push(output.event);
          break;
      }
    }
  }

  // The network

  #beat(from: Run, name: string): void {
    if (this.draw(1000) < this.loss * 1000) return;
    this.#after(this.#delay(), () => {
      const to = this.run(name);
      if (to === undefined || this.#cuts.has(from.name + name)) return;
      this.#feed(to, (at) => ({ kind: "heartbeat", at, peer: from.name, incarnation: from.incarnation }));
    });
  }

  #dial(lower: string, higher: string): void {
    const [from, to] = [this.run(lower), this.run(higher)];
    const blocked = this.#cuts.has(lower + higher) || this.#cuts.has(higher + lower);
    const idle = from !== undefined && now(from, this.now) && ![...from.ends.values()].some(isTo(higher));
    if (idle && to !== undefined && now(to, this.now) && !blocked) this.#connect(from, to);
    this.#after(RECONNECT_MS / 2 + this.draw(RECONNECT_MS), () => this.#dial(lower, higher));
  }

  #connect(from: Run, to: Run): void {
    const near = new End(++this.#links, from);
    const far = new End(++this.#links, to);
    near.peer = far;
    far.peer = near;
    for (const end of [near, far]) {
      end.run.ends.set(end.link, end);
      this.#peers.set(end.link, end.peer.run);
      end.lastArrival = this.now + this.#delay();
      this.#after(end.lastArrival - this.now, () => {
        const { link, peer } = end;
        const { name, incarnation } = peer.run;
        if (end.open) this.#feed(end.run, (at) => ({ kind: "opened", at, link, peer: name, incarnation }));
      });
    }
  }

  /** Brings a frame, or a FIN as null, to `end`, after whatever went there before it. */
  #carry(end: End, frame: Uint8Array | null): void {
    end.coming.push(frame);
    this.#schedule(end);
  }

  #schedule(end: End): void {
    end.lastArrival = Math.max(end.lastArrival, this.now + this.#delay());
    this.#after(end.lastArrival - this.now, () => {
      const way = end.peer.run.name + end.run.name;
      if (this.#cuts.has(way) || this.#clogs.has(way)) end.held++;
      else this.#arrive(end, end.coming.shift() ?? null);
    });
  }

  #arrive(end: End, frame: Uint8Array | null): void {
    if (!end.open) {
      // A host that knows nothing of the connection answers with a reset, once it runs again.
      if (frame !== null && end.peer.open && this.run(end.run.name)?.alive === true) this.#carry(end.peer, null);
    } else if (frame === null) {
      this.#closedAt(end);
    } else {
      this.#feed(end.run, (at) => ({ kind: "frame", at, link: end.link, bytes: frame }));
    }
  }

  #closedAt(end: End): void {
    end.open = false;
    end.run.ends.delete(end.link);
    this.#feed(end.run, (at) => ({ kind: "closed", at, link: end.link }));
  }

  /** This side is closed by its own process or kernel. */
  #shut(end: End): void {
    end.open = false;
    end.run.ends.delete(end.link);
    this.#carry(end.peer, null);
  }

  #delay(): number {
    return 0.1 + this.draw(this.delayMs * 10) / 10;
  }

  // The queue: a binary heap, earliest first, first come first served

  #after(ms: number, act: () => void): void {
    const entry = { at: this.now + ms, turn: this.#turn++, act };
    const heap = this.#queue;
    let i = heap.push(entry) - 1;
    for (let up = (i - 1) >> 1; i > 0 && sooner(entry, heap[up]!); up = (i - 1) >> 1) {
      heap[i] = heap[up]!;
      i = up;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#queue;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child + 1 < heap.length && sooner(heap[child + 1]!, heap[child]!)) child++;
      if (child >= heap.length || !sooner(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function now(run: Run, at: number): boolean {
  return run.alive && at >= run.stalledUntil;
}

function isTo(name: string): (end: End) => boolean {
  return (end) => end.open && end.peer.run.name === name;
}

function sooner(a: { at: number; turn: number }, b: { at: number; turn: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.turn < b.turn);
}

/**
 * Whole nodes in virtual time: production cores, a group engine, and models of network, kernels and mail. Everything
 * that can happen to a cluster is a method here; scenarios call them by hand, faults.ts by seed.
 */
import type { Entry } from "../core/catalogue/catalogue.js";
import type { MoveOutcome, NodeInput, NodeOutput } from "../core/io.js";
import { decodeMessage } from "../core/wire/messages.js";
import { ChannelEngine, type ChannelTimes } from "./channel-engine.js";
import { Clock } from "./clock.js";
import { Daemon, type DaemonTimes, type StepWatcher } from "./daemon.js";
import type { Death, GroupEngine } from "./engine.js";
import { Host, type HostTimes } from "./host.js";
import { discord, unrest } from "./liveness.js";
import { Measures } from "./measures.js";
import { ModelEngine, type ModelTimes } from "./model-engine.js";
import { Network, type NetworkOptions } from "./network.js";
import { Random } from "./random.js";
import { Safety } from "./safety.js";
import { Schedule } from "./schedule.js";
import { Trace, type TraceFacts } from "./trace.js";

export interface ClusterOptions {
  readonly seed: number;
  /** Entries of each node; its keys are the hosts. */
  readonly layout: ReadonlyMap<string, readonly Entry[]>;
  readonly engine: "model" | "channel";
  readonly network: NetworkOptions;
  readonly model: ModelTimes;
  readonly channel: ChannelTimes;
  readonly host: HostTimes;
  readonly daemon: DaemonTimes;
  readonly viewMatureTimeMs: number;
  readonly viewBalanceIntervalMs: number;
  readonly balanceSetSize: number;
  /** Of hosts that weigh other than 100. */
  readonly weights: ReadonlyMap<string, number>;
  readonly leaseMs: number;
  readonly clockDriftMax: number;
  /** Hosts whose addresses go when their daemon dies. */
  readonly lifelines: ReadonlySet<string>;
  /** Hosts whose clock is fast or slow; all others have the time of the run. */
  readonly clocks: ReadonlyMap<string, Clock>;
  readonly print: ((line: string) => void) | null;
}

export const USUAL: Omit<ClusterOptions, "seed" | "layout"> = {
  engine: "model",
  network: { delayMs: 0.2, jitterMs: 0.5, loss: 0 },
  model: { failureTimeoutMs: 500, joinMs: 150 },
  channel: { heartbeatIntervalMs: 100, failureTimeoutMs: 500, reconnectIntervalMs: 250 },
  host: { batchMs: 2, addressMs: 0.02, drainMs: 20 },
  daemon: { checkMs: 1_000, leaveLimitMs: 10_000 },
  viewMatureTimeMs: 1_000,
  viewBalanceIntervalMs: 2_000,
  balanceSetSize: 0,
  weights: new Map(),
  leaseMs: 2_000,
  clockDriftMax: 0.01,
  lifelines: new Set(),
  clocks: new Map(),
  print: null,
};

/** A broken invariant, with all that is needed to see it again. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";

  constructor(
    readonly seed: number,
    readonly what: string,
    readonly events: readonly string[],
  ) {
    super(`${what}\nreplay with SEED=${seed}; the last events:\n${events.join("\n")}`);
  }
}

const EVENTS_KEPT = 40;
/** What the wall clocks say when a run begins; incarnations are taken from them. */
const BEGIN_MS = Date.UTC(2026, 0, 1);

export class Cluster implements StepWatcher {
  readonly schedule = new Schedule();
  readonly random: Random;
  readonly network: Network;
  readonly measures = new Measures();
  readonly hosts = new Map<string, Host>();
  /** The daemon that runs on each host, if one does. */
  readonly daemons = new Map<string, Daemon>();
  readonly replies = new Map<number, MoveOutcome>();
  /** Gets each step of each core, after its check. */
  onStep: StepWatcher["stepped"] = () => {};
  /** What a node's message becomes on the wire: its own bytes, unless it is a node of another version. */
  rewrite: (name: string, payload: Uint8Array) => readonly Uint8Array[] = (_, payload) => [payload];
  readonly #trace: Trace;
  readonly #safety: Safety;
  readonly #engine: GroupEngine;
  #moves = 0;

  constructor(readonly options: ClusterOptions) {
    const { seed, layout } = options;
    this.random = new Random(seed);
    this.network = new Network(options.network, this.random);
    this.#trace = new Trace(EVENTS_KEPT, options.print);
    this.#safety = new Safety(
      () => this.daemons.values(),
      this.measures,
      (what) => this.fail(what),
    );
    const { schedule, network, random } = this;
    this.#engine =
      options.engine === "model"
        ? new ModelEngine(schedule, network, random, [...layout.keys()], options.model)
        : new ChannelEngine(schedule, network, random, [...layout.keys()], options.channel);
    for (const name of layout.keys()) {
      const host = new Host(name, options.lifelines.has(name), options.host, this.schedule, this.random, {
        changed: (...change) => this.#kernelChanged(...change),
      });
      this.hosts.set(name, host);
    }
  }

  // Faults and commands

  start(...names: string[]): void {
    for (const name of names) {
      const host = this.hosts.get(name);
      if (host === undefined || this.daemons.has(name)) continue;
      const { viewMatureTimeMs, viewBalanceIntervalMs, balanceSetSize, layout } = this.options;
      const { leaseMs, clockDriftMax } = this.options;
      const setup = {
        self: name,
        incarnation: BEGIN_MS + Math.floor(this.schedule.now),
        version: "0.1.0",
        endpoint: { host: "192.0.2.1", port: 4802 },
        entries: layout.get(name) ?? [],
        balanceSetSize,
        weight: this.options.weights.get(name) ?? 100,
        viewMatureTimeMs,
        viewBalanceIntervalMs,
        peers: [...layout.keys()],
        leaseMs,
        clockDriftMax,
      };
      const clock = this.options.clocks.get(name) ?? new Clock();
      const daemon = new Daemon(host, setup, this.#engine, this.schedule, clock, this.options.daemon, this);
      this.daemons.set(name, daemon);
      daemon.start();
    }
  }

  die(name: string, how: Death): void {
    this.daemons.get(name)?.die(how);
  }

  leave(name: string): void {
    this.note(name, "leave", () => ({}));
    this.daemons.get(name)?.leave();
  }

  /** The daemon of a host does nothing for a while, and what it has stays in the kernel. */
  pause(name: string): void {
    this.note(name, "pause", () => ({}));
    this.daemons.get(name)?.pause();
  }

  resume(name: string): void {
    this.note(name, "resume", () => ({}));
    this.daemons.get(name)?.resume();
  }

  cut(from: readonly string[], to: readonly string[], oneWay = false): void {
    this.note("net", oneWay ? "cut-one-way" : "cut", () => ({ from, to }));
    this.network.cut(from, to, oneWay);
    this.#safety.cut();
  }

  heal(): void {
    this.note("net", "heal", () => ({}));
    this.network.heal();
  }

  /** @returns the number under which the reply will come, or null when no daemon runs there. */
  move(on: string, address: string, to: string): number | null {
    const daemon = this.daemons.get(on);
    if (daemon?.state !== "running") return null;
    const id = ++this.#moves;
    daemon.input({ kind: "move", at: daemon.now, id, address, to });
    return id;
  }

  /** @returns as `move` does. */
  drain(on: string, keepEmpty: boolean): number | null {
    const daemon = this.daemons.get(on);
    if (daemon?.state !== "running") return null;
    this.note(on, keepEmpty ? "drain" : "undrain", () => ({}));
    const id = ++this.#moves;
    daemon.input({ kind: "drain", at: this.schedule.now, id, on: keepEmpty });
    return id;
  }

  /** From now on these Topologies of the host have no carrier, and all others do. */
  unplug(name: string, blocks: readonly string[]): void {
    const host = this.hosts.get(name);
    if (host === undefined || host.down.join() === blocks.join()) return;
    this.note(name, "carrier", () => ({ down: blocks }));
    host.down = blocks;
    this.daemons.get(name)?.linksChanged();
  }

  // Time

  run(ms: number): void {
    const end = this.schedule.now + ms;
    while (this.schedule.step(end));
  }

  /** Runs until nothing is missing any more. Fails with what is, when the time is over. */
  runUntil(missing: () => string | null, limitMs: number, everyMs = 20): void {
    const end = this.schedule.now + limitMs;
    for (let lack = missing(); lack !== null; lack = missing()) {
      if (this.schedule.now >= end) this.fail(`${lack}, after ${limitMs} ms`);
      this.run(everyMs);
    }
  }

  /** Until all live daemons are one settled view in which nothing moves. */
  runUntilCalm(limitMs = 60_000): void {
    this.runUntil(() => unrest(this.live()) ?? discord(this.live()), limitMs);
  }

  // What one sees

  live(): Daemon[] {
    return [...this.daemons.values()];
  }

  /** Which live host has each address plumbed and served; more than one is joined by "+". */
  homes(): Record<string, string> {
    const homes: Record<string, string> = {};
    for (const [name, { host }] of this.daemons) {
      for (const address of host.plumbed()) {
        if (host.serves(address)) homes[address] = homes[address] === undefined ? name : `${homes[address]}+${name}`;
      }
    }
    return homes;
  }

  note(who: string, what: string, facts: () => TraceFacts): void {
    this.#trace.note(this.schedule.now, who, what, facts);
  }

  fail(what: string): never {
    throw new SimulationFailure(this.options.seed, what, this.#trace.lines());
  }

  // StepWatcher

  started(daemon: Daemon): void {
    this.note(daemon.name, "start", () => ({ incarnation: daemon.core.setup.incarnation }));
    this.#safety.started(daemon);
  }

  stepped(daemon: Daemon, input: NodeInput, outputs: readonly NodeOutput[]): void {
    if (input.kind !== "wake" || outputs.length > 0) this.note(daemon.name, `> ${input.kind}`, () => factsOf(input));
    this.measures.count(`input ${input.kind}`);
    for (const output of outputs) {
      this.note(daemon.name, `  < ${output.kind}`, () => factsOf(output));
      if (output.kind === "event") this.measures.count(`event ${output.code}`);
      if (output.kind === "multicast") this.measures.count(`message ${kindOf(output.payload)}`);
      if (output.kind === "reply") {
        if (this.replies.has(output.id)) this.fail(`move ${output.id} is answered twice`);
        this.replies.set(output.id, output.result);
        this.measures.count(output.result.ok ? "move done" : "move refused");
      }
    }
    this.#safety.stepped(daemon, input, outputs);
    this.onStep(daemon, input, outputs);
  }

  spoken(daemon: Daemon, payload: Uint8Array): readonly Uint8Array[] {
    return this.rewrite(daemon.name, payload);
  }

  groupEvent(daemon: Daemon, code: string, facts: TraceFacts): void {
    this.note(daemon.name, `= ${code}`, () => facts);
    this.measures.count(`group ${code}`);
  }

  ended(daemon: Daemon, how: Death | "left" | "gave-up"): void {
    this.note(daemon.name, how, () => ({}));
    this.measures.count(`end ${how}`);
    this.daemons.delete(daemon.name);
    this.#safety.ended(daemon);
  }

  #kernelChanged(name: string, address: string, plumbed: boolean, serving: boolean): void {
    // Until it has cleared its slate, what a host has belongs to a daemon that is dead.
    const live = plumbed && this.daemons.get(name)?.state === "running";
    if (live && !this.measures.plumbedBy(address).has(name)) this.#safety.plumbed(name, address);
    this.measures.changed(this.schedule.now, name, address, live, serving);
  }
}

function factsOf(event: NodeInput | NodeOutput): TraceFacts {
  const facts = Object.entries(event).filter(([name]) => !["kind", "at", "payload"].includes(name));
  return { ...Object.fromEntries(facts), ...("payload" in event ? messageFacts(event.payload) : {}) };
}

function kindOf(payload: Uint8Array): string {
  const message = decodeMessage(payload);
  return typeof message === "string" ? message : (message?.kind ?? "malformed");
}

function messageFacts(payload: Uint8Array): TraceFacts {
  const message = decodeMessage(payload);
  if (message === null || message === "unknown") return { kind: kindOf(payload) };
  if (message.kind !== "announce") return { ...message };
  const { kind, mature, leaving, claims } = message;
  return { kind, mature, leaving, claims: claims.map(({ address }) => address) };
}

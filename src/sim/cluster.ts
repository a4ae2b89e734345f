/**
 * Whole nodes in virtual time: production cores, a group engine, and models of network, kernels and mail. Everything
 * that can happen to a cluster is a method here; scenarios call them by hand, faults.ts by seed.
 */
import type { Entry } from "../core/catalogue/catalogue.js";
import type { CommandOutcome, NodeInput, NodeOutput } from "../core/io.js";
import { ChannelEngine } from "./channel-engine.js";
import { Branches, kindOf } from "./branches.js";
import { Chronicle } from "./chronicle.js";
import { Clock } from "./clock.js";
import { Daemon, type StepWatcher } from "./daemon.js";
import type { Death, GroupEngine } from "./engine.js";
import { factsOf } from "./facts.js";
import { Host } from "./host.js";
import { Lan } from "./lan.js";
import { discord, unrest } from "./liveness.js";
import { Measures } from "./measures.js";
import { ModelEngine } from "./model-engine.js";
import { Network } from "./network.js";
import type { ClusterOptions } from "./options.js";
import { Probes } from "./probes.js";
import { Random } from "./random.js";
import { Safety } from "./safety.js";
import { Schedule } from "./schedule.js";
import { Speaker } from "./speaker.js";
import { Trace, type TraceFacts } from "./trace.js";

/** A broken invariant, with all that is needed to see it again. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";

  constructor(
    readonly seed: number,
    readonly what: string,
    readonly events: readonly string[],
  ) {
    super(`seed ${seed}: ${what}\nthe last events:\n${events.join("\n")}`);
  }
}

const EVENTS_KEPT = 40;
/** More than this without any time in between is no progress. */
const STEPS_AT_ONCE_MAX = 100_000;
/** What the wall clocks say when a run begins; incarnations are taken from them. */
const BEGIN_MS = Date.UTC(2026, 0, 1);

/** From the change of a link until the daemon has looked at it. */
const LOOK_MS = 20;

export class Cluster implements StepWatcher {
  readonly schedule = new Schedule();
  readonly random: Random;
  readonly network: Network;
  readonly lan: Lan;
  readonly probes: Probes;
  readonly measures = new Measures();
  readonly branches = new Branches();
  readonly chronicle = new Chronicle((what) => this.fail(what));
  readonly hosts = new Map<string, Host>();
  /** The daemon that runs on each host, if one does. */
  readonly daemons = new Map<string, Daemon>();
  readonly replies = new Map<number, CommandOutcome>();
  /** Gets each step of each core, after its check. */
  onStep: StepWatcher["stepped"] = () => {};
  /** What a node's message becomes on the wire: its own bytes, unless it is a node of another version. */
  rewrite: (name: string, payload: Uint8Array) => readonly Uint8Array[] = (_, payload) => [payload];
  readonly #trace: Trace;
  readonly #safety: Safety;
  readonly #engine: GroupEngine;
  readonly #entries: Map<string, readonly Entry[]>;
  readonly #retired = new Set<string>();
  readonly #speakers = new Map<string, Speaker>();
  #moves = 0;

  constructor(readonly options: ClusterOptions) {
    const { seed, layout } = options;
    this.random = new Random(seed);
    this.network = new Network(options.network, this.random.stream("network"));
    this.#entries = new Map(layout);
    this.#trace = new Trace(EVENTS_KEPT, options.print);
    this.#safety = new Safety(
      () => this.daemons.values(),
      this.measures,
      () => [...this.hosts.values()].some(({ clock }) => clock.worstDrift > options.clockDriftMax),
      (what) => this.fail(what),
    );
    this.lan = new Lan(options.lan, this.schedule, this.random.stream("lan"), {
      has: (name, address) => this.host(name).plumbed().has(address),
      names: () => this.hosts.keys(),
      hears: (name, from, address) => this.#speakers.get(name)?.hear(from, address),
    });
    this.probes = new Probes(this.schedule, this.random.stream("probes"), this.hosts, options.lan.loss);
    for (const name of layout.keys()) this.hosts.set(name, this.#host(name));
    this.#engine = this.#groupEngine();
  }

  #groupEngine(): GroupEngine {
    const { schedule, network, options } = this;
    const { engine, layout, model, channel } = options;
    const random = this.random.stream("group");
    if (engine === "model") return new ModelEngine(schedule, network, random, [...layout.keys()], model);
    const clockOf = (name: string) => this.host(name).clock;
    return new ChannelEngine(schedule, network, random, [...layout.keys()], channel, clockOf);
  }

  #host(name: string): Host {
    const { options, schedule } = this;
    const random = this.random.stream(`host ${name}`);
    const clock = new Clock(schedule, options.clocks.get(name) ?? { rate: 1, originMs: 0 }, BEGIN_MS);
    const speaks = this.random.stream(`speaker ${name}`);
    const speaker = new Speaker(name, this.lan, schedule, speaks, () => this.daemons.get(name));
    this.#speakers.set(name, speaker);
    return new Host(name, options.lifelines.has(name), clock, options.host, schedule, random, {
      changed: (...change) => this.#kernelChanged(...change),
      announces: (addresses) => {
        speaker.announce(addresses);
        this.probes.announce(name, addresses, (to, heard) => this.daemons.get(to)?.hear(name, heard));
      },
      silences: (addresses) => speaker.silence(addresses),
      hushes: (on) => speaker.hush(on),
    });
  }

  #production(): ChannelEngine {
    if (this.#engine instanceof ChannelEngine) return this.#engine;
    throw new Error("only the production channel has keys and datagrams");
  }

  host(name: string): Host {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name} in this cluster`);
    return host;
  }

  // Faults and commands

  start(...names: string[]): void {
    for (const name of names) {
      const host = this.hosts.get(name);
      if (host === undefined || this.daemons.has(name) || this.#retired.has(name)) continue;
      if (this.entriesOf(name).some(({ address }) => host.foreign.has(address))) {
        this.measures.count("start refused"); // ERR_HOST_ADDRESS
        continue;
      }
      const { viewMatureTimeMs, viewBalanceIntervalMs, balanceSetSize, setups, layout } = this.options;
      const { leaseMs, clockDriftMax, flapHalfLifeMs } = this.options;
      const setup = {
        self: name,
        incarnation: Math.floor(host.clock.wall),
        version: "0.1.0",
        endpoint: { host: "192.0.2.1", port: 4802 },
        entries: this.#entries.get(name) ?? [],
        balanceSetSize,
        viewMatureTimeMs,
        viewBalanceIntervalMs,
        weight: 100,
        flapHalfLifeMs,
        drainRate: 0,
        audit: true,
        peers: [...layout.keys()],
        leaseMs,
        clockDriftMax,
        ...setups.get(name),
      };
      const { daemon: times } = this.options;
      const hosts = () => [...this.hosts.values()];
      const daemon = new Daemon(host, setup, this.#engine, this.schedule, times, this.probes, this, hosts);
      this.daemons.set(name, daemon);
      daemon.start();
    }
  }

  die(name: string, how: Death): void {
    this.daemons.get(name)?.die(how);
  }

  /** The daemon does not run any more, until it is thawed; its kernel goes on, and answers for its addresses. */
  pause(name: string): void {
    this.note(name, "pause", () => ({}));
    this.#safety.cut();
    this.daemons.get(name)?.pause();
  }

  resume(name: string): void {
    this.note(name, "resume", () => ({}));
    this.daemons.get(name)?.resume();
  }

  /** What the host configures from its next start on. */
  configure(name: string, entries: readonly Entry[]): void {
    this.note(name, "configure", () => ({ addresses: entries.map(({ address }) => address) }));
    this.#entries.set(name, entries);
  }

  entriesOf(name: string): readonly Entry[] {
    return this.#entries.get(name) ?? [];
  }

  /** Nobody starts anything on this host any more. */
  retire(name: string): void {
    this.#retired.add(name);
    this.die(name, "power");
  }

  /** What the host's key file says from its next start on. Only the production channel has keys. */
  rekey(name: string, key: string): void {
    this.note(name, "rekey", () => ({ key }));
    this.#production().setKey(name, key);
  }

  /** A datagram that is none of the group's, with the address of a peer as its sender. */
  forge(from: string, to: string): void {
    this.#production().forge(from, to);
  }

  /**
   * A hostile neighbour says that it has addresses.
   *
   * @param as whatever hardware address it likes: a host of the cluster's too.
   */
  claim(as: string, addresses: readonly string[]): void {
    this.lan.send(as, addresses);
  }

  leave(name: string): void {
    this.note(name, "leave", () => ({}));
    this.daemons.get(name)?.leave();
  }

  cut(from: readonly string[], to: readonly string[], oneWay = false): void {
    this.note("net", oneWay ? "cut-one-way" : "cut", () => ({ from, to }));
    this.network.cut(from, to, oneWay);
    this.#safety.cut();
  }

  /** The host's port at the switch of the VIPs' LAN goes, or comes back; its own kernel sees a carrier all the time. */
  unplugFromLan(name: string): void {
    this.note(name, "off the LAN", () => ({}));
    this.lan.unplug(name);
  }

  plugIntoLan(name: string): void {
    this.note(name, "on the LAN", () => ({}));
    this.lan.plug(name);
  }

  /** What goes from the one to the other takes so much longer: where that is long, it is as good as a cut. */
  clog(from: string, to: string, ms: number): void {
    this.note("net", "clog", () => ({ from, to, ms: Math.round(ms) }));
    this.network.clog(from, to, ms);
    this.#safety.cut();
  }

  heal(): void {
    this.note("net", "heal", () => ({}));
    this.network.heal();
  }

  /** @returns the number under which the reply will come, or null when no daemon runs there. */
  move(on: string, address: string, to: string, forMs = 0): number | null {
    return this.#command(on, (at, id) => ({ kind: "move", at, id, address, to, forMs, anyway: true }));
  }

  /** @returns as `move` does. */
  unpin(on: string, address: string): number | null {
    return this.#command(on, (at, id) => ({ kind: "unpin", at, id, address }));
  }

  /** @returns as `move` does. */
  calm(on: string, node: string): number | null {
    return this.#command(on, (at, id) => ({ kind: "calm", at, id, node }));
  }

  /** @returns as `move` does. */
  drain(on: string, keepEmpty: boolean): number | null {
    return this.#command(on, (at, id) => {
      this.note(on, keepEmpty ? "drain" : "undrain", () => ({}));
      return { kind: "drain", at, id, on: keepEmpty };
    });
  }

  #command(on: string, input: (at: number, id: number) => NodeInput): number | null {
    const daemon = this.daemons.get(on);
    if (daemon?.state !== "running") return null;
    const id = ++this.#moves;
    daemon.input(input(daemon.now, id));
    return id;
  }

  /** An administrator, or another program, puts an address on a host: one that has to stay, or that the daemon may
   * remove. */
  putByHand(name: string, address: string, fate: "stays" | "removable"): void {
    this.note(name, "by-hand", () => ({ address, fate }));
    this.host(name).foreign.set(address, fate);
    this.daemons.get(name)?.foreignChanged();
  }

  /** And takes it away. */
  takeAway(name: string, address: string): void {
    if (!this.host(name).foreign.delete(address)) return;
    this.note(name, "taken-away", () => ({ address }));
    this.daemons.get(name)?.foreignChanged();
  }

  /** From now on these Topologies of the host have no carrier, and all others do. */
  unplug(name: string, blocks: readonly string[]): void {
    const host = this.hosts.get(name);
    if (host === undefined || host.unplugged.join() === blocks.join()) return;
    this.note(name, "carrier", () => ({ down: blocks }));
    host.unplugged = blocks;
    this.daemons.get(name)?.linksChanged();
  }

  /** The interface of a Topology goes from a host, or comes back under its name. */
  deleteInterface(name: string, block: string): void {
    this.note(name, "delete-interface", () => ({ block }));
    this.host(name).deleteInterface(block);
    this.#linksChangeSoon(name);
  }

  makeInterface(name: string, block: string): void {
    this.note(name, "make-interface", () => ({ block }));
    this.host(name).makeInterface(block);
    this.#linksChangeSoon(name);
  }

  /** The lifeline goes, with all that is on it; the daemon can make it again after a while. */
  deleteLifeline(name: string, forMs: number): void {
    const host = this.host(name);
    this.note(name, "delete-lifeline", () => ({ forMs: Math.round(forMs) }));
    host.deleteLifeline();
    this.#linksChangeSoon(name);
    this.schedule.after(forMs, () => {
      host.makeLifeline();
      this.#linksChangeSoon(name);
    });
  }

  /** The kernel tells, and the daemon looks; a job may come before that. */
  #linksChangeSoon(name: string): void {
    this.schedule.after(LOOK_MS, () => this.daemons.get(name)?.linksChanged());
  }

  /** From now on these Topologies of the host are so, and all others are not. */
  ail(name: string, how: "deaf" | "mute" | "flushed", blocks: readonly string[]): void {
    this.note(name, how, () => ({ blocks }));
    this.host(name)[how] = new Set(blocks);
  }

  /** Its service stops greeting, or greets again. */
  silence(name: string, dumb: boolean): void {
    this.note(name, "service", () => ({ dumb }));
    this.host(name).dumb = dumb;
  }

  // Time

  run(ms: number): void {
    const end = this.schedule.now + ms;
    let [at, steps] = [-1, 0];
    while (this.schedule.step(end)) {
      steps = this.schedule.now === at ? steps + 1 : 0;
      at = this.schedule.now;
      if (steps > STEPS_AT_ONCE_MAX) this.fail("L1: time stands still: something answers itself for ever");
    }
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
    this.chronicle.started(daemon);
  }

  steps(daemon: Daemon, input: NodeInput): void {
    this.branches.steps(daemon, input);
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
    this.branches.stepped(daemon, input, outputs);
    this.#safety.stepped(daemon, input, outputs);
    this.chronicle.stepped(daemon, outputs);
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
    if (how === "gave-up") this.branches.gaveUp();
    this.daemons.delete(daemon.name);
    this.#speakers.get(daemon.name)?.end();
    this.#safety.ended(daemon);
    this.chronicle.ended(daemon);
  }

  #kernelChanged(name: string, address: string, plumbed: boolean, serving: boolean): void {
    // Until it has cleared its slate, what a host has belongs to a daemon that is dead.
    const live = plumbed && this.daemons.get(name)?.state === "running";
    if (live && !this.measures.plumbedBy(address).has(name)) this.#safety.plumbed(name, address);
    this.measures.changed(this.schedule.now, name, address, live, serving);
  }
}

/**
 * One run of a daemon on a host: the production core between a group engine and the models of kernel and mail, wired as
 * src/node/node.ts wires it. One input at a time, outputs in their order.
 */
import type { NodeInput, NodeOutput } from "../core/io.js";
import { NodeCore, type NodeSetup } from "../core/node.js";
import type { Death, GroupEngine, Membership } from "./engine.js";
import { PLAIN_LIFETIME_MS, type Failure, type Host } from "./host.js";
import { Inbox } from "./inbox.js";
import type { Probes } from "./probes.js";
import { LOOK_EVERY_MS, Senses } from "./senses.js";
import type { Schedule, Timer } from "./schedule.js";

type Done = (failed: readonly Failure[]) => void;

/** A daemon that is stopped goes on with what it was in the middle of within so long after it runs again. */
const PAUSE_LOOK_MS = 20;
const DAY_MS = 24 * 3_600_000;
/** The kernel's word of an address is looked into so much later, as src/node/interface-check.ts does. */
const LOOK_MS = 100;

export interface DaemonTimes {
  /** How often the kernel is held against what the core believes to have. */
  readonly checkMs: number;
  /** How long a leaving daemon waits for its successors. */
  readonly leaveLimitMs: number;
}

/** Sees every step of every core, before it is taken and before its outputs are carried out. */
export interface StepWatcher {
  started(daemon: Daemon): void;
  steps(daemon: Daemon, input: NodeInput): void;
  stepped(daemon: Daemon, input: NodeInput, outputs: readonly NodeOutput[]): void;
  /** What is multicast for a message of a core. */
  spoken(daemon: Daemon, payload: Uint8Array): readonly Uint8Array[];
  groupEvent(daemon: Daemon, code: string, facts: Readonly<Record<string, unknown>>): void;
  ended(daemon: Daemon, how: Death | "left" | "gave-up"): void;
}

export class Daemon {
  readonly core: NodeCore;
  state: "clearing" | "running" | "ended" = "clearing";
  /** Jobs of the kernel that are under way. */
  jobs = 0;
  #cleared = false;
  #membership: Membership | null = null;
  /** Stopped by a signal, or stuck: its kernel goes on. */
  paused = false;
  readonly #inbox = new Inbox<NodeInput>((input) => this.#step(input));
  #wake: Timer | null = null;
  #looksSoon = false;
  #saidForeign = "[]";
  /** Given up to a rival. */
  readonly #yielded = new Set<string>();
  readonly #senses: Senses;

  constructor(
    readonly host: Host,
    setup: NodeSetup,
    private readonly engine: GroupEngine,
    private readonly schedule: Schedule,
    private readonly times: DaemonTimes,
    private readonly probes: Probes,
    private readonly watcher: StepWatcher,
    hosts: () => readonly Host[],
  ) {
    this.core = new NodeCore(setup);
    this.#senses = new Senses(this.core, host, hosts);
  }

  get name(): string {
    return this.core.setup.self;
  }

  /** What its clock shows. */
  get now(): number {
    return this.host.clock.now;
  }

  start(): void {
    this.watcher.started(this);
    this.host.clear(() => {
      this.#cleared = true;
      if (!this.paused) this.#join();
    });
  }

  #join(): void {
    this.state = "running";
    this.#membership = this.engine.join(this.name, this.core.setup.incarnation, {
      onView: (view) => this.input({ kind: "view", at: this.now, view }),
      onTransition: () => this.input({ kind: "transition", at: this.now }),
      onMessage: (from, payload) => this.input({ kind: "message", at: this.now, from, payload }),
      onRefused: (peers) => this.input({ kind: "refused-peers", at: this.now, peers }),
      onEvent: (code, facts) => this.watcher.groupEvent(this, code, facts),
    });
    this.input({ kind: "clock", at: this.now, msOfDay: this.host.clock.wall % DAY_MS });
    if (this.host.down.length > 0) this.linksChanged();
    this.#check();
    this.#renew();
    this.#look();
  }

  #look(): void {
    if (this.state !== "running") return;
    const sense = this.paused ? null : this.#senses.look(this.now);
    if (sense !== null) this.input({ kind: "sense", at: this.now, ...sense });
    this.schedule.after(LOOK_EVERY_MS, () => this.#look());
  }

  linksChanged(): void {
    this.input({ kind: "links", at: this.now, down: this.host.down });
  }

  /** Somebody else has put an address there, or has taken one away. */
  foreignChanged(): void {
    if (this.#looksSoon) return;
    this.#looksSoon = true;
    this.schedule.after(LOOK_MS, () => {
      this.#looksSoon = false;
      this.#lookAtForeign();
    });
  }

  /** What stands there is told as it changes, and removed where that is safe. */
  #lookAtForeign(): void {
    if (this.state !== "running" || this.paused) return;
    const { vips } = this.core.ownership.definitions;
    const configured = new Set(this.core.setup.entries.map(({ address }) => address));
    const managed = [...this.host.foreign].filter(([address]) => configured.has(address) || vips.has(address));
    const isRemovable = ([address, fate]: readonly [string, string]) => fate === "removable" && configured.has(address);
    const removable = managed.filter(isRemovable).map(([address]) => address);
    const staying = managed.filter((one) => !isRemovable(one)).map(([address]) => address);
    const groups = [
      { where: "eth1", stays: "", addresses: removable.sort() },
      { where: "eth1", stays: "the only address of that interface", addresses: staying.sort() },
    ].filter(({ addresses }) => addresses.length > 0);
    const key = JSON.stringify(groups);
    if (key !== this.#saidForeign) this.input({ kind: "foreign", at: this.now, groups });
    this.#saidForeign = key;
    if (removable.length > 0) this.host.removeForeign(removable, () => this.foreignChanged());
  }

  die(how: Death): void {
    this.#membership?.die(how);
    this.#end(how);
  }

  /** SIGTERM. */
  leave(): void {
    if (this.state === "clearing") return this.die("killed");
    if (this.paused) return;
    this.input({ kind: "leave", at: this.now });
    this.#giveUpLater();
  }

  #giveUpLater(): void {
    this.schedule.after(this.times.leaveLimitMs, () => {
      if (this.paused) this.#giveUpLater();
      else if (this.state !== "ended") this.#leaveGroup("gave-up");
    });
  }

  pause(): void {
    this.paused = true;
    this.#inbox.stop();
    this.#membership?.pause();
  }

  resume(): void {
    if (!this.paused || this.state === "ended") return;
    this.paused = false;
    this.#inbox.go((input) => ({ ...input, at: this.now }));
    if (this.#cleared && this.state === "clearing") this.#join();
    else this.#membership?.resume();
  }

  input(input: NodeInput): void {
    this.#inbox.put(input);
  }

  /** Nothing reaches the core of a daemon that has ended. */
  #step(input: NodeInput): void {
    if (this.state !== "running") return;
    this.watcher.steps(this, input);
    const outputs = this.core.step(input);
    this.watcher.stepped(this, input, outputs);
    for (const output of outputs) this.#carryOut(output);
    this.#arm();
  }

  #carryOut(output: NodeOutput): void {
    switch (output.kind) {
      case "multicast":
        for (const payload of this.watcher.spoken(this, output.payload)) this.#membership?.multicast(payload);
        return;
      case "acquire":
        return this.#run((done) => this.#acquire(output, done), output.job);
      case "release":
        return this.#run((done) => this.host.release(output.addresses, output.urgent, () => done([])), output.job);
      case "drop":
        return this.host.drop(output.addresses);
      case "extend":
        return this.host.extend(output.addresses, output.until);
      case "left":
        return this.#leaveGroup("left");
      case "announce":
        return this.host.announce(output.addresses);
      case "hush":
        return this.host.hush(output.on);
      case "homes": // Mail is not modelled; the watcher sees these.
      case "reply":
      case "owners": // The watcher sees these, too.
      case "shared": // The shell's: nothing that the models look at.
      case "hardware": // On the model of the LAN a host has its name for an address.
      case "event":
    }
  }

  readonly #until = (address: string) => this.core.until(address);

  /** What the core holds, and is under no lease. */
  #renew(): void {
    if (this.state !== "running") return;
    const held = this.paused ? [] : [...this.core.hands.held()];
    const plain = held.flatMap(([address, state]) =>
      (state === "present" || state === "acquiring") && this.#until(address) === Number.POSITIVE_INFINITY
        ? [address]
        : [],
    );
    this.host.extend(plain, Number.POSITIVE_INFINITY);
    this.schedule.after(PLAIN_LIFETIME_MS / 3, () => this.#renew());
  }

  /** Asks the LAN first where it has a reason to. */
  #acquire({ addresses, fenced, estranged }: NodeOutput & { kind: "acquire" }, done: Done): void {
    const suspects = new Set(estranged ? fenced : []);
    for (const address of addresses) if (this.#yielded.has(address)) suspects.add(address);
    if (suspects.size === 0) return this.host.acquire(addresses, this.#until, done);
    this.probes.ask(this.name, [...suspects], (answered) => this.#take(addresses, suspects, answered, done));
  }

  #take(
    addresses: readonly string[],
    suspects: ReadonlySet<string>,
    answered: ReadonlyMap<string, string>,
    done: Done,
  ): void {
    if (this.state !== "running") return;
    if (this.paused) {
      this.schedule.after(PAUSE_LOOK_MS, () => this.#take(addresses, suspects, answered, done));
      return;
    }
    for (const address of suspects) if (!answered.has(address)) this.#yielded.delete(address);
    const refused = [...answered].map(([address, by]) => ({ address, reason: `still answered by ${by}` }));
    const free = addresses.filter((address) => !answered.has(address));
    this.host.acquire(free, this.#until, (failed) => done([...refused, ...failed]));
  }

  /** Another host announces addresses. */
  hear(rival: string, addresses: readonly string[]): void {
    const isRefused = this.state === "running" && !this.paused && this.core.refusedPeers.length > 0;
    if (!isRefused || !this.probes.yields(this.name, rival)) return;
    this.giveUp(addresses);
  }

  /** To a rival. */
  giveUp(addresses: readonly string[]): void {
    const lost = addresses.filter((address) => this.core.hands.state(address) === "present");
    if (lost.length === 0) return;
    for (const address of lost) this.#yielded.add(address);
    this.host.release(lost, true, () => this.input({ kind: "lost", at: this.now, addresses: lost }));
  }

  #run(start: (done: Done) => void, job: number): void {
    this.jobs++;
    start((failed) => {
      this.jobs--;
      this.input({ kind: "done", at: this.now, job, failed });
    });
  }

  #leaveGroup(how: "left" | "gave-up"): void {
    this.#membership?.leave();
    this.#end(how);
  }

  #end(how: Death | "left" | "gave-up"): void {
    this.state = "ended";
    this.#wake?.cancel();
    this.host.processDied(how === "killed" || how === "power" ? how : "exited");
    this.watcher.ended(this, how);
  }

  #check(): void {
    if (this.state !== "running") return;
    const lost: string[] = [];
    // The shell looks once it runs again.
    for (const [address, state] of this.paused ? [] : this.core.hands.held()) {
      if (state === "present" && !this.host.plumbed().has(address)) lost.push(address);
    }
    this.#lookAtForeign();
    if (lost.length > 0) this.input({ kind: "lost", at: this.now, addresses: lost });
    this.schedule.after(this.times.checkMs, () => this.#check());
  }

  #arm(): void {
    this.#wake?.cancel();
    if (this.state !== "running" || this.core.deadline === Number.POSITIVE_INFINITY) return;
    const at = this.host.clock.trueTimeOf(this.core.deadline);
    this.#wake = this.schedule.at(at, () => this.input({ kind: "wake", at: this.now }));
  }
}

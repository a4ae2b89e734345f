/**
 * The shell around the core of one node: every outside event becomes one input, every output is carried out in order,
 * and its outcome goes back in. It chooses nothing.
 */
import type { Config } from "../config/types.js";
import { describeAddresses } from "../core/address.js";
import { catalogueOf } from "../core/catalogue/catalogue.js";
import type { NodeInput, NodeOutput } from "../core/io.js";
import { NodeCore } from "../core/node.js";
import { explain } from "../errors.js";
import type { GroupChannel, GroupEvent } from "../group/channel.js";
import type { Kernel } from "../kernel/types.js";
import type { MailService, ServeResult } from "../mail/types.js";
import { AuditFile } from "./audit-file.js";
import { BindingHomes } from "./binding-homes.js";
import { Commands } from "./commands.js";
import type { NodeControl } from "./control.js";
import { DescriptorGuard } from "./descriptor-guard.js";
import { Inbox } from "./inbox.js";
import { ForeignWatch } from "./foreign-watch.js";
import { HealthWatch } from "./health/watch.js";
import { InterfaceCheck } from "./interface-check.js";
import { LanGuard } from "./lan-guard.js";
import { Lifetimes } from "./lifetimes.js";
import type { PlumbedRecord } from "./plumbed-record.js";
import type { Plumber } from "./plumber.js";
import { Sharing } from "./sharing.js";
import { closeSockets } from "./sockets.js";
import { statusControl } from "./status.js";

/** A fact for the log; `code` is stable, and documented in docs/EVENTS.md. */
export type NodeEvent = GroupEvent;

export type NodeEventSink = (event: NodeEvent) => void;

export interface NodeParts {
  readonly config: Config;
  readonly incarnation: number;
  readonly version: string;
  /** Where peers reach this node's ECCluster listener. */
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly kernel: Kernel;
  readonly plumber: Plumber;
  /** Where the kernel keeps no tags. */
  readonly record: PlumbedRecord | null;
  readonly channel: GroupChannel;
  readonly mail: MailService;
  readonly sink: NodeEventSink;
  /** Reads another configuration for this node. @throws HoldfastError that says what is wrong with it. */
  readConfig(file: string): Config;
}

/** How long a leaving node waits for its successors, and then for its queues to move. */
const LEAVE_LIMIT_MS = 10_000;
const QUEUES_LIMIT_MS = 10_000;
const QUEUES_POLL_MS = 50;
/** Well within the margin that a lease leaves for it: src/core/ownership/lease.ts. */
const URGENT_LIMIT_MS = 100;
/** An address that the kernel will not let go of is tried again this often: nobody else may have it meanwhile. */
const UNPLUMB_RETRY_MS = 1_000;

const WARNINGS = new Set([
  "vip-conflict",
  "vip-unsafe",
  "vip-broken",
  "vip-refused",
  "vip-contested",
  "vip-lost",
  "vip-unowned",
  "vip-foreign",
  "quorum-lost",
  "node-damped",
  "node-doubtful",
  "lease-lapsed",
  "partition-policy-differs",
  "table-diverged",
  "version-differs",
  "topology-down",
  "peers-unheard",
  "message-malformed",
]);

/** A lifeline that cannot be made, and a LAN that cannot be heard, are tried again this often. */
const LINKS_AGAIN_MS = 500;

/** Summer time, and whoever sets the clock, are noticed after so long. */
const CLOCK_MS = 60_000;

export class Node {
  readonly control: NodeControl;
  readonly #core: NodeCore;
  readonly #commands = new Commands((input) => this.#input(input));
  readonly #homes: BindingHomes;
  readonly #check: InterfaceCheck;
  readonly #foreign: ForeignWatch;
  readonly #guard: LanGuard;
  readonly #descriptors: DescriptorGuard;
  readonly #lifetimes: Lifetimes;
  readonly #health: HealthWatch;
  readonly #sharing: Sharing;
  readonly #inbox: Inbox;
  readonly #audit: AuditFile | null;
  readonly #startedAt = performance.now();
  #timer: NodeJS.Timeout | null = null;
  #clock: NodeJS.Timeout | undefined;
  #left = false;
  #down: readonly string[] = [];
  #linkLooks = 0;
  #linksAgain: NodeJS.Timeout | undefined;
  #onLeft: () => void = () => {};

  constructor(private readonly parts: NodeParts) {
    const { config, incarnation, version, endpoint } = parts;
    this.#core = new NodeCore({
      self: config.nodename,
      incarnation,
      version,
      endpoint,
      entries: catalogueOf(config),
      balanceSetSize: config.cluster.balanceSetSize,
      weight: config.cluster.weight,
      flapHalfLifeMs: config.cluster.flapHalfLifeMs,
      drainRate: config.cluster.drainRate,
      viewMatureTimeMs: config.cluster.viewMatureTimeMs,
      viewBalanceIntervalMs: config.cluster.viewBalanceIntervalMs,
      peers: config.peers.length > 0 ? config.peers.map(({ name }) => name) : [config.nodename],
      leaseMs: config.cluster.leaseMs,
      clockDriftMax: config.cluster.clockDriftMax,
      audit: config.cluster.auditFile !== null,
    });
    this.#inbox = new Inbox(
      this.#core,
      (output) => this.#carryOut(output),
      () => this.#arm(),
    );
    this.#lifetimes = new Lifetimes({
      ...parts,
      core: this.#core,
      count: this.#core.setup.entries.length,
      dad: config.topologies.some(({ dad }) => dad),
    });
    this.#homes = new BindingHomes(config);
    const { auditFile } = config.cluster;
    this.#audit = auditFile === null ? null : new AuditFile(auditFile, config.nodename, parts.sink);
    const configured = this.#core.setup.entries.map(({ address }) => address);
    const isConfigured = new Set(configured);
    this.#foreign = new ForeignWatch({
      ...parts,
      places: () => parts.plumber.vipPlaces(configured),
      isManaged: (address) => isConfigured.has(address) || this.#core.ownership.definitions.vips.has(address),
      say: (groups) => this.#input({ kind: "foreign", at: performance.now(), groups }),
    });
    this.#check = new InterfaceCheck(parts.kernel, config.cluster.ifCheckIntervalMs, this.#core.hands, {
      lost: (addresses) => this.#input({ kind: "lost", at: performance.now(), addresses }),
      removed: (addresses) => this.#log("warn", "strays-removed", { addresses: describeAddresses(addresses) }),
      links: () => void this.#lookAtLinks(),
      failed: (error) => this.#log("error", "interface-check-failed", { reason: explain(error) }),
      event: parts.sink,
      foreign: this.#foreign,
    });
    const giveUp = async (addresses: readonly string[]) => {
      const present = addresses.filter((address) => this.#core.hands.state(address) === "present");
      await this.#withdraw(present, 0);
      await this.#unplumb(present);
      this.#input({ kind: "lost", at: performance.now(), addresses: present });
    };
    this.#guard = new LanGuard({
      ...parts,
      giveUp,
      estranged: () => this.#core.refusedPeers.length > 0,
      defends: (address) => this.#core.defends(address),
      isMember: (name) => this.#core.ownership.members.has(name),
      say: (macs) => this.#input({ kind: "hardware", at: performance.now(), macs }),
    });
    this.#descriptors = new DescriptorGuard({
      ...parts,
      present: () => this.#core.hands.present(),
      othersAreThere: () => this.#core.ownership.members.size > 1,
      giveUp,
    });
    const managed = new Set(this.#core.setup.entries.map(({ address }) => address));
    this.#health = new HealthWatch({
      ...parts,
      condition: this.#core.condition,
      hands: this.#core.hands,
      isManaged: (address) => managed.has(address),
      tell: (sense) => this.#input({ kind: "sense", at: performance.now(), ...sense }),
    });
    this.#sharing = new Sharing({
      ...parts,
      options: config.cluster,
      say: (share) => this.#input({ kind: "share", at: performance.now(), share }),
    });
    this.control = statusControl({
      ...parts,
      sharing: this.#sharing,
      foreign: this.#foreign,
      core: this.#core,
      startedAt: this.#startedAt,
      run: (command) => this.#commands.run(command),
      addressOf: (vip) => this.#addressOf(vip),
      readConfig: (file) => parts.readConfig(file),
    });
  }

  /** Joins the group. Addresses come once the cluster has settled and this node is mature. */
  async start(): Promise<void> {
    await this.#lookAtLinks();
    await this.#guard.start();
    await this.parts.channel.start({
      onView: (view) => this.#input({ kind: "view", at: performance.now(), view }),
      onTransition: () => this.#input({ kind: "transition", at: performance.now() }),
      onMessage: (from, payload) => this.#input({ kind: "message", at: performance.now(), from, payload }),
      onRefused: (peers) => this.#input({ kind: "refused-peers", at: performance.now(), peers }),
      onEvent: ({ level, code, facts }) => {
        this.#inbox.look(); // The channel knows of a stall before it has anything for the core.
        this.#log(level, code, facts);
      },
    });
    this.#tellTime();
    this.#clock = setInterval(() => this.#tellTime(), CLOCK_MS);
    await this.#check.start();
    this.#sharing.start();
    this.#descriptors.start();
    this.#lifetimes.start();
    this.#health.start();
  }

  #tellTime(): void {
    const now = new Date();
    const msOfDay = ((now.getHours() * 60 + now.getMinutes()) * 60 + now.getSeconds()) * 1000 + now.getMilliseconds();
    this.#input({ kind: "clock", at: performance.now(), msOfDay });
  }

  /** The mail thread died: whatever it served has to be served anew, here or elsewhere. */
  serviceLost(): void {
    const addresses = this.#core.hands.present();
    if (addresses.length > 0) this.#input({ kind: "lost", at: performance.now(), addresses });
  }

  /**
   * Gives every address to the others, then every queue, then leaves the group. What nobody takes within the limits
   * stays in the spool for the next start.
   */
  async stop(): Promise<void> {
    await this.#check.stop();
    this.#foreign.stop();
    clearInterval(this.#clock);
    clearTimeout(this.#linksAgain);
    this.#guard.stop();
    this.#descriptors.stop();
    this.#sharing.stop();
    this.#health.stop();
    const left = new Promise<void>((resolve) => (this.#onLeft = resolve));
    this.#input({ kind: "leave", at: performance.now() });
    if (!this.#left && !(await within(LEAVE_LIMIT_MS, left)))
      this.#log("warn", "leave-timed-out", { afterMs: LEAVE_LIMIT_MS });
    await this.#waitForQueues();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#left = true;
    this.#lifetimes.stop();
    await this.parts.channel.stop();
    await this.#audit?.close();
  }

  /** What the kernel says last counts, whichever of its answers comes first. */
  async #lookAtLinks(): Promise<void> {
    const look = ++this.#linkLooks;
    try {
      await this.#guard.lookAtLinks();
      const down = await this.parts.plumber.look();
      if (this.parts.plumber.isUnsettled && !this.#left) this.#lookAtLinksSoon();
      if (look !== this.#linkLooks || down.join() === this.#down.join()) return;
      this.#down = down;
      this.#input({ kind: "links", at: performance.now(), down });
    } catch (error) {
      this.#log("error", "interface-check-failed", { reason: explain(error) });
    }
  }

  #lookAtLinksSoon(): void {
    clearTimeout(this.#linksAgain);
    this.#linksAgain = setTimeout(() => void this.#lookAtLinks(), LINKS_AGAIN_MS);
    this.#linksAgain.unref();
  }

  #input(input: NodeInput): void {
    this.#inbox.put(input);
  }

  #carryOut(output: NodeOutput): void {
    switch (output.kind) {
      case "multicast":
        return this.parts.channel.multicast(output.payload);
      case "acquire":
        return void this.#acquire(output);
      case "release":
        return void this.#release(output.job, output.addresses, output.urgent);
      case "drop":
        return void this.#drop(output.addresses);
      case "extend":
        return this.#lifetimes.extend(output.addresses, output.until);
      case "announce":
        return this.parts.plumber.announce(this.#sharing.busiestFirst(output.addresses));
      case "homes":
        return this.parts.mail.setHomes(this.#homes.tell(output.homes, this.#core.ownership.members));
      case "reply":
        return this.#commands.reply(output.id, output.result);
      case "shared":
        return this.#sharing.hear(output.from, output.share);
      case "owners":
        return this.#audit?.add(output.change);
      case "hush":
        if (output.on) this.#sharing.now();
        return this.#guard.hush(output.on);
      case "hardware":
        return this.#guard.learn(output.from, output.macs);
      case "left":
        this.#left = true;
        return this.#onLeft();
      case "event":
        // Other members may configure other addresses.
        if (output.code === "settled") this.#check.checkSoon();
        return this.#log(WARNINGS.has(output.code) ? "warn" : "info", output.code, output.facts);
    }
  }

  /**
   * Listen, plumb, tell the LAN, let mail leave: in this order, and the addresses that are used most before the others. Sockets listen before their address is there, so no client
   * finds it without its service; and what cannot be served is not plumbed.
   */
  async #acquire({ job, fenced, estranged, ...acquire }: Extract<NodeOutput, { kind: "acquire" }>): Promise<void> {
    const { mail, plumber } = this.parts;
    const addresses = this.#sharing.busiestFirst(acquire.addresses);
    const failed = new Map<string, string>();
    const others = () => addresses.filter((address) => !failed.has(address));
    const notServed = (results: readonly ServeResult[]) => {
      for (const { address, error } of results) if (error !== null) failed.set(address, error);
    };
    // What others have put there was not plumbed, and is not to be unplumbed.
    const foreign = new Set<string>();
    const isForeign = (address: string, reason: string) => failed.set(address, reason) && foreign.add(address);
    for (const address of addresses) {
      const obstacle = this.#foreign.obstacle(address);
      if (obstacle !== null) isForeign(address, obstacle);
    }
    try {
      const refusal = this.#descriptors.refusal();
      if (refusal !== null) throw new Error(refusal);
      for (const [address, mac] of await this.#guard.stillAnswered(others(), fenced, estranged))
        failed.set(address, `still answered by ${mac}`);
      notServed(await mail.listen(others()));
      await this.parts.record?.add(plumber.vipPlaces(others()));
      for (const { address, reason, foreign: stands } of await this.#lifetimes.plumb(others())) {
        if (stands) isForeign(address, `${reason}; it is not from holdfast: remove it there`);
        else failed.set(address, reason);
      }
      plumber.announce(others().filter((address) => this.#core.hands.state(address) !== "doomed"));
      notServed(await mail.serve(others()));
    } catch (error) {
      for (const address of addresses) failed.set(address, explain(error));
    }
    if (failed.size > 0) {
      void this.#lookAtLinks(); // The kernel may not have told why.
      await this.#undoAcquire([...failed.keys()], foreign);
    }
    if (foreign.size > 0) this.#check.checkSoon();
    const failures = [...failed].map(([address, reason]) => ({ address, reason }));
    this.#input({ kind: "done", at: performance.now(), job, failed: failures });
  }

  /** Nothing waits for it: the releases that follow see to it that nothing stays. */
  async #drop(addresses: readonly string[]): Promise<void> {
    try {
      await this.parts.plumber.drop(addresses);
    } catch (error) {
      this.#log("error", "unplumb-failed", { address: describeAddresses(addresses), reason: explain(error) });
    }
  }

  async #undoAcquire(addresses: readonly string[], foreign: ReadonlySet<string>): Promise<void> {
    await this.#withdraw(addresses, 0);
    await this.#unplumb(addresses.filter((address) => !foreign.has(address)));
  }

  async #release(job: number, addresses: readonly string[], urgent: boolean): Promise<void> {
    const closeAll = () => closeSockets(this.parts.kernel, addresses, this.parts.sink);
    if (urgent) {
      // Somebody else may be about to have them, or has them: not one more frame for them, and no longer for a mail
      // thread that is busy, or still ends a planned release.
      this.#silence(addresses);
      await within(URGENT_LIMIT_MS, Promise.all([this.#withdraw(addresses, 0), closeAll()]));
    } else {
      await this.#withdraw(addresses, this.parts.config.cluster.drainTimeoutMs);
      await closeAll();
    }
    await this.#unplumb(addresses);
    this.#input({ kind: "done", at: performance.now(), job, failed: [] });
  }

  async #withdraw(addresses: readonly string[], drainMs: number): Promise<void> {
    try {
      await this.parts.mail.withdraw(addresses, drainMs);
    } catch (error) {
      // A mail thread that died serves nothing any more.
      this.#log("warn", "withdraw-failed", { reason: explain(error) });
    }
  }

  #silence(addresses: readonly string[]): void {
    this.#guard.forget(addresses);
    this.parts.plumber.silence(addresses);
  }

  /** Does not end before the addresses are gone: whoever is told so may have them next. */
  async #unplumb(addresses: readonly string[]): Promise<void> {
    this.#guard.forget(addresses);
    let left = addresses;
    while (left.length > 0) {
      try {
        const failures = await this.parts.plumber.unplumb(left);
        left = failures.filter(({ foreign }) => !foreign).map(({ address }) => address);
        for (const { address, reason } of failures) this.#log("error", "unplumb-failed", { address, reason });
      } catch (error) {
        this.#log("error", "unplumb-failed", { address: left.join(" "), reason: explain(error) });
      }
      if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, UNPLUMB_RETRY_MS));
    }
  }

  #addressOf(vip: string): string {
    return this.#homes.addressOf(vip) ?? vip;
  }

  /** Queues of bindings that went elsewhere go after them, as long as that makes headway. */
  async #waitForQueues(): Promise<void> {
    const end = performance.now() + QUEUES_LIMIT_MS;
    while (performance.now() < end && this.#core.ownership.members.size > 1) {
      const moving = (await this.parts.mail.queues()).filter(({ binding }) => binding === "#mmove");
      if (moving.length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, QUEUES_POLL_MS));
    }
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const wait = this.#core.deadline - performance.now();
    if (wait === Number.POSITIVE_INFINITY || this.#left) return;
    this.#timer = setTimeout(() => this.#input({ kind: "wake", at: performance.now() }), Math.max(0, wait));
  }

  #log(level: NodeEvent["level"], code: string, facts: NodeEvent["facts"]): void {
    this.parts.sink({ level, code, facts });
  }
}

/** @returns false when the time was over first. */
async function within(limitMs: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), limitMs)));
  const done = await Promise.race([promise.then(() => true), late]);
  clearTimeout(timer);
  return done;
}

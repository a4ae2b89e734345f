/** The whole lab: hosts, daemons, and the processes that watch them; and the questions that the story asks of it. */
import { hasCode } from "../errors.js";
import { checkSnapshot } from "./checks.js";
import { Cluster } from "./cluster.js";
import type { InjectorCounts } from "./injector.js";
import { LabNetwork } from "./namespaces.js";
import { InjectorProcess, ProberProcess, SinkProcess } from "./observers.js";
import { type LabPlan, SINK, SMTP_PORT, STORY_PLAN, type Vip } from "./plan.js";
import { poll } from "./poll.js";
import type { ProberOptions } from "./prober.js";
import type { MailRecord, Snapshot, Violation } from "./records.js";

/** Idle probing opens 240 connections a second in all; the fast pace is the resolution of what is measured. */
const PROBING = { idleMs: 250, fastMs: 5, connectMs: 40, greetMs: 1_500 };
const MAIL_RATE = 30;
/** Generous: a settled state is a matter of a few seconds. */
const SETTLE_LIMIT_MS = 60_000;

export type Probing = Pick<ProberOptions, "idleMs" | "fastMs" | "connectMs" | "greetMs">;

export interface SettleOptions {
  /** What has to hold. Default: all that the story promises. */
  readonly check?: (snapshot: Snapshot) => readonly Violation[];
  readonly limitMs?: number;
}
/** A connection whose other end was reset behind its back is found out by TCP keepalive, after 30 s. */
const DRAIN_LIMIT_MS = 120_000;

export interface Settled {
  readonly snapshot: Snapshot;
  /** Empty, unless the limit was over. */
  readonly violations: readonly Violation[];
}

export class Lab {
  readonly network: LabNetwork;
  readonly cluster: Cluster;
  readonly prober: ProberProcess;
  readonly sink: SinkProcess;
  #injector: InjectorProcess | null = null;

  private constructor(
    network: LabNetwork,
    cluster: Cluster,
    readonly plan: LabPlan,
    probing: Probing,
  ) {
    this.network = network;
    this.cluster = cluster;
    this.sink = new SinkProcess(network, "sink", SINK.address, SINK.port);
    const addresses = plan.vips.map((vip) => vip.address);
    this.prober = new ProberProcess(network, "client", { addresses, port: SMTP_PORT, ...probing });
  }

  /** Hosts, client and sink; no daemon runs yet. */
  static async create(plan: LabPlan = STORY_PLAN, probing: Probing = PROBING): Promise<Lab> {
    const network = await LabNetwork.create(plan.hosts);
    try {
      const lab = new Lab(network, await Cluster.create(network, plan), plan, probing);
      await lab.sink.listening();
      return lab;
    } catch (error) {
      await network.remove();
      throw error;
    }
  }

  /** VIPs on which the node greets the client, as far as the prober knows. */
  ownedBy(node: string): readonly Vip[] {
    const answers = this.prober.answers();
    return this.plan.vips.filter(({ address }) => answers.get(address) === node);
  }

  startMail(): void {
    const options = { lanes: this.plan.lanes, port: SMTP_PORT, rate: MAIL_RATE, run: `${process.pid}` };
    this.#injector = new InjectorProcess(this.network, "client", options);
  }

  get accepted(): number {
    return this.#injector?.accepted.length ?? 0;
  }

  /** Resolves with true once so many more messages got their 250, with false when that takes too long. */
  async moreMail(count: number): Promise<boolean> {
    const goal = this.accepted + count;
    const enough = async () => (this.accepted >= goal ? true : null);
    return (await poll(enough, { everyMs: 100, limitMs: SETTLE_LIMIT_MS })) !== null;
  }

  /** Ends the stream of mail, and waits until no running node has any left. Returns what was accepted and what arrived. */
  async drain(): Promise<{ readonly record: MailRecord; readonly counts: InjectorCounts; readonly left: number }> {
    const counts = (await this.#injector?.stop()) ?? { event: "counts" as const, accepted: 0, refused: {} };
    await poll(async () => ((await this.#queued()) === 0 ? true : null), { everyMs: 250, limitMs: DRAIN_LIMIT_MS });
    const inDoubt = this.cluster.doubts().map(({ id }) => id);
    const record = { accepted: this.#injector?.accepted ?? [], delivered: this.sink.delivered, inDoubt };
    return { record, counts, left: await this.#queued() };
  }

  /** Messages that nodes got from each other, counted since each daemon's last start. */
  async movedBetweenNodes(): Promise<number> {
    const counters = await Promise.all(this.#running().map((node) => this.cluster.counters(node)));
    return counters.reduce((sum, one) => sum + (one["mail.moved-in"] ?? 0), 0);
  }

  #running(): readonly string[] {
    return this.plan.nodes.filter((node) => this.cluster.isRunning(node));
  }

  async #queued(): Promise<number> {
    const queues = await Promise.all(this.#running().map((node) => this.cluster.queues(node)));
    return queues.flat().reduce((sum, row) => sum + row.active + row.delayed, 0);
  }

  /** Waits until the members agree and every promise about a settled cluster holds, or the limit is over. */
  async settle(members: readonly string[], options: SettleOptions = {}): Promise<Settled> {
    const { check = checkSnapshot, limitMs = SETTLE_LIMIT_MS } = options;
    let last: Settled = { snapshot: nothing(this.plan, members), violations: [] };
    await poll(
      async () => {
        this.cluster.requireRunning(members);
        const snapshot = await this.#snapshot(members);
        if (snapshot !== null) last = { snapshot, violations: check(snapshot) };
        return snapshot !== null && last.violations.length === 0 ? true : null;
      },
      { everyMs: 200, limitMs },
    );
    return last.snapshot.owners.size > 0 ? last : { ...last, violations: check(last.snapshot) };
  }

  /** null while a console does not answer. */
  async #snapshot(members: readonly string[]): Promise<Snapshot | null> {
    try {
      const answers = await this.prober.round();
      return {
        vips: this.plan.vips,
        members,
        answers,
        memberships: await this.#ofEach(members, async (node) =>
          (await this.cluster.membership(node)).map((member) => member.node),
        ),
        owners: await this.#ofEach(
          members,
          async (node) => new Map((await this.cluster.duravips(node)).map((vip) => [vip.address, vip.owner])),
        ),
        plumbed: await this.#ofEach(members, async (node) => new Set(await this.network.readLocalAddresses(node))),
        macs: await this.#ofEach(members, (node) => this.network.readMacs(node)),
        neighbours: await this.#ofEach(["client", "sink"], (host) => this.network.readNeighbours(host)),
      };
    } catch (error) {
      if (hasCode(error, "ERR_CONTROL_UNREACHABLE")) return null;
      throw error;
    }
  }

  async #ofEach<T>(hosts: readonly string[], read: (host: string) => Promise<T>): Promise<ReadonlyMap<string, T>> {
    return new Map(await Promise.all(hosts.map(async (host) => [host, await read(host)] as const)));
  }
}

function nothing({ vips }: LabPlan, members: readonly string[]): Snapshot {
  const none = new Map<string, never>();
  return {
    vips,
    members,
    memberships: none,
    owners: none,
    plumbed: none,
    answers: {},
    macs: none,
    neighbours: none,
  };
}

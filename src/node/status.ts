/** What the console sees of a node: plain data, read from the core when asked. */
import type { Config } from "../config/types.js";
import type { NodeCore } from "../core/node.js";
import { leadOf, unitOf, type Vip } from "../core/ownership/definitions.js";
import { isWithheld } from "../core/ownership/policy.js";
import { emptyRow } from "../core/ownership/table.js";
import type { GroupChannel } from "../group/channel.js";
import type { Kernel } from "../kernel/types.js";
import type { MailService } from "../mail/types.js";
import type { DuravipStatus, MemberStatus, MoveResult, NodeControl, NodeInfo } from "./control.js";
import { explainVip, planFor } from "./what-if.js";

export interface StatusParts {
  readonly core: NodeCore;
  readonly config: Config;
  readonly version: string;
  readonly startedAt: number;
  readonly channel: GroupChannel;
  readonly kernel: Kernel;
  readonly mail: MailService;
  readonly sharing: { readonly counters: Readonly<Record<string, number>> };
  move(vip: string, to: string, forMs: number): Promise<MoveResult>;
  drain(on: boolean): Promise<MoveResult>;
  /** The address of a VIP that is named by its address or a binding on it. */
  addressOf(vip: string): string;
  readConfig(file: string): Config;
}

export function statusControl(parts: StatusParts): NodeControl {
  const { mail, channel, kernel } = parts;
  return {
    duravip: () => duravipStatus(parts.core, performance.now()),
    membership: () => memberStatus(parts.core),
    info: () => nodeInfo(parts),
    queues: () => mail.queues(),
    counters: async () => ({
      ...prefixed("mail.", await mail.counters()),
      ...prefixed("group.", channel.counters()),
      ...prefixed("kernel.", kernel.counters),
      ...prefixed("share.", parts.sharing.counters),
    }),
    move: (vip, to, forMs) => parts.move(vip, to, forMs),
    drain: async (on) => ({ ...(await parts.drain(on)), left: parts.core.hands.present().length }),
    explain: (vip) => explainVip(parts.core, vip, parts.addressOf(vip)),
    plan: (request) => planFor(parts.core, request, (file) => parts.readConfig(file)),
  };
}

function duravipStatus(core: NodeCore, now: number): DuravipStatus[] {
  const { definitions } = core.ownership;
  return [...definitions.vips.values()].map((vip) => vipStatus(core, vip, now));
}

function vipStatus(core: NodeCore, vip: Vip, now: number): DuravipStatus {
  const { definitions, rows, view } = core.ownership;
  const lead = leadOf(definitions.vips, vip);
  // A broken follower has no home, even where its leader has one.
  const row = (vip.broken ? undefined : rows.get(lead)) ?? emptyRow();
  const { conflict, unsafe, broken, preferences, participants } = vip;
  return {
    address: vip.address,
    bindings: vip.names,
    owner: row.owner,
    phase: row.phase,
    target: row.target,
    epoch: row.epoch,
    preferences,
    follows: lead === vip.address ? null : lead,
    pinnedTo: row.pin,
    conflict,
    unsafe,
    broken,
    withheld: isWithheldHere(core, vip),
    viewStableSeconds: seconds(now - core.changedAt(lead)),
    configurationStableSeconds: seconds(now - core.settledAt),
    participants: (view?.members ?? []).flatMap((node) => {
      const services = participants.get(node);
      return services === undefined ? [] : [{ node, services }];
    }),
  };
}

function isWithheldHere({ ownership: { definitions, view } }: NodeCore, vip: Vip): boolean {
  const unit = unitOf(definitions, vip.address);
  return unit !== undefined && isWithheld(unit, view?.quorate === true);
}

function memberStatus(core: NodeCore): MemberStatus[] {
  const { members, view } = core.ownership;
  return [...members].map(([node, { announcement }]) => ({
    node,
    version: announcement.version,
    address: `${announcement.endpoint.host}:${announcement.endpoint.port}`,
    incarnation: announcement.incarnation,
    leader: node === view?.leader,
    self: node === core.setup.self,
  }));
}

function nodeInfo({ core, config, version, startedAt }: StatusParts): NodeInfo {
  const { view, definitions } = core.ownership;
  const withheld =
    view?.quorate === false ? [...definitions.vips.values()].filter((vip) => isWithheldHere(core, vip)).length : 0;
  return {
    node: config.nodename,
    version,
    clusterGroup: config.cluster.clusterGroup,
    controlGroup: config.cluster.controlGroup,
    channelPort: config.channel.port,
    leader: view?.leader ?? null,
    viewSeq: view?.seq ?? 0,
    quorate: view?.quorate ?? false,
    withheld,
    uptimeSeconds: seconds(performance.now() - startedAt),
  };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [prefix + name, value]));
}

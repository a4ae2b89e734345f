/** What the console sees of a node: plain data, read from the core when asked. */
import type { Config } from "../config/types.js";
import type { NodeCore } from "../core/node.js";
import { inWords } from "../core/foreign.js";
import { reasonIn } from "../core/health/reasons.js";
import { leadOf, unitOf, type Vip } from "../core/ownership/definitions.js";
import { isWithheld } from "../core/ownership/policy.js";
import { emptyRow } from "../core/ownership/table.js";
import { remedyFor } from "../core/channel/refused-peers.js";
import type { GroupChannel } from "../group/channel.js";
import type { Kernel } from "../kernel/types.js";
import type { MailService } from "../mail/types.js";
import type { Command, CommandResult } from "./commands.js";
import type { DuravipStatus, MemberStatus, MoveResult, NodeControl, NodeInfo, UnpinResult } from "./control.js";
import { explainVip, planFor } from "./what-if.js";

export interface StatusParts {
  readonly core: NodeCore;
  readonly config: Config;
  readonly version: string;
  readonly startedAt: number;
  readonly channel: GroupChannel;
  readonly kernel: Kernel;
  readonly mail: MailService;
  readonly foreign: { readonly counters: Readonly<Record<string, number>> };
  readonly sharing: { readonly counters: Readonly<Record<string, number>> };
  /** Gives a command to the core. @throws HoldfastError where it does not come about. */
  run(command: Command): Promise<CommandResult>;
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
      ...prefixed("foreign.", parts.foreign.counters),
      ...prefixed("share.", parts.sharing.counters),
    }),
    move: (vip, to, forMs, anyway) => move(parts, vip, to, forMs, anyway),
    unpin: (vip) => unpin(parts, parts.addressOf(vip)),
    calm: async (node) => ({ node, wasDamped: (await parts.run({ kind: "calm", node })).changed }),
    drain: async (on) => {
      const { moved, tookMs, changed } = await parts.run({ kind: "drain", on });
      return { moved, elapsedMs: tookMs, changed, left: parts.core.hands.present().length };
    },
    explain: (vip) => explainVip(parts.core, vip, parts.addressOf(vip), performance.now()),
    plan: (request) => planFor(parts.core, request, (file) => parts.readConfig(file)),
  };
}

async function move(parts: StatusParts, vip: string, to: string, forMs: number, anyway: boolean): Promise<MoveResult> {
  const address = parts.addressOf(vip);
  const { moved, tookMs, ...rest } = await parts.run({ kind: "move", address, to, forMs, anyway });
  return { address, to, forMs, moved, elapsedMs: tookMs, before: rest.before ?? null, missing: rest.missing ?? null };
}

async function unpin(parts: StatusParts, address: string): Promise<UnpinResult> {
  const { moved, tookMs, before } = await parts.run({ kind: "unpin", address });
  const lead = before?.lead ?? address;
  const owner = parts.core.ownership.rows.get(lead)?.owner ?? null;
  return { address, moved, elapsedMs: tookMs, before: before ?? null, owner };
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
    pinnedSeconds: row.pin === null ? null : pinnedSeconds(core.pinnedMs(lead, now)),
    conflict,
    unsafe,
    broken,
    withheld: isWithheldHere(core, vip),
    foreign: core.foreign.copiesOf(vip.address).map(({ node, ...place }) => ({ node, place: inWords(place) })),
    trouble: troubleOf(core, vip, row.owner),
    viewStableSeconds: seconds(now - core.changedAt(lead)),
    configurationStableSeconds: seconds(now - core.settledAt),
    participants: (view?.members ?? []).flatMap((node) => {
      const services = participants.get(node);
      return services === undefined ? [] : [{ node, services }];
    }),
  };
}

/** What keeps its owner from serving it; nobody else may have it either, or it is about to go there. */
function troubleOf({ ownership }: NodeCore, { topology }: Vip, owner: string | null): string | null {
  const health = ownership.members.get(owner ?? "")?.health;
  return health?.down.includes(topology) === true ? `${owner} ${reasonIn(health, topology)} in ${topology}` : null;
}

function isWithheldHere({ ownership: { definitions, view } }: NodeCore, vip: Vip): boolean {
  const unit = unitOf(definitions, vip.address);
  return unit !== undefined && isWithheld(unit, view?.quorate === true);
}

function memberStatus(core: NodeCore): MemberStatus[] {
  const { members, view } = core.ownership;
  return [...members].map(([node, { announcement, health }]) => ({
    node,
    version: announcement.version,
    address: `${announcement.endpoint.host}:${announcement.endpoint.port}`,
    incarnation: announcement.incarnation,
    leader: node === view?.leader,
    self: node === core.setup.self,
    troubles: health.down.map((topology) => ({ topology, reason: reasonIn(health, topology) })),
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
    refusedPeers: core.refusedPeers.map((refused) => ({ ...refused, remedy: remedyFor(refused) })),
    uptimeSeconds: seconds(performance.now() - startedAt),
  };
}

/** null for a pin without an end. */
function pinnedSeconds(ms: number): number | null {
  return ms === 0 ? null : Math.ceil(ms / 1000);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function prefixed(prefix: string, counters: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counters).map(([name, value]) => [prefix + name, value]));
}

/**
 * Commands of operators that are about a place or a node, as the node takes them that was asked: what is refused at once,
 * what the cluster is asked for, and what is replied when that has come about.
 */
import type { ForeignAddresses } from "./foreign.js";
import type { CommandOutcome, MonoMs, NodeInput, NodeOutput } from "./io.js";
import { addressesFor, unitOf, type Unit } from "./ownership/definitions.js";
import { out } from "./ownership/explain.js";
import type { Ownership } from "./ownership/ownership.js";
import { PendingMoves } from "./ownership/pending-moves.js";
import { PendingRequests } from "./ownership/pending-requests.js";
import { missingServices } from "./ownership/services.js";
import { heirOf, type Row } from "./ownership/table.js";
import type { WireMessage } from "./wire/messages.js";

type Command = Extract<NodeInput, { kind: "move" | "unpin" | "calm" }>;
type Refusal = Extract<CommandOutcome, { ok: false }>;

export class Commands {
  readonly #moves = new PendingMoves();
  readonly #requests = new PendingRequests();

  /** @param peers names of all nodes that the cluster may have. */
  constructor(
    private readonly ownership: Ownership,
    private readonly peers: readonly string[],
    private readonly foreign: Pick<ForeignAddresses, "obstacleAt">,
  ) {}

  /** @returns what is to be multicast for it, or a refusal. */
  start(command: Command): { readonly message: WireMessage } | { readonly refusal: NodeOutput } {
    const refusal = this.ownership.settled
      ? null
      : { ok: false as const, reason: "the cluster is just agreeing on a new view", retry: true };
    const result = refusal ?? this.#begin(command);
    return "ok" in result ? { refusal: { kind: "reply", id: command.id, result } } : { message: result };
  }

  /** A message has been delivered, and the table has taken it or not. */
  delivered(from: string, self: string, message: WireMessage, at: MonoMs): NodeOutput[] {
    if (message.kind === "calm") return this.#requests.calmed(message.members, at);
    if (message.kind !== "move" || from !== self) return [];
    return this.#moves.delivered(message.command, this.ownership.rows);
  }

  /** What a request asks of the member that leads. */
  asked({ calm, unpin }: Extract<WireMessage, { kind: "request" }>): WireMessage[] {
    const said: WireMessage[] = [];
    if (calm.length > 0) said.push({ kind: "calm", members: calm, regaining: [] });
    if (unpin.length > 0) said.push({ kind: "unpin", leads: unpin });
    return said;
  }

  check(at: MonoMs): NodeOutput[] {
    const { rows, definitions } = this.ownership;
    return [...this.#moves.check(rows, definitions, at), ...this.#requests.check(rows, definitions, at)];
  }

  /** A new view has begun: the leader that was asked may be another one now. */
  viewChanged(): NodeOutput[] {
    return this.#requests.abandon();
  }

  /** A table made anew does not remember what was under way. */
  abandon(): NodeOutput[] {
    return [...this.#moves.abandon(), ...this.#requests.abandon()];
  }

  #begin(command: Command): WireMessage | Refusal {
    if (command.kind === "calm") return this.#calm(command);
    const place = this.#placeOf(command.address);
    if ("ok" in place) return place;
    return command.kind === "move" ? this.#move(command, place) : this.#unpin(command, place);
  }

  #placeOf(address: string): { readonly unit: Unit; readonly row: Row } | Refusal {
    const { definitions, rows } = this.ownership;
    if (!definitions.vips.has(address)) return refused(`${address} is no DuraVIP of this cluster`);
    const unit = unitOf(definitions, address);
    const row = rows.get(unit?.lead.address ?? "");
    if (unit === undefined || row === undefined || unit.lead.broken)
      return refused(`${address} is BROKEN: names and addresses differ between members`);
    return { unit, row };
  }

  #move(
    { id, to, forMs, anyway, at, address }: Extract<Command, { kind: "move" }>,
    { unit, row }: { unit: Unit; row: Row },
  ): WireMessage | Refusal {
    if (!this.ownership.members.has(to)) return refused(`${to} is no member of the cluster`);
    const lead = unit.lead.address;
    const foreign = this.foreign.obstacleAt(to, addressesFor(unit, to));
    if (foreign !== null) return { ok: false, reason: `${to} has ${foreign}; remove it there`, retry: true };
    const why = out(this.ownership, unit, row, to);
    if (why !== null) return { ok: false, reason: `${to} ${why}`, retry: unit.electorate.includes(to) };
    const missing = missingServices(unit, heirOf(row), to);
    if (missing !== null && !anyway)
      return {
        ok: false,
        reason: `${missing}. Nothing was moved; to move it all the same: cluster duravip move ${address} to ${to} anyway`,
        retry: false,
        unsafe: true,
      };
    this.#moves.add({ id, to, forMs, before: beforeOf(lead, row), missing, startedAt: at });
    return { kind: "move", command: id, lead, to, forMs };
  }

  #unpin({ id, at, address }: Extract<Command, { kind: "unpin" }>, { unit, row }: { unit: Unit; row: Row }) {
    const lead = unit.lead.address;
    if (row.pin === null) return refused(`${address} is not pinned; cluster duravip show names what is`);
    this.#requests.unpin({ id, before: beforeOf(lead, row), startedAt: at });
    return { kind: "request" as const, calm: [], unpin: [lead] };
  }

  #calm({ id, at, node }: Extract<Command, { kind: "calm" }>): WireMessage | Refusal {
    const member = this.ownership.members.get(node);
    if (member === undefined && !this.peers.includes(node)) return refused(`${node} is no node of this cluster`);
    this.#requests.calm({ id, node, wasDamped: member?.damped === true, startedAt: at });
    return { kind: "request", calm: [node], unpin: [] };
  }
}

function refused(reason: string): Refusal {
  return { ok: false, reason, retry: false };
}

function beforeOf(lead: string, row: Row) {
  const { owner, target, pin } = row;
  // A target that has begun to take the addresses has them before anybody else can.
  return { lead, owner: owner ?? target, heir: heirOf(row), atRest: row.phase === "idle", pin };
}

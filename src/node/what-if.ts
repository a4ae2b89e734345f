/** Why an address is where it is, and what would move if something happened: asked of the core, which stays as it is. */
import type { Config } from "../config/types.js";
import { catalogueOf } from "../core/catalogue/catalogue.js";
import { inWords } from "../core/foreign.js";
import type { NodeCore } from "../core/node.js";
import { explain, type Explanation } from "../core/ownership/explain.js";
import { plan, type Event, type Plan } from "../core/ownership/plan.js";
import { HoldfastError } from "../errors.js";
import type { PlanRequest } from "./control.js";

export function explainVip(core: NodeCore, vip: string, address: string, now: number): Explanation {
  requireSettled(core);
  const explanation = explain(core.ownership, address, (member) => core.damping(member, now));
  if (explanation === null) throw new HoldfastError("ERR_COMMAND", `${vip} is no DuraVIP of this cluster`);
  const copies = core.foreign.copiesOf(address).map(({ node, ...place }) => {
    return `${node} has it in its kernel, and not from the cluster: ${inWords(place)}.`;
  });
  return { ...explanation, otherwise: [...copies, ...explanation.otherwise] };
}

/** @param readConfig throws what is wrong with a file. */
export function planFor(core: NodeCore, request: PlanRequest, readConfig: (file: string) => Config): Plan {
  requireSettled(core);
  return plan(core.ownership, eventOf(core, request, readConfig));
}

function eventOf(core: NodeCore, request: PlanRequest, readConfig: (file: string) => Config): Event {
  const { self, entries } = core.setup;
  if (request.kind === "config") return { kind: "config", node: self, entries: catalogueOf(readConfig(request.file)) };
  const { kind, node } = request;
  const isMember = core.ownership.members.has(node);
  if (kind === "join") {
    if (isMember) throw new HoldfastError("ERR_COMMAND", `${node} is a member of the cluster already`);
    return { kind, node, entries };
  }
  if (!isMember) throw new HoldfastError("ERR_COMMAND", `${node} is no member of the cluster`);
  return { kind, node };
}

function requireSettled({ ownership }: NodeCore): void {
  if (!ownership.settled)
    throw new HoldfastError("ERR_COMMAND", "the cluster is just agreeing on a new view; ask again in a moment");
}

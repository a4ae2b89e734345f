/**
 * Members that could not plumb what they were given: whoever refuses two units of a Topology, with none taken in between,
 * is *doubtful* there, and is given only what nobody else can have. It says TRY now and then; then one unit goes to it for
 * a trial. The first unit that it takes ends the doubt. One address that it can never have makes no member doubtful.
 *
 * Replicated: it changes only by delivered messages, and each member says in ANNOUNCE where it is doubtful itself.
 *
 * Source: docs/PROTOCOL.md, "Placement".
 */
import { hashOf } from "./hash.js";

/** What has been refused of one Topology since something there was taken. */
interface Doubt {
  /** Different units, by the address that leads: another trial begins with another one. */
  readonly refused: Set<string>;
  doubtful: boolean;
  /** It has said TRY: one unit that others could have may go to it. */
  credit: boolean;
  /** The unit that prefers it and goes to it for a trial. */
  trial: string | null;
}

/** What placement goes by, for one Topology in which a member is doubtful. */
export type Doubtful = Readonly<Pick<Doubt, "credit" | "trial">> & { readonly refused: ReadonlySet<string> };

/** One refusal may be for the address' own sake. */
const DOUBTFUL_FROM = 2;

export class Doubts {
  /** By member, and there by Topology. */
  readonly #doubts = new Map<string, Map<string, Doubt>>();

  /** @param announced by member, the Topologies in which it says that it is doubtful. */
  constructor(announced: Iterable<readonly [string, readonly string[]]> = []) {
    for (const [member, topologies] of announced)
      for (const topology of topologies) this.#at(member, topology).doubtful = true;
  }

  /** Topologies in which the member is doubtful, each with what it may have there all the same. */
  of(member: string): ReadonlyMap<string, Doubtful> {
    return new Map([...(this.#doubts.get(member) ?? [])].filter(([, { doubtful }]) => doubtful));
  }

  get(member: string, topology: string): Doubtful | null {
    const doubt = this.#doubts.get(member)?.get(topology);
    return doubt?.doubtful === true ? doubt : null;
  }

  refused(member: string, topology: string, lead: string): void {
    const doubt = this.#at(member, topology);
    doubt.refused.add(lead);
    Object.assign(doubt, { credit: false, trial: null });
    doubt.doubtful ||= doubt.refused.size >= DOUBTFUL_FROM;
  }

  /** @returns true where the member was doubtful. */
  owned(member: string, topology: string): boolean {
    const doubt = this.#doubts.get(member)?.get(topology);
    this.#doubts.get(member)?.delete(topology);
    return doubt?.doubtful === true;
  }

  /** Before `grant`. Where the last trial has found no unit, those that were refused may be tried again. */
  renew(member: string, topology: string): void {
    const doubt = this.#doubts.get(member)?.get(topology);
    if (doubt?.credit === true) doubt.refused.clear();
  }

  /** The member has said TRY. @param trial a unit that prefers it and would go to it but for the doubt; null for none. */
  grant(member: string, topology: string, trial: string | null): void {
    const doubt = this.#doubts.get(member)?.get(topology);
    if (doubt?.doubtful === true) Object.assign(doubt, { credit: true, trial });
  }

  /** Something is on its way to the member. */
  spend(member: string, topology: string): void {
    const doubt = this.#doubts.get(member)?.get(topology);
    if (doubt !== undefined) Object.assign(doubt, { credit: false, trial: null });
  }

  /** Of a member that comes back nothing is remembered. */
  keepOnly(members: readonly string[]): void {
    for (const member of this.#doubts.keys()) if (!members.includes(member)) this.#doubts.delete(member);
  }

  fork(): Doubts {
    const copy = new Doubts();
    for (const [member, topologies] of this.#doubts)
      for (const [topology, doubt] of topologies)
        Object.assign(copy.#at(member, topology), { ...doubt, refused: new Set(doubt.refused) });
    return copy;
  }

  /** The same on all members after the same deliveries; 0 where there are none. */
  get digest(): number {
    let digest = 0;
    for (const [member, topologies] of this.#doubts) {
      for (const [topology, { refused, doubtful, credit, trial }] of topologies) {
        let units = 0; // Sets are of no order.
        for (const lead of refused) units ^= hashOf(lead);
        digest ^= hashOf(`${member} ${topology} ${doubtful} ${credit} ${trial} ${units}`);
      }
    }
    return digest;
  }

  #at(member: string, topology: string): Doubt {
    const topologies = this.#doubts.get(member) ?? new Map<string, Doubt>();
    this.#doubts.set(member, topologies);
    const doubt = topologies.get(topology) ?? { refused: new Set(), doubtful: false, credit: false, trial: null };
    topologies.set(topology, doubt);
    return doubt;
  }
}

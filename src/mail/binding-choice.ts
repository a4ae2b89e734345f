/**
 * Which binding a message belongs to: pure.
 *
 * In this order: the binding that the listener follows, or the one on the listener's own address; the header named by
 * `Binding_Header`; `default`. Names are compared exactly; a name is a binding, or else a group, of which one member is
 * taken: not suspended and local; else not suspended anywhere (then the message moves there); else, all being
 * suspended, a local one, so that suspension never sends mail back and forth between nodes.
 */
import type { Binding, Listen } from "../config/types.js";

export interface Member {
  readonly name: string;
  /** By itself or by its group. */
  readonly suspended: boolean;
  /** Mail may leave from it on this node now. */
  readonly local: boolean;
}

export interface Directory {
  hasBinding(name: string): boolean;
  /** Members of a group in the order of the configuration, or null when there is no such group. */
  members(group: string): readonly Member[] | null;
  /** 0, 1, 2 ... a group, one more with each call: the round robin. */
  turn(group: string): number;
  /** 0 to below 1. */
  random(): number;
}

export interface Choice {
  readonly binding: string;
  /** A name that the header gave and that nothing has, or null. */
  readonly unknown: string | null;
}

/** @param listener what `listenerBinding` said. @param header value of the header, or null. */
export function chooseBinding(listener: string | null, header: string | null, directory: Directory): Choice {
  if (listener !== null) return { binding: listener, unknown: null };
  if (header === null) return { binding: "default", unknown: null };
  if (directory.hasBinding(header)) return { binding: header, unknown: null };
  const member = memberOf(header, directory);
  return member === null ? { binding: "default", unknown: header } : { binding: member, unknown: null };
}

function memberOf(group: string, directory: Directory): string | null {
  const members = directory.members(group);
  if (members === null || members.length === 0) return null;
  const awake = members.filter((member) => !member.suspended);
  if (awake.length > 0) {
    const local = awake.filter((member) => member.local);
    const candidates = local.length > 0 ? local : awake;
    return candidates[directory.turn(group) % candidates.length]?.name ?? null;
  }
  const local = members.filter((member) => member.local);
  const candidates = local.length > 0 ? local : members;
  return candidates[Math.floor(directory.random() * candidates.length)]?.name ?? null;
}

/**
 * The binding that mail of a listener belongs to, or null.
 *
 * @param address that the client connected to; a wildcard listener has no other.
 * @param on bindings on an address, in the order of the configuration.
 */
export function listenerBinding(
  listen: Listen,
  address: string,
  on: (address: string) => readonly Binding[],
): string | null {
  if (listen.follow !== null) return listen.follow.binding ?? on(listen.follow.address)[0]?.name ?? null;
  const wildcard = listen.endpoint.host === "*" || listen.endpoint.host === "::";
  return on(wildcard ? address : listen.endpoint.host)[0]?.name ?? null;
}

/** `holdfast kernel watch`: what changes on this host, as the kernel tells it, a line each. */
import type { KernelChanges, Link, LinkChange, Neighbour, NeighbourChange } from "../../kernel/index.js";
import { formatListed, type ListedAddress, listed } from "./listing.js";

/** Plain data: with `--json`, one a line. */
export type WatchEvent =
  | { readonly event: "address-added" | "address-removed"; readonly address: ListedAddress }
  | { readonly event: "link-added" | "link-removed"; readonly link: Link }
  | { readonly event: "link-changed"; readonly before: Link; readonly after: Link }
  | { readonly event: "neighbour-added" | "neighbour-removed"; readonly neighbour: NamedNeighbour }
  | { readonly event: "neighbour-changed"; readonly before: NamedNeighbour; readonly after: NamedNeighbour }
  /** Notifications were lost; what they told is made up for by the events around this one. */
  | { readonly event: "resynced" };

interface NamedNeighbour extends Neighbour {
  readonly link: string;
}

/** Turns changes into events in which interfaces have their names; of one that has gone, the last. */
export class WatchEvents {
  readonly #links: Map<number, Link>;

  /** @param links of the host when the watch began. */
  constructor(
    links: readonly Link[],
    private readonly protocol: number,
  ) {
    this.#links = new Map(links.map((link) => [link.index, link]));
  }

  of({ removed, added, links, neighbours, resynced }: KernelChanges): WatchEvent[] {
    for (const { after } of links) if (after !== null) this.#links.set(after.index, after);
    const known = [...this.#links.values()];
    const owned = (found: KernelChanges["added"]) => listed(found, known, this.protocol);
    const events: WatchEvent[] = [
      ...(resynced ? [{ event: "resynced" } as const] : []),
      ...links.flatMap((change) => linkEvent(change)),
      ...owned(removed).map((address) => ({ event: "address-removed", address }) as const),
      ...owned(added).map((address) => ({ event: "address-added", address }) as const),
      ...neighbours.flatMap((change) => this.#neighbourEvent(change)),
    ];
    for (const { before, after } of links) if (before !== null && after === null) this.#links.delete(before.index);
    return events;
  }

  #neighbourEvent({ before, after }: NeighbourChange): WatchEvent[] {
    const named = (one: Neighbour) => ({ ...one, link: this.#links.get(one.ifindex)?.name ?? `${one.ifindex}` });
    if (before !== null && after !== null)
      return [{ event: "neighbour-changed", before: named(before), after: named(after) }];
    if (after !== null) return [{ event: "neighbour-added", neighbour: named(after) }];
    return before === null ? [] : [{ event: "neighbour-removed", neighbour: named(before) }];
  }
}

function linkEvent({ before, after }: LinkChange): WatchEvent[] {
  if (before !== null && after !== null) return [{ event: "link-changed", before, after }];
  if (after !== null) return [{ event: "link-added", link: after }];
  return before === null ? [] : [{ event: "link-removed", link: before }];
}

export function formatWatchEvent(event: WatchEvent): string {
  switch (event.event) {
    case "address-added":
      return `+ ${formatListed(event.address)}`;
    case "address-removed":
      return `- ${formatListed(event.address)}`;
    case "link-added":
      return `+ link ${describeLink(event.link)}\n`;
    case "link-removed":
      return `- link ${describeLink(event.link)}\n`;
    case "link-changed":
      return `~ link ${describeLink(event.before)}: now ${describeLink(event.after)}\n`;
    case "neighbour-added":
      return `+ neighbour ${describeNeighbour(event.neighbour)}\n`;
    case "neighbour-removed":
      return `- neighbour ${describeNeighbour(event.neighbour)}\n`;
    case "neighbour-changed":
      return `~ neighbour ${describeNeighbour(event.before)}: now ${event.after.mac}\n`;
    case "resynced":
      return "! notifications were lost; the table was read anew\n";
  }
}

function describeLink({ name, mac, up, carrier }: Link): string {
  return `${name} ${mac ?? "-"} ${up ? "up" : "down"} ${carrier ? "carrier" : "no-carrier"}`;
}

function describeNeighbour({ address, link, mac }: NamedNeighbour): string {
  return `${address} ${link} ${mac}`;
}
